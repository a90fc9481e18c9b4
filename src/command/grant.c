/* SPDX-License-Identifier: MIT */
#include "command/grant.h"

#include "audit/audit.h"
#include "base/text.h"
#include "core/app_policy.h"
#include "store/records.h"
#include "store/tx.h"

#include <stdbool.h>
#include <stdlib.h>

/* What of a new token is kept. */
struct kept {
    char hash[OPP_HASH_HEX];
    char prefix[OPP_TOKEN_PREFIX_MAX];
};

static enum opp_code out_of_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for a token");
}

static enum opp_code make_token(const char *kind, struct opp_grant *out, struct kept *kept, struct opp_err *err)
{
    enum opp_code rc = opp_token_make(kind, out->token, err);

    if (rc == OPP_OK) {
        opp_token_hash(out->token, kept->hash);
        opp_token_prefix(out->token, kept->prefix);
    }
    return rc;
}

/* Takes details. */
static enum opp_code record_event(struct opp_tx *tx, struct opp_audit_event *event, json_t *details,
                                  struct opp_err *err)
{
    enum opp_code rc;

    if (details == NULL)
        return opp_fail(err, OPP_E_VALIDATION, "a name is no UTF-8");
    event->status = "success";
    event->details = details;
    rc = opp_audit_append(tx, event, err);
    json_decref(details);
    return rc;
}

static bool fill_admin_token(struct opp_admin_token *record, const struct opp_grant_person *person, const char *id,
                             const struct kept *kept)
{
    bool failed = false;

    record->roles = json_incref(person->roles);
    record->org_ids = json_incref(person->org_ids);
    record->created_at = person->now_ms;
    record->id = opp_text_copy(id, &failed);
    record->user_id = opp_text_copy(person->user_id, &failed);
    record->name = opp_text_copy(person->name, &failed);
    record->token_hash = opp_text_copy(kept->hash, &failed);
    record->token_prefix = opp_text_copy(kept->prefix, &failed);
    return !failed;
}

static enum opp_code audit_person(struct opp_tx *tx, const struct opp_grant_person *person, const char *id,
                                  struct opp_err *err)
{
    struct opp_audit_event event = { .action = "admin_token.create",
                                     .performed_by_user_id = person->made_by,
                                     .created_at = person->now_ms };

    return record_event(tx, &event,
                        json_pack("{s:s, s:s, s:s, s:O, s:O?}", "token_id", id, "user_id", person->user_id, "name",
                                  person->name, "roles", person->roles, "org_ids", person->org_ids),
                        err);
}

enum opp_code opp_grant_to_person(struct opp_tx *tx, const struct opp_grant_person *person, struct opp_grant *out,
                                  struct opp_err *err)
{
    struct opp_admin_token *record = NULL;
    struct kept kept;
    enum opp_code rc = make_token(OPP_TOKEN_ADMIN, out, &kept, err);

    if (rc != OPP_OK)
        return rc;
    opp_id_make(out->id, "adm_", person->now_ms);
    out->app_id[0] = '\0';
    record = calloc(1, sizeof *record);
    if (record == NULL || !fill_admin_token(record, person, out->id, &kept))
        rc = out_of_memory(err);
    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_ADMIN_TOKEN, record, err);
    if (rc == OPP_OK)
        rc = audit_person(tx, person, out->id, err);
    opp_record_free(&OPP_ADMIN_TOKEN, record);
    opp_tx_registry_changed(tx);
    return rc;
}

static bool fill_app(struct opp_app *record, const struct opp_grant_app *app, const char *id)
{
    bool failed = false;

    record->scopes = json_incref(app->scopes);
    record->policy = json_object();
    record->created_at = record->updated_at = app->now_ms;
    record->id = opp_text_copy(id, &failed);
    record->scope = opp_text_copy("workspace", &failed);
    record->status = opp_text_copy("active", &failed);
    record->name = opp_text_copy(app->name, &failed);
    record->org_id = opp_text_copy(app->org_id, &failed);
    record->service_user_id = opp_text_copy(app->service_user_id, &failed);
    record->created_by = opp_text_copy(app->made_by, &failed);
    return !failed;
}

static enum opp_code insert_app(struct opp_tx *tx, const struct opp_grant_app *app, const char *id, struct opp_err *err)
{
    struct opp_app *record = calloc(1, sizeof *record);
    enum opp_code rc = record != NULL && fill_app(record, app, id) ? OPP_OK : out_of_memory(err);

    if (rc == OPP_OK)
        rc = opp_auto_execute_merge(NULL, NULL, &OPP_SETTINGS_DEFAULT, app->now_ms, &record->auto_execute, err);
    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_APP, record, err);
    opp_record_free(&OPP_APP, record);
    return rc;
}

static bool fill_key(struct opp_key *record, const struct opp_grant_app *app, const struct opp_grant *grant,
                     const struct kept *kept)
{
    bool failed = false;

    record->created_at = app->now_ms;
    record->id = opp_text_copy(grant->id, &failed);
    record->app_id = opp_text_copy(grant->app_id, &failed);
    record->name = opp_text_copy(app->name, &failed);
    record->token_hash = opp_text_copy(kept->hash, &failed);
    record->token_prefix = opp_text_copy(kept->prefix, &failed);
    record->created_by = opp_text_copy(app->made_by, &failed);
    return !failed;
}

static enum opp_code insert_key(struct opp_tx *tx, const struct opp_grant_app *app, const struct opp_grant *grant,
                                const struct kept *kept, struct opp_err *err)
{
    struct opp_key *record = calloc(1, sizeof *record);
    enum opp_code rc = record != NULL && fill_key(record, app, grant, kept) ? OPP_OK : out_of_memory(err);

    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_KEY, record, err);
    opp_record_free(&OPP_KEY, record);
    return rc;
}

static enum opp_code audit_app(struct opp_tx *tx, const struct opp_grant_app *app, const struct opp_grant *grant,
                               struct opp_err *err)
{
    struct opp_audit_event event = { .action = "agent_app.create",
                                     .app_id = grant->app_id,
                                     .org_id = app->org_id,
                                     .key_id = grant->id,
                                     .performed_by_user_id = app->made_by,
                                     .created_at = app->now_ms };

    return record_event(tx, &event, json_pack("{s:s, s:O}", "name", app->name, "scopes", app->scopes), err);
}

enum opp_code opp_grant_to_app(struct opp_tx *tx, const struct opp_grant_app *app, struct opp_grant *out,
                               struct opp_err *err)
{
    struct kept kept;
    enum opp_code rc = make_token(OPP_TOKEN_AGENT, out, &kept, err);

    if (rc != OPP_OK)
        return rc;
    opp_id_make(out->app_id, "app_", app->now_ms);
    opp_id_make(out->id, "key_", app->now_ms);
    rc = insert_app(tx, app, out->app_id, err);
    if (rc == OPP_OK)
        rc = insert_key(tx, app, out, &kept, err);
    if (rc == OPP_OK)
        rc = audit_app(tx, app, out, err);
    opp_tx_registry_changed(tx);
    return rc;
}
