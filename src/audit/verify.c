/* SPDX-License-Identifier: MIT */
#include "audit/verify.h"

#include "audit/checkpoint.h"
#include "base/date.h"
#include "base/json.h"
#include "store/tx.h"

#include <stdio.h>
#include <string.h>

void opp_verify_clear(struct opp_verify *verify)
{
    opp_chain_clear(&verify->chain);
    opp_record_free(&OPP_CHECKPOINT, verify->stored);
    verify->stored = NULL;
}

/* NULL: none of them. */
static const struct opp_sign_key *key_of(const struct opp_verify_terms *terms, const struct opp_checkpoint *checkpoint)
{
    for (size_t i = 0; i < terms->key_count; i++)
        if (checkpoint->key[0] == '\0' || strcmp(opp_sign_key_id(terms->keys[i]), checkpoint->key) == 0)
            return terms->keys[i];
    return NULL;
}

void opp_verify_checkpoint(struct opp_verify *verify, const struct opp_checkpoint *checkpoint)
{
    const struct opp_sign_key *key = key_of(&verify->terms, checkpoint);
    char time[OPP_DATE_MAX];

    opp_date_format(checkpoint->time, time);
    if (key != NULL ? !opp_checkpoint_holds(checkpoint, key) : verify->terms.strict)
        opp_chain_blame(&verify->chain, checkpoint->seq, "the checkpoint of it, %s, has no signature of the key", time);
    if (strcmp(checkpoint->hash, verify->chain.hash) != 0)
        opp_chain_blame(&verify->chain, checkpoint->seq,
                        "it is not the row that was signed on %s: the trail was written anew somewhere after row %lld",
                        time, (long long)verify->last_checkpoint);
    if (verify->chain.link[0] != '\0' && strcmp(checkpoint->link, verify->chain.link) != 0)
        opp_chain_blame(&verify->chain, checkpoint->seq, "the checkpoint of it, %s, is of other rows before it", time);
    snprintf(verify->chain.link, sizeof verify->chain.link, "%s", checkpoint->link);
    verify->checkpoints++;
    verify->foreign += key == NULL ? 1 : 0;
    verify->last_checkpoint = checkpoint->seq;
    verify->last_checkpoint_time = checkpoint->time;
}

/* Those that were kept of the row that the chain has come to. */
static void check_kept(struct opp_verify *verify)
{
    const struct opp_verify_terms *terms = &verify->terms;

    for (; verify->next < terms->checkpoint_count && terms->checkpoints[verify->next]->seq == verify->chain.seq;
         verify->next++) {
        opp_verify_checkpoint(verify, terms->checkpoints[verify->next]);
        verify->kept++;
        verify->last_kept = verify->chain.seq;
    }
}

static void begin(struct opp_verify *verify, int64_t seq, const char *hash)
{
    const struct opp_verify_terms *terms = &verify->terms;

    opp_chain_begin(&verify->chain, seq, hash);
    verify->begun = true;
    verify->last_stored_row = seq;
    while (verify->next < terms->checkpoint_count && terms->checkpoints[verify->next]->seq < seq)
        verify->next++;
    check_kept(verify);
}

void opp_verify_go_on(struct opp_verify *verify, int64_t seq, const char *hash)
{
    if (!verify->begun)
        begin(verify, seq, hash);
    else if (verify->chain.seq != seq || strcmp(verify->chain.hash, hash) != 0)
        opp_chain_blame(&verify->chain, verify->chain.seq + 1, "what comes next does not continue the row before it");
}

/* A row that says so is rare, so that it may be parsed. */
static void look_for_archive(struct opp_verify *verify, const struct opp_chain_row *row)
{
    json_t *value = NULL, *details;
    const char *hash;

    if (verify->archive_named || verify->archived.seq == 0 ||
        (row->beside != NULL && strcmp(row->beside->action, OPP_AUDIT_ARCHIVE_ACTION) != 0))
        return;
    opp_json_read(row->bytes, row->length, &value);
    details = json_object_get(value, "details");
    hash = opp_json_text(details, "hash");
    verify->archive_named = hash != NULL && strcmp(hash, verify->archived.hash) == 0 &&
                            json_integer_value(json_object_get(details, "to")) == verify->archived.seq;
    json_decref(value);
}

