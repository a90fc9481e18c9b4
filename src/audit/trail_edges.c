/* SPDX-License-Identifier: MIT */
#include "audit/trail_edges.h"

#include "base/json.h"
#include "store/tx.h"

#include <stdio.h>
#include <string.h>

#define ROWS_A_STRETCH 20000

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

static struct opp_query ask(bool descending)
{
    return (struct opp_query){ .record = &OPP_AUDIT_ROW, .order = "seq", .descending = descending, .limit = 1 };
}

/* The rows that are there, which seq's index tells. */
static enum opp_code begin(struct opp_trail_edges *edges, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_query lowest = ask(false), highest = ask(true);
    struct edge low = { .seq = 0 }, high = { .seq = 0 };
    enum opp_code rc;

    if (edges->from != 0)
        opp_query_number(&lowest, "seq", OPP_ABOVE, edges->from - 1);
    if (edges->to != 0)
        opp_query_number(&highest, "seq", OPP_BELOW, edges->to + 1);
    rc = opp_tx_each(tx, &lowest, take_edge, &low, err);
    if (rc == OPP_OK)
        rc = opp_tx_each(tx, &highest, take_edge, &high, err);
    edges->lowest = edges->at = low.seq;
    edges->highest = high.seq;
    edges->stage = low.seq == 0 || high.seq < low.seq ? OPP_TRAIL_EDGES_FOUND : OPP_TRAIL_EDGES_FIRST;
    return rc;
}

static enum opp_code seek_first(struct opp_trail_edges *edges, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_query query = ask(false);
    struct edge edge = { .seq = 0 };
    enum opp_code rc;

    opp_query_number(&query, "seq", OPP_ABOVE, edges->at - 1);
    opp_query_number(&query, "seq", OPP_BELOW, edges->at + ROWS_A_STRETCH);
    if (edges->since_ms != 0)
        opp_query_number(&query, "created_at", OPP_ABOVE, edges->since_ms - 1);
    rc = opp_tx_each(tx, &query, take_edge, &edge, err);
    edges->at += ROWS_A_STRETCH;
    if (edge.seq != 0) {
        edges->first = edge.seq;
        memcpy(edges->previous, edge.previous, sizeof edges->previous);
        edges->stage = OPP_TRAIL_EDGES_LAST;
        edges->at = edges->highest;
    } else if (edges->at > edges->highest) {
        edges->stage = OPP_TRAIL_EDGES_FOUND;
    }
    return rc;
}

static enum opp_code seek_last(struct opp_trail_edges *edges, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_query query = ask(true);
    struct edge edge = { .seq = 0 };
    enum opp_code rc;

    opp_query_number(&query, "seq", OPP_BELOW, edges->at + 1);
    opp_query_number(&query, "seq", OPP_ABOVE, edges->at - ROWS_A_STRETCH);
    if (edges->until_ms != 0)
        opp_query_number(&query, "created_at", OPP_BELOW, edges->until_ms);
    rc = opp_tx_each(tx, &query, take_edge, &edge, err);
    edges->at -= ROWS_A_STRETCH;
    edges->last = edge.seq >= edges->first ? edge.seq : 0;
    if (edge.seq != 0 || edges->at < edges->first)
        edges->stage = OPP_TRAIL_EDGES_FOUND;
    return rc;
}

enum opp_code opp_trail_edges_seek(struct opp_trail_edges *edges, struct opp_tx *tx, struct opp_err *err)
{
    switch (edges->stage) {
    case OPP_TRAIL_EDGES_NONE:
        return begin(edges, tx, err);
    case OPP_TRAIL_EDGES_FIRST:
        return seek_first(edges, tx, err);
    case OPP_TRAIL_EDGES_LAST:
        return seek_last(edges, tx, err);
    default:
        return OPP_OK;
    }
}
