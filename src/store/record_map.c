/* SPDX-License-Identifier: MIT */
#include "store/record_map.h"

#include "base/buf.h"
#include "base/jcs.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(type, member)                                     \
    {                                                          \
#member, OPP_FIELD_TEXT, offsetof(struct type, member) \
    }
#define INTEGER(type, member)                                     \
    {                                                             \
#member, OPP_FIELD_INTEGER, offsetof(struct type, member) \
    }
#define BOOL(type, member)                                     \
    {                                                          \
#member, OPP_FIELD_BOOL, offsetof(struct type, member) \
    }
#define JSON(type, member)                                     \
    {                                                          \
#member, OPP_FIELD_JSON, offsetof(struct type, member) \
    }
#define RECORD(name, table_name, type, fields_of) \
    const struct opp_record name = { table_name, fields_of, COUNT(fields_of), sizeof(struct type), 0 }
/* One of which damaged rows can be told. */
#define RECORD_FLAGGED(name, table_name, type, fields_of)                                          \
    const struct opp_record name = { table_name, fields_of, COUNT(fields_of), sizeof(struct type), \
                                     offsetof(struct type, damaged) }

static const struct opp_field APP_FIELDS[] = {
    TEXT(opp_app, id),
    TEXT(opp_app, scope),
    TEXT(opp_app, status),
    TEXT(opp_app, name),
    TEXT(opp_app, description),
    TEXT(opp_app, user_id),
    TEXT(opp_app, org_id),
    TEXT(opp_app, service_user_id),
    TEXT(opp_app, created_by),
    JSON(opp_app, scopes),
    JSON(opp_app, policy),
    JSON(opp_app, auto_execute),
    INTEGER(opp_app, created_at),
    INTEGER(opp_app, updated_at),
    INTEGER(opp_app, deleted_at),
};
RECORD(OPP_APP, "apps", opp_app, APP_FIELDS);

static const struct opp_field KEY_FIELDS[] = {
    TEXT(opp_key, id),
    TEXT(opp_key, app_id),
    TEXT(opp_key, name),
    TEXT(opp_key, token_hash),
    TEXT(opp_key, token_prefix),
    TEXT(opp_key, created_by),
    INTEGER(opp_key, created_at),
    INTEGER(opp_key, expires_at),
    INTEGER(opp_key, revoked_at),
    INTEGER(opp_key, last_used_at),
};
RECORD(OPP_KEY, "keys", opp_key, KEY_FIELDS);

static const struct opp_field ADMIN_TOKEN_FIELDS[] = {
    TEXT(opp_admin_token, id),
    TEXT(opp_admin_token, user_id),
    TEXT(opp_admin_token, name),
    TEXT(opp_admin_token, token_hash),
    TEXT(opp_admin_token, token_prefix),
    JSON(opp_admin_token, roles),
    JSON(opp_admin_token, org_ids),
    INTEGER(opp_admin_token, created_at),
    INTEGER(opp_admin_token, expires_at),
    INTEGER(opp_admin_token, revoked_at),
    INTEGER(opp_admin_token, last_used_at),
};
RECORD(OPP_ADMIN_TOKEN, "admin_tokens", opp_admin_token, ADMIN_TOKEN_FIELDS);

static const struct opp_field DRAFT_FIELDS[] = {
    TEXT(opp_draft, id),
    TEXT(opp_draft, app_id),
    TEXT(opp_draft, key_id),
    TEXT(opp_draft, actor_user_id),
    TEXT(opp_draft, org_id),
    TEXT(opp_draft, action),
    TEXT(opp_draft, status),
    TEXT(opp_draft, request_id),
    TEXT(opp_draft, idempotency_key),
    TEXT(opp_draft, intent_hash),
    TEXT(opp_draft, justification),
    TEXT(opp_draft, preflight_id),
    TEXT(opp_draft, impact_hash),
    TEXT(opp_draft, effect_hash),
    TEXT(opp_draft, witness_hash),
    TEXT(opp_draft, seal),
    TEXT(opp_draft, draft_hash),
    TEXT(opp_draft, confirmed_by),
    JSON(opp_draft, payload),
    JSON(opp_draft, resources),
    JSON(opp_draft, impact),
    JSON(opp_draft, state),
    JSON(opp_draft, effect),
    JSON(opp_draft, witness),
    JSON(opp_draft, policy),
    JSON(opp_draft, approvals),
    JSON(opp_draft, decisions),
    JSON(opp_draft, review),
    JSON(opp_draft, failure),
    BOOL(opp_draft, requires_confirmation),
    BOOL(opp_draft, auto_execute_requested),
    INTEGER(opp_draft, approvals_required),
    INTEGER(opp_draft, expires_at),
    INTEGER(opp_draft, created_at),
    INTEGER(opp_draft, updated_at),
    INTEGER(opp_draft, confirmed_at),
    INTEGER(opp_draft, canceled_at),
};
RECORD_FLAGGED(OPP_DRAFT, "drafts", opp_draft, DRAFT_FIELDS);

