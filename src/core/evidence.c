/* SPDX-License-Identifier: MIT */
#include "core/evidence.h"

#include "audit/checkpoint.h"
#include "base/jcs.h"
#include "core/shape.h"
#include "store/tx.h"

#include <string.h>

static json_t *or_null(json_t *value)
{
    return value != NULL ? json_incref(value) : json_null();
}

/* Without why it was no execution at once, which a later request may change. */
static json_t *policy_of(const struct opp_draft *draft)
{
    json_t *policy = draft->policy != NULL ? json_copy(draft->policy) : json_null();

    if (json_is_object(policy))
        json_object_del(policy, "denied");
    return policy;
}

static json_t *hashes_of(const struct opp_draft *draft)
{
    return json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?}", "effect_hash", draft->effect_hash, "impact_hash",
                     draft->impact_hash, "intent_hash", draft->intent_hash, "seal", draft->seal, "state_witness_hash",
                     draft->witness_hash);
}

static json_t *facts_of(const struct opp_draft *draft)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "payload", or_null(draft->payload), "resources",
                     or_null(draft->resources), "impact", or_null(draft->impact), "effect", or_null(draft->effect),
                     "state_witness", or_null(draft->witness), "policy", policy_of(draft));
}

json_t *opp_evidence_draft(const struct opp_draft *draft)
{
    json_t *hashes = hashes_of(draft), *facts = facts_of(draft);
    json_t *part =
        json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s?, s:s?, s:s?, s:s?, s:o, s:o}", "id", draft->id, "app_id",
                  draft->app_id, "key_id", draft->key_id, "actor_user_id", draft->actor_user_id, "org_id",
                  draft->org_id, "action", draft->action, "request_id", draft->request_id, "idempotency_key",
                  draft->idempotency_key, "justification", draft->justification, "preflight_id", draft->preflight_id,
                  "created_at", opp_shape_time(draft->created_at), "expires_at", opp_shape_time(draft->expires_at));

    if (json_object_update_new(part, hashes) != 0 || json_object_update_new(part, facts) != 0) {
        json_decref(part);
        return NULL;
    }
    return part;
}

json_t *opp_evidence_decision(const struct opp_draft *draft)
{
    json_t *approvals = draft->approvals != NULL ? json_incref(draft->approvals) : json_array();

    return json_pack("{s:o, s:o}", "approvals", approvals, "review", or_null(draft->review));
}

json_t *opp_evidence_outcome(const struct opp_execution *execution)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "execution_id", execution->id, "effect_id", execution->effect_id,
                     "status", execution->status, "result", or_null(execution->result), "error",
                     or_null(execution->error), "resolution", or_null(execution->resolution));
}

enum opp_code opp_evidence_bind(json_t *details, const char *name, json_t *part, struct opp_err *err)
{
    char hash[OPP_HASH_HEX];
    enum opp_code rc = part != NULL ? opp_jcs_hash(part, hash, err) : OPP_E_MEMORY;

    json_decref(part);
    if (rc == OPP_OK && json_object_set_new(details, name, json_string(hash)) != 0)
        rc = OPP_E_MEMORY;
    return rc == OPP_OK ? rc : opp_fail(err, rc, "no memory for an audit row");
}

/* The draft's rows, and where the building of segments has come to in them. */
struct making {
    struct opp_tx *tx;
    json_t *own; /* of {seq, event_hash, row} */
    size_t next;
    json_t *rows; /* of the segment */
};

static enum opp_code take_own(void *arg, void *record, struct opp_err *err)
{
    struct making *making = arg;
    struct opp_audit_row *row = record;
    json_t *shown =
        json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)row->seq, "event_hash", row->event_hash, "row", row->row);

    opp_record_free(&OPP_AUDIT_ROW, row);
    return json_array_append_new(making->own, shown) == 0 ? OPP_OK
                                                          : opp_fail(err, OPP_E_MEMORY, "no memory for evidence");
}

static json_int_t seq_of(const struct making *making, size_t index)
{
    return json_integer_value(json_object_get(json_array_get(making->own, index), "seq"));
}

/* Whole where it is about the draft, else its hash alone: it may be another tenant's. */
static enum opp_code take_hash(void *arg, void *record, struct opp_err *err)
{
    struct making *making = arg;
    struct opp_audit_hash *row = record;
    bool own = making->next < json_array_size(making->own) && seq_of(making, making->next) == row->seq;
    json_t *shown = own ? json_incref(json_array_get(making->own, making->next)) : json_string(row->event_hash);

    making->next += own ? 1 : 0;
    opp_record_free(&OPP_AUDIT_HASH, row);
    return json_array_append_new(making->rows, shown) == 0 ? OPP_OK
                                                           : opp_fail(err, OPP_E_MEMORY, "no memory for evidence");
}

