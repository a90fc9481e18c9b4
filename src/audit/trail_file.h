/* SPDX-License-Identifier: MIT
 *
 * audit/trail_file.h - a part of the trail as lines of JSON, which can be checked without a store: an export, an
 * archive. May include: audit, store, base.
 *
 * The first line says what follows: {"from":SEQ,"previous":HASH,"to":SEQ,"trail":"oppd"}, previous being the hash of
 * the row before. Then {"event_hash":HASH,"row":{…}} for each row, with its stored bytes as they are between "row": and
 * the last brace, and {"checkpoint":{…}} behind the row that it is of.
 */
#ifndef OPP_AUDIT_TRAIL_FILE_H
#define OPP_AUDIT_TRAIL_FILE_H

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

struct opp_audit_row;
struct opp_checkpoint;
struct opp_verify;

/* Append one line each. */
void opp_trail_file_head(struct opp_buf *out, int64_t from, int64_t to, const char *previous);
void opp_trail_file_row(struct opp_buf *out, const struct opp_audit_row *row);
void opp_trail_file_checkpoint(struct opp_buf *out, const struct opp_checkpoint *checkpoint);

/* Checks a file, as the beginning or as what comes next; opp_verify_end is the caller's. OPP_OK also when it is bad,
 * which verify->chain says. OPP_E_ABSENT, OPP_E_IO: it cannot be read. OPP_E_VALIDATION: it is no such file.
 * OPP_E_MEMORY. */
enum opp_code opp_trail_file_verify(struct opp_verify *verify, const char *path, struct opp_err *err);
/* As opp_trail_file_verify, of an open stream, which name is for messages of. */
enum opp_code opp_trail_file_check(struct opp_verify *verify, FILE *file, const char *name, struct opp_err *err);

#endif
