/* SPDX-License-Identifier: MIT */
#include "audit/trail_copy.h"

#include "audit/checkpoint.h"
#include "audit/trail_file.h"
#include "base/jcs.h"
#include "base/json.h"
#include "store/tx.h"

#include <errno.h>
#include <string.h>

#define ROWS_A_PIECE 200 /* they are in memory together */

static const char *const COLUMNS[] = { "seq",
                                       "id",
                                       "created_at",
                                       "action",
                                       "status",
                                       "code",
                                       "app_id",
                                       "key_id",
                                       "actor_user_id",
                                       "performed_by_user_id",
                                       "request_id",
                                       "client_request_id",
                                       "draft_id",
                                       "execution_id",
                                       "ip",
                                       "user_agent",
                                       "policy_generation",
                                       "details",
                                       "prev_event_hash",
                                       "event_hash" };
#define COLUMN_COUNT (sizeof COLUMNS / sizeof *COLUMNS)

void opp_trail_copy_clear(struct opp_trail_copy *copy)
{
    opp_buf_free(&copy->piece);
}

enum opp_code opp_trail_copy_write(struct opp_trail_copy *copy, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    if (fwrite(copy->piece.bytes, 1, copy->piece.length, copy->out) != copy->piece.length ||
        (copy->done && fflush(copy->out) != 0))
        rc = opp_fail(err, OPP_E_IO, "cannot write the trail: %s", strerrordesc_np(errno));
    opp_buf_reset(&copy->piece);
    return rc;
}

struct edge {
    int64_t seq;
    char previous[OPP_HASH_HEX];
};

static enum opp_code take_edge(void *arg, void *record, struct opp_err *err)
{
    struct edge *edge = arg;
    struct opp_audit_row *row = record;
    json_t *value = NULL;
    const char *previous;

    (void)err;
    opp_json_read(row->row, strlen(row->row), &value);
    previous = opp_json_text(value, "prev_event_hash");
    edge->seq = row->seq;
    snprintf(edge->previous, sizeof edge->previous, "%s", previous != NULL ? previous : "");
    json_decref(value);
    opp_record_free(&OPP_AUDIT_ROW, row);
    return OPP_OK;
}

/* The first row that is wanted, or the last. Times of rows hardly ever go back, but they may: what is copied has no
 * gaps, and so may hold a row beyond the times at either end. */
static enum opp_code find_edge(const struct opp_trail_copy *copy, struct opp_tx *tx, bool last, struct edge *out,
                               struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_AUDIT_ROW, .order = "seq", .descending = last, .limit = 1 };

    if (!last && copy->from != 0)
        opp_query_number(&query, "seq", OPP_ABOVE, copy->from - 1);
    if (!last && copy->since_ms != 0)
        opp_query_number(&query, "created_at", OPP_ABOVE, copy->since_ms - 1);
    if (last && copy->to != 0)
        opp_query_number(&query, "seq", OPP_BELOW, copy->to + 1);
    if (last && copy->until_ms != 0)
        opp_query_number(&query, "created_at", OPP_BELOW, copy->until_ms);
    return opp_tx_each(tx, &query, take_edge, out, err);
}

static void write_head(struct opp_trail_copy *copy, const char *previous)
{
    if (copy->format == OPP_TRAIL_JSONL) {
        opp_trail_file_head(&copy->piece, copy->from, copy->to, previous);
        return;
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        opp_buf_format(&copy->piece, "%s%s", i == 0 ? "" : ",", COLUMNS[i]);
    opp_buf_text(&copy->piece, "\r\n");
}

/* Whether what is wanted may begin before the first row that is there. */
static enum opp_code begins_late(struct opp_trail_copy *copy, struct opp_tx *tx, struct opp_err *err)
{
    const struct opp_trail_copy all = { .from = 0 };
    struct edge first = { .seq = 0 };
    enum opp_code rc = find_edge(&all, tx, false, &first, err);

    copy->cut = first.seq > 1 && copy->from == first.seq;
    return rc;
}

static enum opp_code begin(struct opp_trail_copy *copy, struct opp_tx *tx, struct opp_err *err)
{
    struct edge first = { .seq = 0 }, last = { .seq = 0 };
    enum opp_code rc = find_edge(copy, tx, false, &first, err);

    if (rc == OPP_OK)
        rc = find_edge(copy, tx, true, &last, err);
    if (rc != OPP_OK)
        return rc;
    copy->begun = true;
    copy->from = copy->next = first.seq != 0 ? first.seq : 1;
    copy->to = first.seq != 0 && last.seq >= first.seq ? last.seq : copy->from - 1;
    if (first.seq == 0)
        memset(first.previous, '0', OPP_HASH_HEX - 1);
    write_head(copy, first.previous);
    return begins_late(copy, tx, err);
}

/* What a spreadsheet would take for a formula gets an apostrophe, which makes it text. */
static void write_cell(struct opp_buf *out, const char *text, size_t length)
{
    opp_buf_char(out, '"');
    if (length > 0 && memchr("=+-@\t\r", text[0], 6) != NULL)
        opp_buf_char(out, '\'');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            opp_buf_char(out, '"');
        opp_buf_char(out, text[i]);
    }
    opp_buf_char(out, '"');
}