void opp_verify_row(struct opp_verify *verify, const struct opp_chain_row *row)
{
    opp_chain_add(&verify->chain, row);
    verify->last_stored_row = verify->chain.seq;
    if (verify->first == 0)
        verify->first = verify->chain.seq;
    look_for_archive(verify, row);
    check_kept(verify);
}

static void blame_cut(struct opp_verify *verify, const struct opp_checkpoint *checkpoint)
{
    char time[OPP_DATE_MAX];

    opp_date_format(checkpoint->time, time);
    opp_chain_blame(&verify->chain, verify->chain.seq + 1,
                    "it and all after it up to row %lld are missing: that row was signed on %s",
                    (long long)checkpoint->seq, time);
}

void opp_verify_end(struct opp_verify *verify)
{
    verify->done = true;
    if (verify->next < verify->terms.checkpoint_count)
        blame_cut(verify, verify->terms.checkpoints[verify->next]);
    if (verify->archived.seq != 0 && !verify->archive_named)
        opp_chain_blame(&verify->chain, 1, "it and all up to row %lld are missing, and no row says where they went",
                        (long long)verify->archived.seq);
}

/* The checkpoint of this row or of the next one that has any. */
static enum opp_code find_stored(struct opp_verify *verify, struct opp_tx *tx, int64_t seq, struct opp_err *err)
{
    enum opp_code rc;

    if (verify->stored_asked && (verify->stored == NULL || verify->stored->seq >= seq))
        return OPP_OK;
    opp_record_free(&OPP_CHECKPOINT, verify->stored);
    verify->stored = NULL;
    rc = opp_checkpoint_from(tx, seq, &verify->stored, err);
    verify->stored_asked = rc == OPP_OK || rc == OPP_E_ABSENT;
    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

struct piece {
    struct opp_verify *verify;
    struct opp_tx *tx;
    size_t rows;
};

static enum opp_code take_row(void *arg, void *record, struct opp_err *err)
{
    struct piece *piece = arg;
    struct opp_verify *verify = piece->verify;
    struct opp_audit_row *beside = record;
    const struct opp_chain_row row = {
        .bytes = beside->row, .event_hash = beside->event_hash, .length = strlen(beside->row), .beside = beside
    };
    enum opp_code rc;

    piece->rows++;
    opp_verify_row(verify, &row);
    rc = find_stored(verify, piece->tx, verify->chain.seq, err);
    if (rc == OPP_OK && verify->stored != NULL && verify->stored->seq == verify->chain.seq)
        opp_verify_checkpoint(verify, verify->stored);
    verify->last_stored_row = beside->seq;
    verify->in_store = true;
    opp_record_free(&OPP_AUDIT_ROW, beside);
    return rc;
}

static enum opp_code take_first(void *arg, void *record, struct opp_err *err)
{
    const struct opp_audit_row *row = record;

    (void)err;
    *(int64_t *)arg = row->seq;
    opp_record_free(&OPP_AUDIT_ROW, record);
    return OPP_OK;
}

/* Before row 1, or where the trail was archived: behind a row of which there is a checkpoint. Without one the missing
 * rows are a gap like any other. */
static enum opp_code begin_in_store(struct opp_verify *verify, struct opp_tx *tx, int64_t first, struct opp_err *err)
{
    struct opp_checkpoint *checkpoint = NULL;
    enum opp_code rc = OPP_OK;

    if (first > 1)
        rc = opp_checkpoint_from(tx, first - 1, &checkpoint, err);
    if (rc != OPP_OK && rc != OPP_E_ABSENT)
        return rc;
    if (checkpoint != NULL && checkpoint->seq == first - 1) {
        opp_chain_begin(&verify->archived, checkpoint->seq, checkpoint->hash);
        begin(verify, checkpoint->seq, checkpoint->hash);
        opp_verify_checkpoint(verify, checkpoint);
    } else {
        begin(verify, 0, NULL);
    }
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
    return OPP_OK;
}

static enum opp_code end_in_store(struct opp_verify *verify, struct opp_tx *tx, struct opp_err *err)
{
    enum opp_code rc = find_stored(verify, tx, verify->chain.seq + 1, err);

