/* SPDX-License-Identifier: MIT */
#include "audit/checkpoint.h"

#include "base/date.h"
#include "base/hash.h"
#include "base/jcs.h"
#include "base/json.h"
#include "base/text.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void opp_checkpoint_link(char link[OPP_HASH_HEX], const char *event_hash)
{
    char text[2 * OPP_HASH_HEX];
    int length = snprintf(text, sizeof text, "%s%s", link, event_hash);

    opp_hash_hex(text, length < (int)sizeof text ? (size_t)length : sizeof text - 1, link);
}

/* The one text that is signed: the members in the order of their names. */
static void write_signed(struct opp_buf *out, const struct opp_chain_point *point, int64_t time_ms)
{
    char time[OPP_DATE_MAX];

    opp_date_format(time_ms, time);
    opp_buf_char(out, '{');
    opp_jcs_member_text(out, "hash", point->hash);
    opp_jcs_member_text(out, "link", point->link);
    opp_jcs_member_integer(out, "seq", point->seq);
    opp_jcs_member_text(out, "time", time);
    opp_buf_char(out, '}');
}

static struct opp_checkpoint *new_checkpoint(const struct opp_chain_point *point, int64_t time_ms, const char *key,
                                             const char *signature)
{
    struct opp_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    bool failed = false;

    if (checkpoint == NULL)
        return NULL;
    checkpoint->seq = point->seq;
    checkpoint->time = time_ms;
    checkpoint->hash = opp_text_copy(point->hash, &failed);
    checkpoint->link = opp_text_copy(point->link, &failed);
    checkpoint->key = opp_text_copy(key, &failed);
    checkpoint->signature = opp_text_copy(signature, &failed);
    if (!failed)
        return checkpoint;
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
    return NULL;
}

enum opp_code opp_checkpoint_make(const struct opp_sign_key *key, const struct opp_chain_point *point, int64_t time_ms,
                                  struct opp_checkpoint **out, struct opp_err *err)
{
    char signature[OPP_SIGNATURE_MAX];
    struct opp_checkpoint *checkpoint;
    struct opp_buf text = { 0 };
    enum opp_code rc;

    write_signed(&text, point, time_ms);
    rc = opp_buf_check(&text, err);
    if (rc == OPP_OK)
        rc = opp_sign(key, text.bytes, text.length, signature, err);
    opp_buf_free(&text);
    if (rc != OPP_OK)
        return rc;
    checkpoint = new_checkpoint(point, time_ms, opp_sign_key_id(key), signature);
    if (checkpoint == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a checkpoint");
    *out = checkpoint;
    return OPP_OK;
}

bool opp_checkpoint_holds(const struct opp_checkpoint *checkpoint, const struct opp_sign_key *key)
{
    struct opp_chain_point point = { .seq = checkpoint->seq };
    struct opp_buf text = { 0 };
    bool holds;

    snprintf(point.hash, sizeof point.hash, "%s", checkpoint->hash);
    snprintf(point.link, sizeof point.link, "%s", checkpoint->link);
    write_signed(&text, &point, checkpoint->time);
    holds = !text.failed && opp_sign_holds(key, text.bytes, text.length, checkpoint->signature);
    opp_buf_free(&text);
    return holds;
}

json_t *opp_checkpoint_show(const struct opp_checkpoint *checkpoint)
{
    char time[OPP_DATE_MAX];

    opp_date_format(checkpoint->time, time);
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "hash", checkpoint->hash, "key", checkpoint->key, "link",
                     checkpoint->link, "seq", (json_int_t)checkpoint->seq, "signature", checkpoint->signature, "time",
                     time);
}

enum opp_code opp_checkpoint_read(const json_t *shown, struct opp_checkpoint **out, struct opp_err *err)
{
    struct opp_chain_point point = { .seq = json_integer_value(json_object_get(shown, "seq")) };
    const char *hash = opp_json_text(shown, "hash"), *key = opp_json_text(shown, "key");
    const char *link = opp_json_text(shown, "link");
    const char *signature = opp_json_text(shown, "signature"), *time = opp_json_text(shown, "time");
    struct opp_checkpoint *checkpoint;
    int64_t time_ms = 0;