static const struct opp_field DRAFT_HEAD_FIELDS[] = {
    TEXT(opp_draft, id),
    TEXT(opp_draft, app_id),
    TEXT(opp_draft, key_id),
    TEXT(opp_draft, actor_user_id),
    TEXT(opp_draft, org_id),
    TEXT(opp_draft, action),
    TEXT(opp_draft, status),
    TEXT(opp_draft, idempotency_key),
    INTEGER(opp_draft, expires_at),
    INTEGER(opp_draft, created_at),
};
RECORD(OPP_DRAFT_HEAD, "drafts", opp_draft, DRAFT_HEAD_FIELDS);

static const struct opp_field EXECUTION_FIELDS[] = {
    TEXT(opp_execution, id),          TEXT(opp_execution, draft_id),        TEXT(opp_execution, app_id),
    TEXT(opp_execution, key_id),      TEXT(opp_execution, actor_user_id),   TEXT(opp_execution, action),
    TEXT(opp_execution, intent_hash), TEXT(opp_execution, idempotency_key), TEXT(opp_execution, effect_id),
    TEXT(opp_execution, status),      TEXT(opp_execution, database),        TEXT(opp_execution, database_id),
    TEXT(opp_execution, receipt),     JSON(opp_execution, result),          JSON(opp_execution, error),
    JSON(opp_execution, resolution),  INTEGER(opp_execution, created_at),   INTEGER(opp_execution, finished_at),
};
RECORD_FLAGGED(OPP_EXECUTION, "executions", opp_execution, EXECUTION_FIELDS);

static const struct opp_field EXECUTION_HEAD_FIELDS[] = {
    TEXT(opp_execution, id),
    TEXT(opp_execution, draft_id),
    TEXT(opp_execution, app_id),
    TEXT(opp_execution, key_id),
    TEXT(opp_execution, actor_user_id),
    TEXT(opp_execution, action),
    TEXT(opp_execution, intent_hash),
    TEXT(opp_execution, effect_id),
    TEXT(opp_execution, status),
    TEXT(opp_execution, database),
    TEXT(opp_execution, database_id),
    TEXT(opp_execution, receipt),
    INTEGER(opp_execution, created_at),
    INTEGER(opp_execution, finished_at),
};
RECORD(OPP_EXECUTION_HEAD, "executions", opp_execution, EXECUTION_HEAD_FIELDS);

static const struct opp_field PREFLIGHT_FIELDS[] = {
    TEXT(opp_preflight, id),
    TEXT(opp_preflight, app_id),
    TEXT(opp_preflight, key_id),
    TEXT(opp_preflight, actor_user_id),
    TEXT(opp_preflight, action),
    TEXT(opp_preflight, intent_hash),
    TEXT(opp_preflight, impact_hash),
    TEXT(opp_preflight, witness_hash),
    JSON(opp_preflight, payload),
    JSON(opp_preflight, impact),
    JSON(opp_preflight, witness),
    INTEGER(opp_preflight, created_at),
    INTEGER(opp_preflight, expires_at),
};
RECORD(OPP_PREFLIGHT, "preflights", opp_preflight, PREFLIGHT_FIELDS);

static const struct opp_field IDEMPOTENCY_FIELDS[] = {
    TEXT(opp_idempotency, id),
    TEXT(opp_idempotency, intent_hash),
    TEXT(opp_idempotency, draft_id),
    TEXT(opp_idempotency, preflight_id),
    TEXT(opp_idempotency, previous_execution_id),
    INTEGER(opp_idempotency, created_at),
    INTEGER(opp_idempotency, expires_at),
};
RECORD(OPP_IDEMPOTENCY, "idempotency", opp_idempotency, IDEMPOTENCY_FIELDS);

static const struct opp_field AUDIT_ROW_FIELDS[] = {
    INTEGER(opp_audit_row, seq), TEXT(opp_audit_row, app_id),     TEXT(opp_audit_row, org_id),
    TEXT(opp_audit_row, action), TEXT(opp_audit_row, status),     TEXT(opp_audit_row, draft_id),
    TEXT(opp_audit_row, row),    TEXT(opp_audit_row, event_hash), INTEGER(opp_audit_row, created_at),
};
RECORD(OPP_AUDIT_ROW, "audit", opp_audit_row, AUDIT_ROW_FIELDS);

