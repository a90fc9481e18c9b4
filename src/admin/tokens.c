/* SPDX-License-Identifier: MIT */
#include "admin/tokens.h"

#include "admin/change.h"
#include "base/date.h"
#include "base/id.h"
#include "base/json.h"
#include "base/text.h"
#include "core/page.h"
#include "core/shape.h"

#include <stdlib.h>

static struct opp_change *of(struct opp_call *call)
{
    return call->state;
}

static enum opp_code answer_with(struct opp_call *call, json_t *answer)
{
    json_decref(of(call)->answer);
    of(call)->answer = answer;
    return answer != NULL ? OPP_OK : OPP_E_MEMORY;
}

static enum opp_code read_expiry(struct opp_call *call, struct opp_admin_token *token, struct opp_err *err)
{
    const char *text = opp_json_text(call->input, "expires_at");

    if (text == NULL)
        return OPP_OK;
    if (opp_date_parse(text, &token->expires_at, NULL) != OPP_OK || token->expires_at <= opp_call_now_ms(call))
        return opp_fail_at(err, OPP_E_VALIDATION, "/expires_at", "must be an RFC 3339 time in the future");
    return OPP_OK;
}

static enum opp_code fill(struct opp_call *call, struct opp_admin_token *token)
{
    json_t *orgs = json_object_get(call->input, "org_ids");
    char id[OPP_ID_MAX], hash[OPP_HASH_HEX], prefix[OPP_TOKEN_PREFIX_MAX];
    bool failed = false;

    token->created_at = opp_call_now_ms(call);
    opp_id_make(id, "adm_", token->created_at);
    opp_token_hash(of(call)->token, hash);
    opp_token_prefix(of(call)->token, prefix);
    token->id = opp_text_copy(id, &failed);
    token->user_id = opp_text_copy(opp_json_text(call->input, "user_id"), &failed);
    token->name = opp_text_copy(opp_json_text(call->input, "name"), &failed);
    token->token_hash = opp_text_copy(hash, &failed);
    token->token_prefix = opp_text_copy(prefix, &failed);
    token->roles = json_incref(json_object_get(call->input, "roles"));
    token->org_ids = json_is_array(orgs) ? json_incref(orgs) : NULL;
    return failed ? OPP_E_MEMORY : OPP_OK;
}

bool opp_token_within_reach(const struct opp_admin_token *giver, const struct opp_admin_token *made)
{
    size_t index, at;
    json_t *org, *own;

    if (giver->org_ids == NULL)
        return true;
    if (made->org_ids == NULL)
        return false;
    json_array_foreach(made->org_ids, index, org)
    {
        bool found = false;

        json_array_foreach(giver->org_ids, at, own)
        {
            found = found || json_equal(org, own) != 0;
        }
        if (!found)
            return false;
    }
    return true;
}

static enum opp_code make(struct opp_call *call, struct opp_tx *tx, struct opp_admin_token *token, struct opp_err *err)
{
    enum opp_code rc = opp_token_make(OPP_TOKEN_ADMIN, of(call)->token, err);

    if (rc == OPP_OK)
        rc = fill(call, token);
    if (rc == OPP_OK)
        rc = read_expiry(call, token, err);
    if (rc == OPP_OK && !opp_token_within_reach(call->admin, token))
        rc = opp_fail(err, OPP_E_FORBIDDEN, "A token cannot reach further than the one that makes it.");
    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_ADMIN_TOKEN, token, err);
    if (rc == OPP_OK)
        rc = answer_with(
            call, json_pack("{s:o, s:s}", "admin_token", opp_shape_admin_token(token), "token", of(call)->token));
    return rc;
}

/* Whose token it was, for the audit row: never the token. */
static enum opp_code note_token(struct opp_call *call, const struct opp_admin_token *token)
{
    json_decref(of(call)->details);
    of(call)->details =
        json_pack("{s:s, s:s, s:O}", "admin_token_id", token->id, "user_id", token->user_id, "roles", token->roles);
    return of(call)->details != NULL ? OPP_OK : OPP_E_MEMORY;
}

