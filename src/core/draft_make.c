/* SPDX-License-Identifier: MIT */
#include "core/draft_make.h"

#include "base/date.h"
#include "base/jcs.h"
#include "base/json.h"
#include "base/text.h"
#include "core/evidence.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/judge.h"
#include "core/rules.h"

#include <stdlib.h>
#include <string.h>

/* Contract section 5: the members in the order of their names. */
static void write_sealed(struct opp_buf *out, const struct opp_draft *draft)
{
    char expires_at[OPP_DATE_MAX];

    opp_date_format(draft->expires_at, expires_at);
    opp_buf_char(out, '{');
    opp_jcs_member_text(out, "action", draft->action);
    opp_jcs_member_text(out, "actor_user_id", draft->actor_user_id);
    opp_jcs_member_text(out, "app_id", draft->app_id);
    opp_jcs_member_text(out, "effect_hash", draft->effect_hash);
    opp_jcs_member_text(out, "expires_at", expires_at);
    opp_jcs_member_text(out, "id", draft->id);
    opp_jcs_member_text(out, "impact_hash", draft->impact_hash);
    opp_jcs_member_text(out, "justification", draft->justification);
    opp_jcs_member_text(out, "key_id", draft->key_id);
    opp_jcs_member_text(out, "org_id", draft->org_id);
    opp_jcs_member_json(out, "payload", draft->payload);
    opp_jcs_member_text(out, "state_witness_hash", draft->witness_hash);
    opp_buf_char(out, '}');
}

static enum opp_code hash_sealed(const struct opp_draft *draft, char hash[OPP_HASH_HEX])
{
    struct opp_buf sealed = { 0 };
    enum opp_code rc;

    write_sealed(&sealed, draft);
    rc = sealed.failed ? OPP_E_MEMORY : OPP_OK;
    if (rc == OPP_OK)
        opp_hash_hex(sealed.bytes, sealed.length, hash);
    opp_buf_free(&sealed);
    return rc;
}

static enum opp_code seal(struct opp_draft *draft)
{
    char hash[OPP_HASH_HEX];
    enum opp_code rc = hash_sealed(draft, hash);

    if (rc == OPP_OK)
        rc = opp_text_replace(&draft->seal, hash);
    if (rc == OPP_OK)
        rc = opp_evidence_hash_draft(draft, hash, NULL);
    return rc == OPP_OK ? opp_text_replace(&draft->draft_hash, hash) : rc;
}

enum opp_code opp_draft_check_seal(const struct opp_draft *draft)
{
    char hash[OPP_HASH_HEX];
    enum opp_code rc = hash_sealed(draft, hash);

    if (rc == OPP_OK && strcmp(draft->seal, hash) != 0)
        return OPP_E_PRECONDITION;
    if (rc != OPP_OK || draft->draft_hash == NULL)
        return rc;
    rc = opp_evidence_hash_draft(draft, hash, NULL);
    return rc == OPP_OK && strcmp(draft->draft_hash, hash) != 0 ? OPP_E_PRECONDITION : rc;
}

enum opp_code opp_draft_distrust(struct opp_draft *draft)
{
    json_t **parts[] = { &draft->payload, &draft->resources, &draft->impact,    &draft->state,  &draft->effect,
                         &draft->witness, &draft->policy,    &draft->approvals, &draft->review, &draft->failure };
    enum opp_code rc = draft->damaged ? OPP_OK : opp_draft_check_seal(draft);

    if (rc != OPP_E_PRECONDITION)
        return rc;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        json_decref(*parts[i]);
        *parts[i] = NULL;
    }
    draft->damaged = true;
    return OPP_OK;
}

/* The soonest of the gateway's setting, a rule's (0: none) and the key's end. */
static int64_t expiry(struct opp_call *call, int64_t now_ms, int64_t rule_s)
{
    int64_t lifetime = now_ms + call->worker->gateway->settings.draft_lifetime_ms;
    int64_t key_end = call->key->record->expires_at;

    if (rule_s > 0 && now_ms + rule_s * 1000 < lifetime)
        lifetime = now_ms + rule_s * 1000;

    return key_end != 0 && key_end < lifetime ? key_end : lifetime;
}

