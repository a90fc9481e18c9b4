/* SPDX-License-Identifier: MIT */
#include "audit/checkpoint.h"
#include "base/hash.h"
#include "base/jcs.h"
#include "base/json.h"
#include "core/evidence.h"

#include <stdio.h>
#include <string.h>

/* What the rows so far said of the draft's parts: the last of each. */
struct checking {
    const struct opp_sign_key *key; /* NULL: signatures are not looked at */
    const char *draft_id;
    char draft_hash[OPP_HASH_HEX], decision_hash[OPP_HASH_HEX], outcome_hash[OPP_HASH_HEX];
    struct opp_evidence_verdict verdict;
    struct opp_err *err;
};

static enum opp_code bad(struct checking *checking, int64_t seq, const char *why)
{
    return opp_fail(checking->err, OPP_E_VALIDATION, "row %lld: %s", (long long)seq, why);
}

static void note(char hash[OPP_HASH_HEX], const json_t *details, const char *name)
{
    const char *said = opp_json_text(details, name);

    if (said != NULL)
        snprintf(hash, OPP_HASH_HEX, "%s", said);
}

/* A row of the draft's: its bytes have its hash, and they follow the row before. */
static enum opp_code check_own(struct checking *checking, const json_t *shown, int64_t seq, const char *previous)
{
    const char *bytes = opp_json_text(shown, "row"), *event_hash = opp_json_text(shown, "event_hash");
    const json_t *details;
    char hash[OPP_HASH_HEX];
    const char *why = NULL, *said, *draft_id;
    json_t *row;

    if (bytes == NULL || event_hash == NULL)
        return bad(checking, seq, "it is no row");
    opp_hash_hex(bytes, strlen(bytes), hash);
    row = json_loads(bytes, JSON_REJECT_DUPLICATES, NULL);
    details = json_object_get(row, "details");
    said = opp_json_text(row, "prev_event_hash");
    draft_id = opp_json_text(row, "draft_id");
    if (strcmp(hash, event_hash) != 0)
        why = "its bytes do not have its hash";
    else if (json_integer_value(json_object_get(row, "seq")) != seq)
        why = "it has another number";
    else if (said == NULL || strcmp(said, previous) != 0)
        why = "the hash that it has of the row before is not that row's";
    else if (draft_id == NULL || strcmp(draft_id, checking->draft_id) != 0)
        why = "it is about something else";
    note(checking->draft_hash, details, "draftHash");
    note(checking->decision_hash, details, "decisionHash");
    note(checking->outcome_hash, details, "outcomeHash");
    json_decref(row);
    checking->verdict.rows++;
    checking->verdict.first = checking->verdict.first == 0 ? seq : checking->verdict.first;
    checking->verdict.last = seq;
    return why == NULL ? OPP_OK : bad(checking, seq, why);
}

static enum opp_code check_signed(struct checking *checking, const json_t *shown, const struct opp_chain_point *end)
{
    struct opp_checkpoint *checkpoint = NULL;
    enum opp_code rc;

    if (json_is_null(shown)) {
        checking->verdict.all_signed = false;
        return OPP_OK;
    }
    rc = opp_checkpoint_read(shown, &checkpoint, checking->err);
    if (rc != OPP_OK)
        return rc;
    if (checking->key != NULL && !opp_checkpoint_holds(checkpoint, checking->key))
        rc = opp_fail(checking->err, OPP_E_VALIDATION,
                      "row %lld: the checkpoint of it has no signature of the key; it names the key %.16s...",
                      (long long)checkpoint->seq, checkpoint->key);
    else if (checkpoint->seq != end->seq || strcmp(checkpoint->hash, end->hash) != 0 ||
             strcmp(checkpoint->link, end->link) != 0)
        rc = bad(checking, checkpoint->seq, "the checkpoint is not of these rows");
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
    return rc;
}

static bool is_hash(const char *text)
{
    return text != NULL && strlen(text) == OPP_HASH_HEX - 1;
}

static enum opp_code check_rows(struct checking *checking, const json_t *rows, struct opp_chain_point *point)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *shown = json_array_get(rows, i);
        const char *hash = json_is_string(shown) ? json_string_value(shown) : opp_json_text(shown, "event_hash");
        enum opp_code rc = OPP_OK;

        if (!is_hash(hash))
            return bad(checking, point->seq + 1, "it has no hash");
        if (json_is_object(shown))
            rc = check_own(checking, shown, point->seq + 1, point->hash);
        if (rc != OPP_OK)
            return rc;
        point->seq++;
        snprintf(point->hash, sizeof point->hash, "%s", hash);
        opp_checkpoint_link(point->link, hash);
    }
    return OPP_OK;
}

