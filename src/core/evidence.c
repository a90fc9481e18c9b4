/* SPDX-License-Identifier: MIT */
#include "core/evidence.h"

#include "audit/checkpoint.h"
#include "audit/verify.h"
#include "base/jcs.h"
#include "base/json.h"
#include "core/shape.h"
#include "store/tx.h"

#include <stdint.h>
#include <string.h>

#define ARCHIVE_STEPS_MAX 500000 /* of the database: some 100,000 rows */

#define DRAFT_BYTES 4096 /* what most drafts need */

static json_t *or_null(json_t *value)
{
    return value != NULL ? json_incref(value) : json_null();
}

/* Without why it was no execution at once, which a later request may change. */
static void member_policy(struct opp_buf *out, const json_t *policy)
{
    json_t *without;

    if (json_object_get(policy, "denied") == NULL) {
        opp_jcs_member_json(out, "policy", policy);
        return;
    }
    without = json_copy((json_t *)(uintptr_t)policy);
    out->failed = out->failed || without == NULL;
    json_object_del(without, "denied");
    opp_jcs_member_json(out, "policy", without);
    json_decref(without);
}

/* The members in the order of their names, here as below. */
static void write_draft(struct opp_buf *out, const struct opp_draft *draft)
{
    opp_buf_char(out, '{');
    opp_jcs_member_text(out, "action", draft->action);
    opp_jcs_member_text(out, "actor_user_id", draft->actor_user_id);
    opp_jcs_member_text(out, "app_id", draft->app_id);
    opp_shape_member_time(out, "created_at", draft->created_at);
    opp_jcs_member_json(out, "effect", draft->effect);
    opp_jcs_member_text(out, "effect_hash", draft->effect_hash);
    opp_shape_member_time(out, "expires_at", draft->expires_at);
    opp_jcs_member_text(out, "id", draft->id);
    opp_jcs_member_text(out, "idempotency_key", draft->idempotency_key);
    opp_jcs_member_json(out, "impact", draft->impact);
    opp_jcs_member_text(out, "impact_hash", draft->impact_hash);
    opp_jcs_member_text(out, "intent_hash", draft->intent_hash);
    opp_jcs_member_text(out, "justification", draft->justification);
    opp_jcs_member_text(out, "key_id", draft->key_id);
    opp_jcs_member_text(out, "org_id", draft->org_id);
    opp_jcs_member_json(out, "payload", draft->payload);
    member_policy(out, draft->policy);
    opp_jcs_member_text(out, "preflight_id", draft->preflight_id);
    opp_jcs_member_text(out, "request_id", draft->request_id);
    opp_jcs_member_json(out, "resources", draft->resources);
    opp_jcs_member_text(out, "seal", draft->seal);
    opp_jcs_member_json(out, "state_witness", draft->witness);
    opp_jcs_member_text(out, "state_witness_hash", draft->witness_hash);
    opp_buf_char(out, '}');
}

static void write_decision(struct opp_buf *out, const struct opp_draft *draft)
{
    opp_buf_char(out, '{');
    opp_jcs_member(out, "approvals");
    if (draft->approvals != NULL)
        opp_jcs_write(out, draft->approvals);
    else
        opp_buf_text(out, "[]");
    opp_jcs_member_json(out, "review", draft->review);
    opp_buf_char(out, '}');
}

static void write_outcome(struct opp_buf *out, const struct opp_execution *execution)
{
    opp_buf_char(out, '{');
    opp_jcs_member_text(out, "effect_id", execution->effect_id);
    opp_jcs_member_json(out, "error", execution->error);
    opp_jcs_member_text(out, "execution_id", execution->id);
    opp_jcs_member_json(out, "resolution", execution->resolution);
    opp_jcs_member_json(out, "result", execution->result);
    opp_jcs_member_text(out, "status", execution->status);
    opp_buf_char(out, '}');
}

/* Takes part's bytes. */
static enum opp_code hash_part(struct opp_buf *part, char hash[OPP_HASH_HEX], struct opp_err *err)
{
    enum opp_code rc = opp_buf_check(part, err);

    if (rc == OPP_OK)
        opp_hash_hex(part->bytes, part->length, hash);
    opp_buf_free(part);
    return rc;
}

enum opp_code opp_evidence_hash_draft(const struct opp_draft *draft, char hash[OPP_HASH_HEX], struct opp_err *err)
{
    struct opp_buf part = { 0 };

    opp_buf_room(&part, DRAFT_BYTES);
    write_draft(&part, draft);
    return hash_part(&part, hash, err);
}

/* Takes part's bytes. */
static enum opp_code bind(json_t *details, const char *name, struct opp_buf *part, struct opp_err *err)
{
    char hash[OPP_HASH_HEX];
    enum opp_code rc = hash_part(part, hash, err);

