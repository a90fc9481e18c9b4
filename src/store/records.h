/* SPDX-License-Identifier: MIT
 *
 * store/records.h - what is kept: plain structs whose text and JSON members are owned by the struct.
 * May include: base.
 */
#ifndef OPP_STORE_RECORDS_H
#define OPP_STORE_RECORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Times are milliseconds since 1970 UTC; 0 means none. NULL text or JSON means none. */

struct opp_app {
    char *id, *scope, *status, *name, *description;
    char *user_id, *org_id, *service_user_id, *created_by;
    json_t *scopes, *policy, *auto_execute;
    int64_t created_at, updated_at, deleted_at;
};

struct opp_key {
    char *id, *app_id, *name, *token_hash, *token_prefix, *created_by;
    int64_t created_at, expires_at, revoked_at, last_used_at;
};

struct opp_admin_token {
    char *id, *user_id, *name, *token_hash, *token_prefix;
    json_t *roles, *org_ids; /* org_ids NULL: all */
    int64_t created_at, expires_at, revoked_at, last_used_at;
};

struct opp_draft {
    char *id, *app_id, *key_id, *actor_user_id, *org_id, *action, *status;
    char *request_id, *idempotency_key, *intent_hash, *justification;
    char *preflight_id, *impact_hash, *effect_hash, *witness_hash, *seal, *confirmed_by;
    char *draft_hash; /* of all that is decided about, see core/evidence.h; NULL: schema 1 had none */
    json_t *payload, *resources, *impact, *state, *effect, *witness, *policy, *approvals, *decisions, *review, *failure;
    bool requires_confirmation, auto_execute_requested;
    bool damaged; /* some of its JSON could not be read and is missing; see opp_query.damaged_too */
    int64_t approvals_required, expires_at, created_at, updated_at, confirmed_at, canceled_at;
};

struct opp_execution {
    char *id, *draft_id, *app_id, *key_id, *actor_user_id, *action, *intent_hash, *idempotency_key, *effect_id, *status;
    char *database, *database_id; /* where its receipt will be; NULL: it writes to none */
    char *receipt;                /* JSON: what an upstream's is asked by, of an effect that is a request */
    json_t *result, *error;
    json_t *resolution; /* what a person found, of one that was unknown */
    bool damaged;       /* as a draft's */
    int64_t created_at, finished_at;
};

struct opp_preflight {
    char *id, *app_id, *key_id, *actor_user_id, *action, *intent_hash, *impact_hash, *witness_hash;
    json_t *payload, *impact, *witness;
    int64_t created_at, expires_at;
};

/* (app_id, key) names one intent. id is "<app_id> <key>". expires_at 0: while its draft is not final. */
struct opp_idempotency {
    char *id, *intent_hash, *draft_id, *preflight_id, *previous_execution_id;
    int64_t created_at, expires_at;
};

struct opp_audit_row {
    int64_t seq;
    char *app_id, *org_id, *action, *status, *draft_id, *row,
        *event_hash; /* row: the JCS bytes that event_hash covers */
    int64_t created_at;
};

/* A generation that is or was in force or staged, without its bytes. id is its number, padded so that it sorts; sha256
 * is of all its files; adapters is the id of theirs; turn is its place in the order of those that were put in force, 0
 * where it never was. */
struct opp_generation_head {
    char *id, *profile, *sha256, *adapters;
    int64_t loaded_at, turn;
    bool staged;
};

/* An audit row without what it says. */
struct opp_audit_hash {
    int64_t seq;
    char *event_hash;
};

/* What the chain was at one row, signed: time in milliseconds, link see audit/checkpoint.h, signature in base64, key
 * the name of the key. */
struct opp_checkpoint {
    int64_t seq;
    char *hash, *link, *key, *signature;
    int64_t time;
};

/* All of it, as it was loaded. */
struct opp_generation_record {
    struct opp_generation_head head;
    json_t *sources; /* the profile's files */
};

/* What an operator has stopped. target NULL: everything; lifted_at 0: it is in force. */
struct opp_freeze {
    char *id, *scope, *target, *mode, *reason, *org_id, *created_by, *lifted_by; /* org_id: of the app */
    int64_t created_at, lifted_at;
};

/* The bytes of the adapters of one or more generations. id is their SHA-256. */
struct opp_adapters_record {
    char *id;
    json_t *files;
};

/* In decisions.db: what the rules were shown, what they said and what came of it. The texts from request on are JSON as
 * core/ writes it; number rises with the time, see store/decisions.h. */
struct opp_decision {
    int64_t number;
    char *request_id, *tool, *phase, *app_id, *org_id, *outcome, *profile, *sha256;
    char *request, *core, *recent, *hashed, *ruling, *verdict, *staged;
    int64_t at, generation, took_ns;
    int64_t sample;  /* so many like it were made for each that is logged */
    bool replayable; /* no rule read what is only kept as a hash */
    bool differs;    /* from what the staged rules said */
};

/* In decisions.db: a part of the staged rules' report, of one occasion of staging. */
struct opp_tally_part {
    char *id, *occasion, *state;
};

/* A small value of the gateway's own, such as a key made at the first start. */
struct opp_setting {
    char *id, *value;
};

/* How a record is kept; one constant each. */
struct opp_record;
extern const struct opp_record OPP_APP, OPP_KEY, OPP_ADMIN_TOKEN, OPP_DRAFT, OPP_EXECUTION, OPP_PREFLIGHT,
    OPP_IDEMPOTENCY, OPP_AUDIT_ROW, OPP_SETTING, OPP_GENERATION_HEAD, OPP_GENERATION_RECORD, OPP_DECISION,
    OPP_DECISION_NUMBER, OPP_TALLY_PART, OPP_ADAPTERS_RECORD, OPP_AUDIT_HASH, OPP_CHECKPOINT, OPP_FREEZE;
/* A struct opp_draft of which only the members that are not JSON are read: what ends a draft needs no more, and works
 * on one that is damaged. Free it as OPP_DRAFT. */
extern const struct opp_record OPP_DRAFT_HEAD;
/* The same of an execution. */
extern const struct opp_record OPP_EXECUTION_HEAD;

/* Frees what the struct owns and the struct itself; NULL allowed. */
void opp_record_free(const struct opp_record *record, void *value);

#endif