static const struct opp_field AUDIT_HASH_FIELDS[] = {
    INTEGER(opp_audit_hash, seq),
    TEXT(opp_audit_hash, event_hash),
};
RECORD(OPP_AUDIT_HASH, "audit", opp_audit_hash, AUDIT_HASH_FIELDS);

static const struct opp_field CHECKPOINT_FIELDS[] = {
    INTEGER(opp_checkpoint, seq), TEXT(opp_checkpoint, hash),      TEXT(opp_checkpoint, link),
    TEXT(opp_checkpoint, key),    TEXT(opp_checkpoint, signature), INTEGER(opp_checkpoint, time),
};
RECORD(OPP_CHECKPOINT, "checkpoints", opp_checkpoint, CHECKPOINT_FIELDS);

static const struct opp_field FREEZE_FIELDS[] = {
    TEXT(opp_freeze, id),           TEXT(opp_freeze, scope),     TEXT(opp_freeze, target),
    TEXT(opp_freeze, mode),         TEXT(opp_freeze, reason),    TEXT(opp_freeze, org_id),
    TEXT(opp_freeze, created_by),   TEXT(opp_freeze, lifted_by), INTEGER(opp_freeze, created_at),
    INTEGER(opp_freeze, lifted_at),
};
RECORD(OPP_FREEZE, "freezes", opp_freeze, FREEZE_FIELDS);

static const struct opp_field SETTING_FIELDS[] = {
    TEXT(opp_setting, id),
    TEXT(opp_setting, value),
};
RECORD(OPP_SETTING, "settings", opp_setting, SETTING_FIELDS);

/* The head comes first in the whole record too, so that its places are the same. */
#define GENERATION_HEAD                                                                                   \
    TEXT(opp_generation_head, id), TEXT(opp_generation_head, profile), TEXT(opp_generation_head, sha256), \
        TEXT(opp_generation_head, adapters), INTEGER(opp_generation_head, loaded_at),                     \
        INTEGER(opp_generation_head, turn), BOOL(opp_generation_head, staged)

static const struct opp_field GENERATION_HEAD_FIELDS[] = { GENERATION_HEAD };
RECORD(OPP_GENERATION_HEAD, "generations", opp_generation_head, GENERATION_HEAD_FIELDS);

static const struct opp_field GENERATION_FIELDS[] = {
    GENERATION_HEAD,
    JSON(opp_generation_record, sources),
};
RECORD(OPP_GENERATION_RECORD, "generations", opp_generation_record, GENERATION_FIELDS);

static const struct opp_field DECISION_FIELDS[] = {
    INTEGER(opp_decision, number), TEXT(opp_decision, request_id),    TEXT(opp_decision, tool),
    TEXT(opp_decision, phase),     TEXT(opp_decision, app_id),        TEXT(opp_decision, org_id),
    TEXT(opp_decision, outcome),   TEXT(opp_decision, profile),       TEXT(opp_decision, sha256),
    INTEGER(opp_decision, at),     INTEGER(opp_decision, generation), INTEGER(opp_decision, took_ns),
    INTEGER(opp_decision, sample), BOOL(opp_decision, replayable),    BOOL(opp_decision, differs),
    TEXT(opp_decision, request),   TEXT(opp_decision, core),          TEXT(opp_decision, recent),
    TEXT(opp_decision, hashed),    TEXT(opp_decision, ruling),        TEXT(opp_decision, verdict),
    TEXT(opp_decision, staged),
};
RECORD(OPP_DECISION, "decisions", opp_decision, DECISION_FIELDS);

/* Where decisions are, without what they are. */
static const struct opp_field DECISION_NUMBER_FIELDS[] = { INTEGER(opp_decision, number) };
RECORD(OPP_DECISION_NUMBER, "decisions", opp_decision, DECISION_NUMBER_FIELDS);

static const struct opp_field TALLY_FIELDS[] = {
    TEXT(opp_tally_part, id),
    TEXT(opp_tally_part, occasion),
    TEXT(opp_tally_part, state),
};
RECORD(OPP_TALLY_PART, "tally", opp_tally_part, TALLY_FIELDS);

static const struct opp_field ADAPTERS_FIELDS[] = {
    TEXT(opp_adapters_record, id),
    JSON(opp_adapters_record, files),
};
RECORD(OPP_ADAPTERS_RECORD, "adapter_files", opp_adapters_record, ADAPTERS_FIELDS);

const struct opp_field *opp_record_field(const struct opp_record *record, const char *column)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (strcmp(record->fields[i].column, column) == 0)
            return &record->fields[i];
    return NULL;
}

static const void *member(const void *value, const struct opp_field *field)
{
    return (const char *)value + field->offset;
}