/* Without one the trail begins with row 1. */
static enum opp_code checkpoint_or_none(enum opp_code rc)
{
    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

static json_t *show_segment(const struct making *making, const struct opp_checkpoint *before,
                            const struct opp_checkpoint *after)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

    return json_pack("{s:I, s:s, s:s, s:O, s:o}", "from", before != NULL ? (json_int_t)before->seq + 1 : 1, "previous",
                     before != NULL ? before->hash : zeros, "link", before != NULL ? before->link : zeros, "rows",
                     making->rows, "checkpoint", after != NULL ? opp_checkpoint_show(after) : json_null());
}

/* From behind the checkpoint before the next row of the draft's up to the one that follows it. */
static enum opp_code add_segment(struct making *making, json_t *segments, struct opp_err *err)
{
    int64_t seq = seq_of(making, making->next), last = seq_of(making, json_array_size(making->own) - 1);
    struct opp_query hashes = { .record = &OPP_AUDIT_HASH, .order = "seq" };
    struct opp_checkpoint *before = NULL, *after = NULL;
    size_t first = making->next;
    enum opp_code rc = checkpoint_or_none(opp_checkpoint_before(making->tx, seq, &before, err));

    making->rows = json_array();
    if (rc == OPP_OK)
        rc = checkpoint_or_none(opp_checkpoint_from(making->tx, seq, &after, err));
    opp_query_number(&hashes, "seq", OPP_ABOVE, before != NULL ? before->seq : 0);
    opp_query_number(&hashes, "seq", OPP_BELOW, (after != NULL ? after->seq : last) + 1);
    if (rc == OPP_OK)
        rc = opp_tx_each(making->tx, &hashes, take_hash, making, err);
    if (rc == OPP_OK && making->next == first)
        rc = opp_fail(err, OPP_E_UNAVAILABLE, "audit row %lld is missing", (long long)seq);
    if (rc == OPP_OK && json_array_append_new(segments, show_segment(making, before, after)) != 0)
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for evidence");
    json_decref(making->rows);
    opp_record_free(&OPP_CHECKPOINT, before);
    opp_record_free(&OPP_CHECKPOINT, after);
    return rc;
}

static enum opp_code make_trail(struct opp_tx *tx, const char *draft_id, json_t *segments, struct opp_err *err)
{
    struct opp_query own = { .record = &OPP_AUDIT_ROW, .order = "seq" };
    struct making making = { .tx = tx, .own = json_array() };
    enum opp_code rc;

    opp_query_text(&own, "draft_id", OPP_EQUAL, draft_id);
    rc = making.own != NULL ? opp_tx_each(tx, &own, take_own, &making, err)
                            : opp_fail(err, OPP_E_MEMORY, "no memory for evidence");
    while (rc == OPP_OK && making.next < json_array_size(making.own))
        rc = add_segment(&making, segments, err);
    json_decref(making.own);
    return rc;
}

/* What the rows tell by being there, and no hash of theirs covers. */
static json_t *state_of(const struct opp_draft *draft)
{
    return json_pack("{s:s, s:o, s:s?, s:o, s:o}", "status", draft->status, "failure", or_null(draft->failure),
                     "confirmed_by_user_id", draft->confirmed_by, "confirmed_at", opp_shape_time(draft->confirmed_at),
                     "canceled_at", opp_shape_time(draft->canceled_at));
}

/* Who reads it must not take what was changed on disk for what was decided. */
static enum opp_code tell_problem(json_t *evidence, struct opp_err *err)
{
    struct opp_err why = { 0 };
    enum opp_code rc = opp_evidence_check(evidence, &why);

    if (rc == OPP_E_VALIDATION)
        rc = json_object_set_new(evidence, "problem", json_string(why.message)) == 0 ? OPP_OK : OPP_E_MEMORY;
    return rc == OPP_OK ? rc : opp_fail(err, rc, "no memory for evidence");
}

enum opp_code opp_evidence_make(struct opp_tx *tx, const struct opp_draft *draft, const struct opp_execution *execution,
                                const struct opp_sign_key *key, json_t **out, struct opp_err *err)
{
    json_t *segments = json_array(), *made;
    enum opp_code rc = segments != NULL ? make_trail(tx, draft->id, segments, err) : OPP_E_MEMORY;

    if (rc != OPP_OK) {
        json_decref(segments);
        return rc;
    }
    made = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s?}", "evidence", "oppd", "draft", opp_evidence_draft(draft),
                     "decision", opp_evidence_decision(draft), "outcome",
                     execution != NULL ? opp_evidence_outcome(execution) : json_null(), "state", state_of(draft),
                     "trail", segments, "publicKey", key != NULL ? opp_sign_key_public(key) : NULL);
    if (made == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for evidence");
    rc = tell_problem(made, err);
    if (rc == OPP_OK)
        *out = made;
    else
        json_decref(made);
    return rc;
}