    if (rc == OPP_OK && json_object_set_new(details, name, json_string(hash)) != 0)
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for an audit row");
    return rc;
}

enum opp_code opp_evidence_bind_decision(json_t *details, const struct opp_draft *draft, struct opp_err *err)
{
    struct opp_buf part = { 0 };

    write_decision(&part, draft);
    return bind(details, "decisionHash", &part, err);
}

enum opp_code opp_evidence_bind_outcome(json_t *details, const struct opp_execution *execution, struct opp_err *err)
{
    struct opp_buf part = { 0 };

    write_outcome(&part, execution);
    return bind(details, "outcomeHash", &part, err);
}

/* Gives what the bytes (taken) say, NULL when memory is out. */
static json_t *read_part(struct opp_buf *part)
{
    json_t *value = NULL;

    if (!part->failed)
        opp_json_read(part->bytes, part->length, &value);
    opp_buf_free(part);
    return value;
}

static json_t *show_draft(const struct opp_draft *draft)
{
    struct opp_buf part = { 0 };

    write_draft(&part, draft);
    return read_part(&part);
}

static json_t *show_decision(const struct opp_draft *draft)
{
    struct opp_buf part = { 0 };

    write_decision(&part, draft);
    return read_part(&part);
}

static json_t *show_outcome(const struct opp_execution *execution)
{
    struct opp_buf part = { 0 };

    if (execution == NULL)
        return json_null();
    write_outcome(&part, execution);
    return read_part(&part);
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

struct archived {
    int64_t first; /* the first row that is left */
    struct opp_audit_row *row;
};

static enum opp_code take_first(void *arg, void *record, struct opp_err *err)
{
    const struct opp_audit_hash *row = record;

    (void)err;
    ((struct archived *)arg)->first = row->seq;
    opp_record_free(&OPP_AUDIT_HASH, record);
    return OPP_OK;
}

static enum opp_code take_last(void *arg, void *record, struct opp_err *err)
{
    (void)err;
    ((struct archived *)arg)->row = record;
    return OPP_OK;
}

static enum opp_code find_archived(struct opp_tx *tx, struct archived *out, struct opp_err *err)
{
    struct opp_query first = { .record = &OPP_AUDIT_HASH, .order = "seq", .limit = 1 };
    struct opp_query last = { .record = &OPP_AUDIT_ROW, .order = "seq", .descending = true, .limit = 1 };
    enum opp_code rc = opp_tx_each(tx, &first, take_first, out, err);

    if (rc != OPP_OK || out->first <= 1)
        return rc;
    opp_query_text(&last, "action", OPP_EQUAL, OPP_AUDIT_ARCHIVE_ACTION);
    opp_tx_steps(tx, ARCHIVE_STEPS_MAX);
    rc = opp_tx_each(tx, &last, take_last, out, err);
    opp_tx_steps(tx, 0);
    return rc;
}

/* Rows that are missed may have been archived: then a file has them. Where that is far to look for, it is not named. */
static void tell_archive(struct opp_tx *tx, struct opp_err *why)
{
    struct archived archived = { .first = 0 };
    struct opp_err told = { 0 };
    json_t *row = NULL;
    const char *path;

    find_archived(tx, &archived, NULL);
    if (archived.row != NULL)
        opp_json_read(archived.row->row, strlen(archived.row->row), &row);
    path = opp_json_text(json_object_get(row, "details"), "path");
    opp_fail(&told, why->code, "%.60s; the rows before row %lld were archived%s%s", why->message,
             (long long)archived.first, path != NULL ? ", the last of them to " : "", path != NULL ? path : "");
    if (archived.first > 1)
        *why = told;
    json_decref(row);
    opp_record_free(&OPP_AUDIT_ROW, archived.row);
}

/* Who reads it must not take what was changed on disk for what was decided. */
static enum opp_code tell_problem(struct opp_tx *tx, json_t *evidence, struct opp_err *err)
{
    struct opp_err why = { 0 };
    enum opp_code rc = opp_evidence_check(evidence, &why);

    if (rc == OPP_E_VALIDATION && strncmp(why.message, OPP_EVIDENCE_UNCOVERED, sizeof OPP_EVIDENCE_UNCOVERED - 1) == 0)
        tell_archive(tx, &why);
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
    made = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s?}", "evidence", "oppd", "draft", show_draft(draft), "decision",
                     show_decision(draft), "outcome", show_outcome(execution), "state", state_of(draft), "trail",
                     segments, "publicKey", key != NULL ? opp_sign_key_public(key) : NULL);
    if (made == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for evidence");
    rc = tell_problem(tx, made, err);
    if (rc == OPP_OK)
        *out = made;
    else
        json_decref(made);
    return rc;
}