static enum opp_code create(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_admin_token *token = calloc(1, sizeof *token);
    enum opp_code rc = token != NULL ? make(call, tx, token, err) : OPP_E_MEMORY;

    if (rc == OPP_OK)
        rc = note_token(call, token);
    if (rc == OPP_OK)
        rc = opp_change_record(call, tx, "admin_token.create", err);
    opp_record_free(&OPP_ADMIN_TOKEN, token);
    return rc;
}

static enum opp_code revoke(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "revoked_at", NULL };
    struct opp_call *call = arg;
    struct opp_admin_token *token;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_ADMIN_TOKEN, "id", call->param(call, "id"), &found, err);

    if (rc != OPP_OK)
        return rc;
    token = found;
    if (!opp_token_within_reach(call->admin, token))
        rc = OPP_E_ABSENT;
    if (rc == OPP_OK && token->revoked_at == 0) {
        token->revoked_at = opp_call_now_ms(call);
        rc = opp_tx_update(tx, &OPP_ADMIN_TOKEN, token, columns, err);
    }
    if (rc == OPP_OK)
        rc = note_token(call, token);
    if (rc == OPP_OK)
        rc = opp_change_record(call, tx, "admin_token.revoke", err);
    if (rc == OPP_OK)
        rc = answer_with(call, json_pack("{s:b, s:o}", "ok", 1, "admin_token", opp_shape_admin_token(token)));
    opp_record_free(&OPP_ADMIN_TOKEN, token);
    return rc;
}

static enum opp_step read_create(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_TOKEN_CREATE);
}

static enum opp_step write_create(struct opp_call *call)
{
    return opp_flow_write(call, create);
}

static enum opp_step write_revoke(struct opp_call *call)
{
    return opp_flow_write(call, revoke);
}

static const opp_step_fn CREATE_STEPS[] = { read_create, write_create, opp_change_answer, NULL };
static const opp_step_fn REVOKE_STEPS[] = { write_revoke, opp_change_answer, NULL };
const struct opp_flow OPP_FLOW_TOKEN_CREATE = { CREATE_STEPS, sizeof(struct opp_change), opp_change_dispose,
                                                "admin_token.create" };
const struct opp_flow OPP_FLOW_TOKEN_REVOKE = { REVOKE_STEPS, sizeof(struct opp_change), opp_change_dispose,
                                                "admin_token.revoke" };

static json_t *shape_token(void *record, struct opp_tx *tx)
{
    (void)tx;
    return opp_shape_admin_token(record);
}

static enum opp_code find_tokens(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_ADMIN_TOKEN };

    opp_query_within(&query, "org_ids", call->admin->org_ids);
    return opp_page_read(call->state, call, tx, &query, shape_token, err);
}

static enum opp_step read_query(struct opp_call *call)
{
    return opp_call_check_query(call, OPP_SCHEMA_LIST);
}

static enum opp_step list(struct opp_call *call)
{
    return opp_flow_read(call, find_tokens);
}

static enum opp_step answer_list(struct opp_call *call)
{
    return opp_page_answer(call->state, call);
}

static void clear_page(void *state)
{
    opp_page_clear(state);
}

static const opp_step_fn LIST_STEPS[] = { read_query, list, answer_list, NULL };
const struct opp_flow OPP_FLOW_TOKEN_LIST = { LIST_STEPS, sizeof(struct opp_page), clear_page, NULL };

static enum opp_step answer_whoami(struct opp_call *call)
{
    return opp_call_answer(call, opp_shape_admin_token(call->admin));
}

static const opp_step_fn WHOAMI_STEPS[] = { answer_whoami, NULL };
const struct opp_flow OPP_FLOW_WHOAMI = { WHOAMI_STEPS, 0, NULL, NULL };