static void fill_texts(struct opp_draft *draft, struct opp_call *call, const struct opp_draft_request *request,
                       bool *failed)
{
    const struct opp_intent *intent = call->state;
    const struct opp_app *app = intent->app->record;
    char id[OPP_ID_MAX];

    opp_id_make(id, "drf_", opp_call_now_ms(call));
    draft->id = opp_text_copy(id, failed);
    draft->app_id = opp_text_copy(app->id, failed);
    draft->key_id = opp_text_copy(call->key->record->id, failed);
    draft->actor_user_id = opp_text_copy(intent->actor_user_id, failed);
    draft->org_id = opp_text_copy(app->org_id, failed);
    draft->action = opp_text_copy(intent->action, failed);
    draft->status = opp_text_copy("draft", failed);
    draft->request_id = opp_text_copy(request->request_id, failed);
    draft->idempotency_key = opp_text_copy(request->idempotency_key, failed);
    draft->justification = opp_text_copy(request->justification, failed);
    draft->preflight_id = opp_text_copy(request->preflight_id, failed);
    draft->intent_hash = opp_text_copy(intent->intent_hash, failed);
    draft->impact_hash = opp_text_copy(intent->impact_hash, failed);
    draft->effect_hash = opp_text_copy(intent->effect_hash, failed);
    draft->witness_hash = opp_text_copy(intent->witness_hash[0] != '\0' ? intent->witness_hash : NULL, failed);
}

/* What it was judged under, and what the rules said; what its result may show, and when its dates were asked for. */
static json_t *show_policy(struct opp_call *call, const struct opp_draft_request *request)
{
    const struct opp_intent *intent = call->state;
    const struct opp_policy_bundle *bundle = opp_generation_bundle(call->generation);
    json_t *reasons = intent->ruling.reasons;

    return json_pack(
        "{s:s, s:I, s:s, s:o, s:s*, s:I, s:O?, s:b}", "profile", opp_policy_bundle_profile(bundle), "generation",
        (json_int_t)opp_policy_bundle_generation(bundle), "sha256", opp_generation_sha256(call->generation), "reasons",
        reasons != NULL ? json_incref(reasons) : json_array(), "denied",
        request->denied != OPP_OK ? opp_code_name(request->denied) : NULL, "asked_at", (json_int_t)intent->asked_at_ms,
        "redact", intent->ruling.redact, "sensitive", intent->app->policy.allow_sensitive_fields);
}

static void fill_rest(struct opp_draft *draft, struct opp_call *call, const struct opp_draft_request *request)
{
    const struct opp_intent *intent = call->state;
    int64_t now_ms = opp_call_now_ms(call);

    draft->payload = json_incref(intent->payload);
    draft->resources = json_incref(intent->tool_call.resources);
    draft->impact = json_incref(intent->tool_call.impact);
    draft->witness = json_incref(intent->tool_call.witness);
    draft->effect = json_incref(opp_effect_data(intent->tool_call.effect));
    draft->approvals = json_array();
    draft->state = json_incref(intent->tool_call.state);
    draft->policy = show_policy(call, request);
    draft->requires_confirmation = opp_judge_confirms(intent->tool);
    draft->auto_execute_requested = request->execute;
    draft->approvals_required = opp_rules_approvals(&intent->ruling, 1);
    draft->created_at = draft->updated_at = now_ms;
    draft->expires_at = expiry(call, now_ms, intent->ruling.expires_in_s);
}

enum opp_code opp_draft_make(struct opp_call *call, const struct opp_draft_request *request)
{
    struct opp_intent *intent = call->state;
    struct opp_draft *draft = calloc(1, sizeof *draft);
    bool failed = draft == NULL;

    if (!failed) {
        fill_texts(draft, call, request, &failed);
        fill_rest(draft, call, request);
    }
    if (failed || seal(draft) != OPP_OK) {
        opp_record_free(&OPP_DRAFT, draft);
        return OPP_E_MEMORY;
    }
    opp_record_free(&OPP_DRAFT, intent->draft);
    intent->draft = draft;
    return OPP_OK;
}

enum opp_code opp_draft_complete(struct opp_draft *draft, const struct opp_draft_request *request)
{
    bool failed = false;
    bool lacked = draft->justification == NULL || draft->preflight_id == NULL || draft->draft_hash == NULL;

    if (draft->justification == NULL && request->justification != NULL)
        draft->justification = opp_text_copy(request->justification, &failed);
    if (draft->preflight_id == NULL && request->preflight_id != NULL)
        draft->preflight_id = opp_text_copy(request->preflight_id, &failed);
    draft->auto_execute_requested = true;
    if (failed)
        return OPP_E_MEMORY;
    return lacked ? seal(draft) : OPP_OK; /* of what it had already, the seal is the same */
}

int64_t opp_draft_asked_at(const struct opp_draft *draft)
{
    int64_t asked_at = json_integer_value(json_object_get(draft->policy, "asked_at"));

    return asked_at != 0 ? asked_at : draft->created_at;
}

enum opp_code opp_draft_denied(const struct opp_draft *draft)
{
    return opp_code_find(opp_json_text(draft->policy, "denied"));
}

void opp_draft_set_denied(struct opp_draft *draft, enum opp_code denied)
{
    if (denied == OPP_OK)
        json_object_del(draft->policy, "denied");
    else
        json_object_set_new(draft->policy, "denied", json_string(opp_code_name(denied)));
}
