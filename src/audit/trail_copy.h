/* SPDX-License-Identifier: MIT
 *
 * audit/trail_copy.h - writes a part of the stored trail to a stream, a piece at a time: no memory grows with it, and
 * no read transaction lasts. May include: audit, store, base.
 */
#ifndef OPP_AUDIT_TRAIL_COPY_H
#define OPP_AUDIT_TRAIL_COPY_H

#include "audit/trail_edges.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct opp_tx;

enum opp_trail_format {
    OPP_TRAIL_JSONL, /* as audit/trail_file.h says */
    OPP_TRAIL_CSV    /* RFC 4180, for spreadsheets; it cannot be verified */
};

/* Zero it, and set the first two, and either times or rows. */
struct opp_trail_copy {
    FILE *out;
    enum opp_trail_format format;
    int64_t since_ms, until_ms; /* from the first row that is not before since up to the last before until; 0: any */
    int64_t from, to;           /* rows; 0: as the times say. Afterwards: what was copied; to < from: nothing */
    int64_t next;               /* the row that comes next */
    int64_t missing;            /* the first that was not there in between, archived meanwhile or deleted; 0: none */
    bool cut;                   /* rows before the first that is there may have been wanted: they were archived */
    bool begun, done;
    struct opp_trail_edges edges;
    struct opp_buf piece;
};

/* Gathers one piece, in a transaction; arg is the copy. Then opp_trail_copy_write writes it, outside of any: a reader
 * of the stream may take its time. Again until copy->done. OPP_E_IO: the stream takes no more. */
enum opp_code opp_trail_copy_piece(struct opp_tx *tx, void *arg, struct opp_err *err);
enum opp_code opp_trail_copy_write(struct opp_trail_copy *copy, struct opp_err *err);
void opp_trail_copy_clear(struct opp_trail_copy *copy);

#endif
