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

    if (copy->piece.length == 0 && !copy->done)
        return OPP_OK;
    if (fwrite(copy->piece.bytes, 1, copy->piece.length, copy->out) != copy->piece.length ||
        (copy->done && fflush(copy->out) != 0))
        rc = opp_fail(err, OPP_E_IO, "cannot write the trail: %s", strerrordesc_np(errno));
    opp_buf_reset(&copy->piece);
    return rc;
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

static void write_beginning(struct opp_trail_copy *copy)
{
    struct opp_trail_edges *edges = &copy->edges;

    if (edges->first == 0)
        memset(edges->previous, '0', OPP_HASH_HEX - 1);
    copy->from = copy->next = edges->first != 0 ? edges->first : 1;
    copy->to = edges->last != 0 ? edges->last : copy->from - 1;
    copy->cut = edges->lowest > 1 && copy->from == edges->lowest;
    copy->begun = true;
    write_head(copy, edges->previous);
}

/* One step of looking for where it begins and ends. */
static enum opp_code begin(struct opp_trail_copy *copy, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_trail_edges *edges = &copy->edges;
    enum opp_code rc;

    if (edges->stage == OPP_TRAIL_EDGES_NONE)
        *edges = (struct opp_trail_edges){ copy->since_ms, copy->until_ms, copy->from, copy->to, .first = 0 };
    rc = opp_trail_edges_seek(edges, tx, err);
    if (rc == OPP_OK && edges->stage == OPP_TRAIL_EDGES_FOUND)
        write_beginning(copy);
    return rc;
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
    enum opp_code rc;

    if (!copy->begun)
        return begin(copy, tx, err);
    opp_query_number(&query, "seq", OPP_ABOVE, copy->next - 1);
    opp_query_number(&query, "seq", OPP_BELOW, copy->to + 1);
    rc = opp_tx_each(tx, &query, take_row, &piece, err);
    copy->done = rc == OPP_OK && piece.rows < ROWS_A_PIECE;
    if (copy->done && copy->next <= copy->to && copy->missing == 0)
        copy->missing = copy->next;
    return rc;
}
