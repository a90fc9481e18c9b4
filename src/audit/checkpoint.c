/* SPDX-License-Identifier: MIT */
#include "audit/checkpoint.h"

#include "base/date.h"
#include "base/hash.h"
#include "base/jcs.h"
#include "base/json.h"
#include "base/text.h"
#include "store/tx.h"

#include <stdlib.h>
#include <string.h>

/* The one text that is signed: the members in the order of their names. */
static void write_signed(struct opp_buf *out, int64_t seq, const char *hash, int64_t time_ms)
{
    char time[OPP_DATE_MAX];

    opp_date_format(time_ms, time);
    opp_buf_char(out, '{');
    opp_jcs_member_text(out, "hash", hash);
    opp_jcs_member_integer(out, "seq", seq);
    opp_jcs_member_text(out, "time", time);
    opp_buf_char(out, '}');
}

static struct opp_checkpoint *new_checkpoint(int64_t seq, const char *hash, int64_t time_ms, const char *key,
                                             const char *signature)
{
    struct opp_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    bool failed = checkpoint == NULL;

    if (failed)
        return NULL;
    checkpoint->seq = seq;
    checkpoint->time = time_ms;
    checkpoint->hash = opp_text_copy(hash, &failed);
    checkpoint->key = opp_text_copy(key, &failed);
    checkpoint->signature = opp_text_copy(signature, &failed);
    if (!failed)
        return checkpoint;
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
    return NULL;
}

enum opp_code opp_checkpoint_make(const struct opp_sign_key *key, int64_t seq, const char *hash, int64_t time_ms,
                                  struct opp_checkpoint **out, struct opp_err *err)
{
    char signature[OPP_SIGNATURE_MAX];
    struct opp_checkpoint *checkpoint;
    struct opp_buf text = { 0 };
    enum opp_code rc;

    write_signed(&text, seq, hash, time_ms);
    rc = opp_buf_check(&text, err);
    if (rc == OPP_OK)
        rc = opp_sign(key, text.bytes, text.length, signature, err);
    opp_buf_free(&text);
    if (rc != OPP_OK)
        return rc;
    checkpoint = new_checkpoint(seq, hash, time_ms, opp_sign_key_id(key), signature);
    if (checkpoint == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a checkpoint");
    *out = checkpoint;
    return OPP_OK;
}

bool opp_checkpoint_holds(const struct opp_checkpoint *checkpoint, const struct opp_sign_key *key)
{
    struct opp_buf text = { 0 };
    bool holds;

    write_signed(&text, checkpoint->seq, checkpoint->hash, checkpoint->time);
    holds = !text.failed && opp_sign_holds(key, text.bytes, text.length, checkpoint->signature);
    opp_buf_free(&text);
    return holds;
}

json_t *opp_checkpoint_show(const struct opp_checkpoint *checkpoint)
{
    char time[OPP_DATE_MAX];

    opp_date_format(checkpoint->time, time);
    return json_pack("{s:s, s:s, s:I, s:s, s:s}", "hash", checkpoint->hash, "key", checkpoint->key, "seq",
                     (json_int_t)checkpoint->seq, "signature", checkpoint->signature, "time", time);
}

enum opp_code opp_checkpoint_read(const json_t *shown, struct opp_checkpoint **out, struct opp_err *err)
{
    json_int_t seq = json_integer_value(json_object_get(shown, "seq"));
    const char *hash = opp_json_text(shown, "hash"), *key = opp_json_text(shown, "key");
    const char *signature = opp_json_text(shown, "signature"), *time = opp_json_text(shown, "time");
    struct opp_checkpoint *checkpoint;
    int64_t time_ms = 0;

    if (seq <= 0 || hash == NULL || strlen(hash) != OPP_HASH_HEX - 1 || signature == NULL || time == NULL ||
        opp_date_parse(time, &time_ms, NULL) != OPP_OK)
        return opp_fail(err, OPP_E_VALIDATION, "this is no checkpoint");
    checkpoint = new_checkpoint(seq, hash, time_ms, key != NULL ? key : "", signature);
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
