/* SPDX-License-Identifier: MIT */
#include "admin/change.h"

#include "base/crash.h"
#include "base/date.h"
#include "base/id.h"
#include "base/json.h"
#include "base/text.h"
#include "core/draft.h"
#include "core/gateway.h"
#include "core/guard.h"
#include "core/hub.h"

#include <stdlib.h>

static struct opp_change *of(struct opp_call *call)
{
    return call->state;
}

void opp_change_dispose(void *state)
{
    struct opp_change *change = state;

    json_decref(change->answer);
    json_decref(change->details);
    opp_record_free(&OPP_APP, change->app);
    opp_record_free(&OPP_KEY, change->key);
}

enum opp_step opp_change_answer(struct opp_call *call)
{
    struct opp_change *change = of(call);
    json_t *answer = change->answer, *details = change->details;

    switch (call->op.rc) {
    case OPP_OK:
        opp_hub_notify(call->worker->gateway->hub, NULL);
        change->answer = NULL;
        return opp_call_answer_recorded(call, answer);
    case OPP_E_ABSENT:
        call->audit.app_id = call->audit.org_id = call->audit.key_id = NULL;
        return opp_call_refuse(call, OPP_E_NOT_FOUND, NULL, NULL);
    case OPP_E_VALIDATION:
        return opp_call_refuse_field(call, OPP_E_VALIDATION, call->op.err.where, call->op.err.message);
    case OPP_E_FORBIDDEN:
        change->details = NULL;
        return opp_call_refuse(call, OPP_E_FORBIDDEN, call->op.err.message, details);
    default:
        return opp_call_fail(call, call->op.rc, &call->op.err);
    }
}

enum opp_step opp_change_refuse_limited(struct opp_call *call)
{
    return opp_call_refuse_reason(call, OPP_E_FORBIDDEN, "This concerns all organisations.", "org_limited");
}

enum opp_code opp_change_find_app(struct opp_call *call, struct opp_tx *tx, const char *app_id, struct opp_err *err)
{
    struct opp_change *change = of(call);
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_APP, "id", app_id, &found, err);

    if (rc != OPP_OK)
        return rc;
    change->app = found;
    call->audit.app_id = change->app->id;
    call->audit.org_id = change->app->org_id;
    if (change->app->deleted_at != 0 || !opp_guard_sees_org(call->admin, change->app->org_id))
        return OPP_E_ABSENT;
    return OPP_OK;
}

enum opp_code opp_change_record(struct opp_call *call, struct opp_tx *tx, const char *action, struct opp_err *err)
{
    opp_tx_registry_changed(tx);
    opp_crash_point("registry.unaudited");
    return opp_call_audit(call, tx, action, OPP_OK, of(call)->details, err);
}

static enum opp_code read_expiry(struct opp_call *call, const json_t *asked, int64_t *out, struct opp_err *err)
{
    const char *text = opp_json_text(asked, "expiresAt");

    *out = 0;
    if (text == NULL)
        return OPP_OK;
    if (opp_date_parse(text, out, NULL) != OPP_OK || *out <= opp_call_now_ms(call))
        return opp_fail_at(err, OPP_E_VALIDATION, "/expiresAt", "must be an RFC 3339 time in the future");
    return OPP_OK;
}

static enum opp_code fill_key(struct opp_call *call, struct opp_key *key, const json_t *asked)
{
    struct opp_change *change = of(call);
    const char *name = opp_json_text(asked, "name");
    char id[OPP_ID_MAX], hash[OPP_HASH_HEX], prefix[OPP_TOKEN_PREFIX_MAX];
    bool failed = false;

    key->created_at = opp_call_now_ms(call);
    opp_id_make(id, "key_", key->created_at);
    opp_token_hash(change->token, hash);
    opp_token_prefix(change->token, prefix);
    key->id = opp_text_copy(id, &failed);
    key->app_id = opp_text_copy(change->app->id, &failed);
    key->name = opp_text_copy(name != NULL ? name : "default", &failed);
    key->token_hash = opp_text_copy(hash, &failed);
    key->token_prefix = opp_text_copy(prefix, &failed);
    key->created_by = opp_text_copy(call->admin->user_id, &failed);
    return failed ? OPP_E_MEMORY : OPP_OK;
}

enum opp_code opp_change_add_key(struct opp_call *call, struct opp_tx *tx, const json_t *asked, struct opp_err *err)
{
    struct opp_change *change = of(call);
    struct opp_key *key = calloc(1, sizeof *key);
    enum opp_code rc = key != NULL ? read_expiry(call, asked, &key->expires_at, err) : OPP_E_MEMORY;

    if (rc == OPP_OK)
        rc = opp_token_make(OPP_TOKEN_AGENT, change->token, err);
    if (rc == OPP_OK)
        rc = fill_key(call, key, asked);
    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_KEY, key, err);
    if (rc != OPP_OK) {
        opp_record_free(&OPP_KEY, key);
        return rc;
    }
    opp_record_free(&OPP_KEY, change->key);
    change->key = key;
    call->audit.key_id = key->id;
    return OPP_OK;
}

enum opp_code opp_change_revoke_key(struct opp_call *call, struct opp_tx *tx, struct opp_key *key, struct opp_err *err)
{
    static const char *const columns[] = { "revoked_at", NULL };
    struct opp_draft_end end = { .status = "canceled",
                                 .failure = OPP_E_TOKEN_INVALID,
                                 .failure_reason = "key_revoked",
                                 .now_ms = opp_call_now_ms(call),
                                 .key_lifetime_ms = call->worker->gateway->settings.idempotency_lifetime_ms };
    enum opp_code rc = OPP_OK;

    if (key->revoked_at == 0) {
        key->revoked_at = end.now_ms;
        rc = opp_tx_update(tx, &OPP_KEY, key, columns, err);
    }
    return rc == OPP_OK ? opp_drafts_end_of_key(tx, key->id, &end, err) : rc;
}

struct revoking {
    struct opp_call *call;
    struct opp_tx *tx;
};

static enum opp_code revoke_one(void *arg, void *record, struct opp_err *err)
{
    struct revoking *revoking = arg;
    enum opp_code rc = opp_change_revoke_key(revoking->call, revoking->tx, record, err);

    opp_record_free(&OPP_KEY, record);
    return rc;
}

enum opp_code opp_change_revoke_keys(struct opp_call *call, struct opp_tx *tx, const char *app_id, struct opp_err *err)
{
    struct opp_query keys = { .record = &OPP_KEY };
    struct revoking revoking = { call, tx };

    opp_query_text(&keys, "app_id", OPP_EQUAL, app_id);
    return opp_tx_each(tx, &keys, revoke_one, &revoking, err);
}