void opp_record_free(const struct opp_record *record, void *value)
{
    if (value == NULL)
        return;
    for (size_t i = 0; i < record->field_count; i++) {
        const void *at = member(value, &record->fields[i]);

        if (record->fields[i].type == OPP_FIELD_TEXT)
            free(*(char *const *)at);
        else if (record->fields[i].type == OPP_FIELD_JSON)
            json_decref(*(json_t *const *)at);
    }
    free(value);
}

static int bind_json(const json_t *json, sqlite3_stmt *statement, int index)
{
    struct opp_buf text = { 0 };
    size_t length;
    char *taken;

    if (json == NULL)
        return sqlite3_bind_null(statement, index);
    opp_jcs_write(&text, json);
    length = text.length;
    taken = opp_buf_take(&text);
    if (taken == NULL)
        return SQLITE_NOMEM;
    return sqlite3_bind_text64(statement, index, taken, length, free, SQLITE_UTF8);
}

static int bind_member(const struct opp_field *field, const void *at, sqlite3_stmt *statement, int index)
{
    switch (field->type) {
    case OPP_FIELD_TEXT:
        return sqlite3_bind_text(statement, index, *(char *const *)at, -1, SQLITE_STATIC);
    case OPP_FIELD_INTEGER:
        return sqlite3_bind_int64(statement, index, *(const int64_t *)at);
    case OPP_FIELD_BOOL:
        return sqlite3_bind_int(statement, index, *(const bool *)at);
    case OPP_FIELD_JSON:
        return bind_json(*(json_t *const *)at, statement, index);
    }
    return SQLITE_MISUSE;
}

enum opp_code opp_record_bind(const struct opp_field *field, const void *value, sqlite3_stmt *statement, int index,
                              struct opp_err *err)
{
    if (bind_member(field, member(value, field), statement, index) != SQLITE_OK)
        return opp_fail(err, OPP_E_MEMORY, "cannot bind %s", field->column);
    return OPP_OK;
}

static enum opp_code read_text(sqlite3_stmt *statement, int index, char **out)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);

    if (text == NULL)
        return sqlite3_column_type(statement, index) == SQLITE_NULL ? OPP_OK : OPP_E_MEMORY;
    *out = strdup(text);
    return *out != NULL ? OPP_OK : OPP_E_MEMORY;
}

static enum opp_code read_json(sqlite3_stmt *statement, int index, json_t **out)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);
    enum opp_code rc;

    if (text == NULL)
        return sqlite3_column_type(statement, index) == SQLITE_NULL ? OPP_OK : OPP_E_MEMORY;
    rc = opp_json_read(text, (size_t)sqlite3_column_bytes(statement, index), out);
    return rc == OPP_E_INTERNAL ? OPP_E_UNAVAILABLE : rc;
}

static enum opp_code read_member(const struct opp_field *field, sqlite3_stmt *statement, int index, char *value)
{
    void *at = value + field->offset;

    switch (field->type) {
    case OPP_FIELD_TEXT:
        return read_text(statement, index, at);
    case OPP_FIELD_INTEGER:
        *(int64_t *)at = sqlite3_column_int64(statement, index);
        return OPP_OK;
    case OPP_FIELD_BOOL:
        *(bool *)at = sqlite3_column_int(statement, index) != 0;
        return OPP_OK;
    case OPP_FIELD_JSON:
        return read_json(statement, index, at);
    }
    return OPP_E_INTERNAL;
}

/* Gives the code back; the primary key is the first field. */
static enum opp_code blame_row(const struct opp_record *record, size_t field, sqlite3_stmt *statement, enum opp_code rc,
                               struct opp_err *err)
{
    const char *id = (const char *)sqlite3_column_text(statement, 0);

    if (rc != OPP_E_UNAVAILABLE)
        return opp_fail(err, rc, "cannot read a row of %s", record->table);
    return opp_fail(err, rc, "the row %s of %s is damaged: its %s cannot be read", id != NULL ? id : "?", record->table,
                    record->fields[field].column);
}

enum opp_code opp_record_read(const struct opp_record *record, sqlite3_stmt *statement, bool damaged_too, void **out,
                              struct opp_err *err)
{
    char *value = calloc(1, record->size);
    enum opp_code rc = value != NULL ? OPP_OK : OPP_E_MEMORY;

    for (size_t i = 0; rc == OPP_OK && i < record->field_count; i++) {
        rc = read_member(&record->fields[i], statement, (int)i, value);
        if (rc == OPP_E_UNAVAILABLE && damaged_too && record->damaged != 0) {
            memcpy(value + record->damaged, &(bool){ true }, sizeof(bool));
            rc = OPP_OK;
        } else if (rc != OPP_OK) {
            blame_row(record, i, statement, rc, err);
        }
    }
    if (rc != OPP_OK) {
        opp_record_free(record, value);
        return rc;
    }
    *out = value;
    return OPP_OK;
}
