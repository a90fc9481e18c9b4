/* SPDX-License-Identifier: MIT */
#include "admin/apps.h"

#include "admin/change.h"
#include "base/json.h"
#include "core/shape.h"

#define OVERLAP_DEFAULT_S 3600

static struct opp_change *of(struct opp_call *call)
{
    return call->state;
}

static enum opp_code answer_with_token(struct opp_call *call)
{
    struct opp_change *change = of(call);

    json_decref(change->answer);
    change->answer = json_pack("{s:o, s:s}", "key", opp_shape_key(change->key), "token", change->token);
    return change->answer != NULL ? OPP_OK : OPP_E_MEMORY;
}

static enum opp_code create(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    enum opp_code rc = opp_change_find_app(call, tx, call->param(call, "id"), err);

    if (rc == OPP_OK)
        rc = opp_change_add_key(call, tx, call->input, err);
    if (rc == OPP_OK)
        rc = opp_change_record(call, tx, "agent_key.create", err);
    return rc == OPP_OK ? answer_with_token(call) : rc;
}

/* Reads the key of the path and its app. */
static enum opp_code find_key(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_change *change = of(call);
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_KEY, "id", call->param(call, "id"), &found, err);

    if (rc != OPP_OK)
        return rc;
    change->key = found;
    call->audit.key_id = change->key->id;
    return opp_change_find_app(call, tx, change->key->app_id, err);
}

static enum opp_code revoke(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_change *change = of(call);
    enum opp_code rc = find_key(call, tx, err);

    if (rc == OPP_OK)
        rc = opp_change_revoke_key(call, tx, change->key, err);
    if (rc == OPP_OK)
        rc = opp_change_record(call, tx, "agent_key.revoke", err);
    if (rc != OPP_OK)
        return rc;
    json_decref(change->answer);
    change->answer = json_pack("{s:b, s:o}", "ok", 1, "key", opp_shape_key(change->key));
    return change->answer != NULL ? OPP_OK : OPP_E_MEMORY;
}

/* The old key lives on for the overlap; its drafts and preflights are not touched. The new one has no end unless one is
 * named: the old one's may be that of an overlap, from a rotation whose answer was lost. */
static enum opp_code rotate(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "expires_at", NULL };
    struct opp_call *call = arg;
    struct opp_change *change = of(call);
    bool asked = json_object_get(call->input, "overlapSeconds") != NULL;
    int64_t overlap_s = asked ? opp_json_integer(call->input, "overlapSeconds") : OVERLAP_DEFAULT_S;
    int64_t end = opp_call_now_ms(call) + overlap_s * 1000;
    json_t *asked_key;
    enum opp_code rc = find_key(call, tx, err);

    if (rc != OPP_OK)
        return rc;
    if (change->key->revoked_at != 0)
        return opp_fail_at(err, OPP_E_VALIDATION, "/id", "must be a key that is not revoked");
    if (change->key->expires_at == 0 || change->key->expires_at > end)
        change->key->expires_at = end;
    rc = opp_tx_update(tx, &OPP_KEY, change->key, columns, err);
    change->details =
        json_pack("{s:s, s:o}", "rotatedKeyId", change->key->id, "expiresAt", opp_shape_time(change->key->expires_at));
    asked_key =
        json_pack("{s:s?, s:O*}", "name", change->key->name, "expiresAt", json_object_get(call->input, "expiresAt"));
    if (rc == OPP_OK)
        rc = asked_key != NULL && change->details != NULL ? opp_change_add_key(call, tx, asked_key, err) : OPP_E_MEMORY;
    json_decref(asked_key);
    if (rc == OPP_OK)
        rc = opp_change_record(call, tx, "agent_key.rotate", err);
    return rc == OPP_OK ? answer_with_token(call) : rc;
}

static enum opp_step read_create(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_KEY_CREATE);
}

static enum opp_step write_create(struct opp_call *call)
{
    return opp_flow_write(call, create);
}

static enum opp_step write_revoke(struct opp_call *call)
{
    return opp_flow_write(call, revoke);
}

static enum opp_step read_rotate(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_KEY_ROTATE);
}

static enum opp_step write_rotate(struct opp_call *call)
{
    return opp_flow_write(call, rotate);
}

static const opp_step_fn CREATE_STEPS[] = { read_create, write_create, opp_change_answer, NULL };
static const opp_step_fn REVOKE_STEPS[] = { write_revoke, opp_change_answer, NULL };
static const opp_step_fn ROTATE_STEPS[] = { read_rotate, write_rotate, opp_change_answer, NULL };

const struct opp_flow OPP_FLOW_KEY_CREATE = { CREATE_STEPS, sizeof(struct opp_change), opp_change_dispose,
                                              "agent_key.create" };
const struct opp_flow OPP_FLOW_KEY_REVOKE = { REVOKE_STEPS, sizeof(struct opp_change), opp_change_dispose,
                                              "agent_key.revoke" };
const struct opp_flow OPP_FLOW_KEY_ROTATE = { ROTATE_STEPS, sizeof(struct opp_change), opp_change_dispose,
                                              "agent_key.rotate" };