    if (rc == OPP_OK && verify->stored != NULL && verify->stored->seq > verify->chain.seq)
        blame_cut(verify, verify->stored);
    if (rc == OPP_OK)
        opp_verify_end(verify);
    return rc;
}

/* What was read so far went into a file, and more than that: what is left is a trail that begins elsewhere. */
static void begin_anew(struct opp_verify *verify)
{
    struct opp_verify fresh = { .terms = verify->terms };

    opp_verify_clear(verify);
    *verify = fresh;
}

/* Where a piece begins in the store; *begun: behind the rows of the piece before. */
static enum opp_code begin_piece(struct opp_verify *verify, struct opp_tx *tx, bool *begun, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_AUDIT_ROW, .order = "seq", .limit = 1 };
    int64_t first = 0;
    enum opp_code rc = opp_tx_each(tx, &query, take_first, &first, err);

    if (verify->in_store && verify->chain.first_bad == 0 && first > verify->last_stored_row + 1)
        begin_anew(verify);
    *begun = verify->begun;
    return rc == OPP_OK && !*begun ? begin_in_store(verify, tx, first, err) : rc;
}

enum opp_code opp_verify_rows(struct opp_verify *verify, struct opp_tx *tx, size_t rows, struct opp_err *err)
{
    struct opp_query next = { .record = &OPP_AUDIT_ROW, .order = "seq", .limit = rows };
    struct piece piece = { .verify = verify, .tx = tx };
    bool begun = false;
    enum opp_code rc = begin_piece(verify, tx, &begun, err);

    verify->stored_asked = false; /* there may be more of them than when they were asked for last */
    if (rc == OPP_OK && begun)    /* else from the very first, whatever number a forger gave it */
        opp_query_number(&next, "seq", OPP_ABOVE, verify->last_stored_row);
    if (rc == OPP_OK)
        rc = opp_tx_each(tx, &next, take_row, &piece, err);
    if (rc == OPP_OK && (rows == 0 || piece.rows < rows))
        rc = end_in_store(verify, tx, err);
    return rc;
}

enum opp_code opp_verify_all(struct opp_verify *verify, struct opp_tx *tx, struct opp_err *err)
{
    return opp_verify_rows(verify, tx, 0, err);
}

struct wanted {
    struct opp_verify *verify;
    const struct opp_checkpoint *checkpoint;
    bool found; /* the row, or one behind it */
};

static enum opp_code take_signed(void *arg, void *record, struct opp_err *err)
{
    struct wanted *wanted = arg;
    struct opp_chain *chain = &wanted->verify->chain;
    struct opp_audit_row *row = record;
    char hash[OPP_HASH_HEX];
    int64_t seq = wanted->checkpoint->seq;

    (void)err;
    wanted->found = true;
    opp_hash_hex(row->row, strlen(row->row), hash);
    if (row->seq != seq && row->seq != seq + 1) /* the next one alone: this one was archived */
        opp_chain_blame(chain, seq, "it is missing");
    else if (row->seq == seq && (strcmp(hash, row->event_hash) != 0 || strcmp(hash, wanted->checkpoint->hash) != 0))
        opp_chain_blame(chain, seq, "it is not the row that was signed");
    opp_record_free(&OPP_AUDIT_ROW, row);
    return OPP_OK;
}

enum opp_code opp_verify_from(struct opp_verify *verify, struct opp_tx *tx, const struct opp_checkpoint *checkpoint,
                              struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_AUDIT_ROW, .order = "seq", .limit = 1 };
    struct wanted wanted = { .verify = verify, .checkpoint = checkpoint };
    enum opp_code rc;

    begin(verify, checkpoint->seq, checkpoint->hash);
    if (verify->checkpoints == 0) /* a stored one */
        opp_verify_checkpoint(verify, checkpoint);
    opp_query_number(&query, "seq", OPP_ABOVE, checkpoint->seq - 1);
    rc = opp_tx_each(tx, &query, take_signed, &wanted, err);
    if (rc == OPP_OK && !wanted.found)
        opp_chain_blame(&verify->chain, checkpoint->seq, "it was signed, and it is missing with all behind it");
    return rc;
}