static enum opp_code check_segment(struct checking *checking, const json_t *segment)
{
    const char *link = opp_json_text(segment, "link"), *previous = opp_json_text(segment, "previous");
    struct opp_chain_point point = { .seq = json_integer_value(json_object_get(segment, "from")) - 1 };
    enum opp_code rc;

    if (point.seq < 0 || point.seq < checking->verdict.last || !is_hash(link) || !is_hash(previous))
        return opp_fail(checking->err, OPP_E_VALIDATION, "the trail is not one");
    snprintf(point.hash, sizeof point.hash, "%s", previous);
    snprintf(point.link, sizeof point.link, "%s", link);
    rc = check_rows(checking, json_object_get(segment, "rows"), &point);
    return rc == OPP_OK ? check_signed(checking, json_object_get(segment, "checkpoint"), &point) : rc;
}

/* A part is as the last row that tells of it says; where none does, as if nothing had happened. */
static enum opp_code check_part(struct checking *checking, const json_t *part, const char *hash, bool untouched,
                                const char *name)
{
    char actual[OPP_HASH_HEX];
    enum opp_code rc;

    if (hash[0] == '\0')
        return untouched ? OPP_OK : opp_fail(checking->err, OPP_E_VALIDATION, OPP_EVIDENCE_UNCOVERED " the %s", name);
    rc = opp_jcs_hash(part, actual, checking->err);
    if (rc != OPP_OK || strcmp(actual, hash) == 0)
        return rc;
    return opp_fail(checking->err, OPP_E_VALIDATION, "the %s is not the one that the audit rows are about", name);
}

static bool says(const json_t *object, const char *name, const char *text)
{
    const char *said = opp_json_text(object, name);

    return said != NULL && strcmp(said, text) == 0;
}

static enum opp_code check_parts(struct checking *checking, const json_t *evidence)
{
    const json_t *decision = json_object_get(evidence, "decision"), *outcome = json_object_get(evidence, "outcome");
    bool undecided = json_array_size(json_object_get(decision, "approvals")) == 0 &&
                     json_is_null(json_object_get(decision, "review"));
    bool unknown = json_is_null(outcome) || says(outcome, "status", "pending");
    enum opp_code rc = check_part(checking, json_object_get(evidence, "draft"), checking->draft_hash, false, "draft");

    if (rc == OPP_OK)
        rc = check_part(checking, decision, checking->decision_hash, undecided, "decision");
    return rc == OPP_OK ? check_part(checking, outcome, checking->outcome_hash, unknown, "outcome") : rc;
}

static enum opp_code check_all(struct checking *checking, const json_t *evidence)
{
    const json_t *trail = json_object_get(evidence, "trail");
    enum opp_code rc = OPP_OK;

    checking->draft_id = opp_json_text(json_object_get(evidence, "draft"), "id");
    checking->verdict.all_signed = true;
    if (!says(evidence, "evidence", "oppd") || checking->draft_id == NULL || !json_is_array(trail))
        return opp_fail(checking->err, OPP_E_VALIDATION, "this is no evidence");
    for (size_t i = 0; rc == OPP_OK && i < json_array_size(trail); i++)
        rc = check_segment(checking, json_array_get(trail, i));
    return rc == OPP_OK ? check_parts(checking, evidence) : rc;
}

enum opp_code opp_evidence_check(const json_t *evidence, struct opp_err *err)
{
    struct checking checking = { .err = err };

    return check_all(&checking, evidence);
}

enum opp_code opp_evidence_verify(const json_t *evidence, const struct opp_sign_key *key,
                                  struct opp_evidence_verdict *out, struct opp_err *err)
{
    const char *pem = opp_json_text(evidence, "publicKey");
    struct opp_sign_key *own = NULL;
    struct checking checking = { .key = key, .err = err };
    enum opp_code rc = OPP_OK;

    if (key == NULL)
        rc = pem != NULL ? opp_sign_key_read(pem, strlen(pem), &own, err)
                         : opp_fail(err, OPP_E_VALIDATION, "there is no key in it");
    if (key == NULL)
        checking.key = own;
    if (rc == OPP_OK)
        rc = check_all(&checking, evidence);
    if (rc == OPP_OK)
        *out = checking.verdict;
    opp_sign_key_free(own);
    return rc;
}