static void write_value(struct opp_buf *out, const json_t *value)
{
    struct opp_buf text = { 0 };

    if (json_is_string(value)) {
        write_cell(out, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        opp_jcs_integer(out, json_integer_value(value));
    } else if (value != NULL && !json_is_null(value)) {
        opp_jcs_write(&text, value);
        out->failed = out->failed || text.failed;
        if (!text.failed)
            write_cell(out, text.bytes, text.length);
    }
    opp_buf_free(&text);
}

static enum opp_code write_csv(struct opp_buf *out, const struct opp_audit_row *row, struct opp_err *err)
{
    json_t *value = NULL;

    if (opp_json_read(row->row, strlen(row->row), &value) != OPP_OK ||
        json_object_set_new(value, "event_hash", json_string(row->event_hash)) != 0) {
        json_decref(value);
        return opp_fail(err, OPP_E_IO, "row %lld is no audit row", (long long)row->seq);
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (i > 0)
            opp_buf_char(out, ',');
        write_value(out, json_object_get(value, COLUMNS[i]));
    }
    opp_buf_text(out, "\r\n");
    json_decref(value);
    return OPP_OK;
}

struct piece {
    struct opp_trail_copy *copy;
    struct opp_tx *tx;
    int64_t last;
    size_t rows;
};

/* A checkpoint of the row goes behind it. */
static enum opp_code write_checkpoint(struct piece *piece, int64_t seq, struct opp_err *err)
{
    struct opp_checkpoint *checkpoint = NULL;
    enum opp_code rc = opp_checkpoint_from(piece->tx, seq, &checkpoint, err);

    if (rc == OPP_OK && checkpoint->seq == seq)
        opp_trail_file_checkpoint(&piece->copy->piece, checkpoint);
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

static enum opp_code take_row(void *arg, void *record, struct opp_err *err)
{
    struct piece *piece = arg;
    struct opp_audit_row *row = record;
    struct opp_trail_copy *copy = piece->copy;
    enum opp_code rc = OPP_OK;

    piece->rows++;
    if (row->seq != copy->next && copy->missing == 0)
        copy->missing = copy->next;
    copy->next = row->seq + 1;
    if (copy->format == OPP_TRAIL_CSV)
        rc = write_csv(&copy->piece, row, err);
    else
        opp_trail_file_row(&copy->piece, row);
    if (rc == OPP_OK && copy->format == OPP_TRAIL_JSONL)
        rc = write_checkpoint(piece, row->seq, err);
    opp_record_free(&OPP_AUDIT_ROW, row);
    return rc == OPP_OK ? opp_buf_check(&copy->piece, err) : rc;
}

enum opp_code opp_trail_copy_piece(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_trail_copy *copy = arg;
    struct opp_query query = { .record = &OPP_AUDIT_ROW, .order = "seq", .limit = ROWS_A_PIECE };
    struct piece piece = { .copy = copy, .tx = tx };
    enum opp_code rc = copy->begun ? OPP_OK : begin(copy, tx, err);

    opp_query_number(&query, "seq", OPP_ABOVE, copy->next - 1);
    opp_query_number(&query, "seq", OPP_BELOW, copy->to + 1);
    if (rc == OPP_OK)
        rc = opp_tx_each(tx, &query, take_row, &piece, err);
    copy->done = rc == OPP_OK && piece.rows < ROWS_A_PIECE;
    if (copy->done && copy->next <= copy->to && copy->missing == 0)
        copy->missing = copy->next;
    return rc;
}