    if (point.seq <= 0 || hash == NULL || strlen(hash) != OPP_HASH_HEX - 1 || link == NULL ||
        strlen(link) != OPP_HASH_HEX - 1 || signature == NULL || time == NULL ||
        opp_date_parse(time, &time_ms, NULL) != OPP_OK)
        return opp_fail(err, OPP_E_VALIDATION, "this is no checkpoint");
    memcpy(point.hash, hash, OPP_HASH_HEX);
    memcpy(point.link, link, OPP_HASH_HEX);
    checkpoint = new_checkpoint(&point, time_ms, key != NULL ? key : "", signature);
    if (checkpoint == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a checkpoint");
    *out = checkpoint;
    return OPP_OK;
}

static enum opp_code take(void *arg, void *record, struct opp_err *err)
{
    (void)err;
    *(void **)arg = record;
    return OPP_OK;
}

static enum opp_code find_one(struct opp_tx *tx, struct opp_query *query, struct opp_checkpoint **out,
                              struct opp_err *err)
{
    void *found = NULL;
    enum opp_code rc;

    query->record = &OPP_CHECKPOINT;
    query->order = "seq";
    query->limit = 1;
    rc = opp_tx_each(tx, query, take, &found, err);
    if (rc != OPP_OK) {
        opp_record_free(&OPP_CHECKPOINT, found);
        return rc;
    }
    if (found == NULL)
        return OPP_E_ABSENT; /* an answer, as opp_tx_get's */
    *out = found;
    return OPP_OK;
}

enum opp_code opp_checkpoint_before(struct opp_tx *tx, int64_t seq, struct opp_checkpoint **out, struct opp_err *err)
{
    struct opp_query query = { .descending = true };

    if (seq != 0)
        opp_query_number(&query, "seq", OPP_BELOW, seq);
    return find_one(tx, &query, out, err);
}

enum opp_code opp_checkpoint_from(struct opp_tx *tx, int64_t seq, struct opp_checkpoint **out, struct opp_err *err)
{
    struct opp_query query = { .descending = false };

    opp_query_number(&query, "seq", OPP_ABOVE, seq - 1);
    return find_one(tx, &query, out, err);
}

static enum opp_code add_link(void *arg, void *record, struct opp_err *err)
{
    struct opp_chain_point *point = arg;
    struct opp_audit_hash *row = record;
    enum opp_code rc = OPP_OK;

    if (row->seq != point->seq + 1)
        rc = opp_fail(err, OPP_E_UNAVAILABLE, "audit row %lld is missing", (long long)point->seq + 1);
    point->seq = row->seq;
    snprintf(point->hash, sizeof point->hash, "%s", row->event_hash);
    opp_checkpoint_link(point->link, row->event_hash);
    opp_record_free(&OPP_AUDIT_HASH, row);
    return rc;
}

/* From the newest checkpoint that is not beyond row seq, if it is nearer. */
static enum opp_code begin_near(struct opp_tx *tx, struct opp_chain_point *point, int64_t seq, struct opp_err *err)
{
    struct opp_checkpoint *near = NULL;
    enum opp_code rc = opp_checkpoint_before(tx, seq + 1, &near, err);

    if (point->link[0] == '\0') {
        memset(point->link, '0', OPP_HASH_HEX - 1);
        memset(point->hash, '0', OPP_HASH_HEX - 1);
    }
    if (rc == OPP_OK && near->seq > point->seq) {
        point->seq = near->seq;
        snprintf(point->hash, sizeof point->hash, "%s", near->hash);
        snprintf(point->link, sizeof point->link, "%s", near->link);
    }
    opp_record_free(&OPP_CHECKPOINT, near);
    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

enum opp_code opp_checkpoint_reach(struct opp_tx *tx, struct opp_chain_point *point, int64_t seq, struct opp_err *err)
{
    struct opp_query rows = { .record = &OPP_AUDIT_HASH, .order = "seq" };
    enum opp_code rc = begin_near(tx, point, seq, err);

    opp_query_number(&rows, "seq", OPP_ABOVE, point->seq);
    opp_query_number(&rows, "seq", OPP_BELOW, seq + 1);
    if (rc == OPP_OK)
        rc = opp_tx_each(tx, &rows, add_link, point, err);
    if (rc == OPP_OK && point->seq != seq)
        rc = opp_fail(err, OPP_E_UNAVAILABLE, "there is no audit row %lld", (long long)seq);
    return rc;
}
