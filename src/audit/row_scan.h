/* SPDX-License-Identifier: MIT
 *
 * audit/row_scan.h - the members of a stored row, found in its canonical bytes without building a value of it.
 * May include: base.
 */
#ifndef OPP_AUDIT_ROW_SCAN_H
#define OPP_AUDIT_ROW_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Begin with the bytes of one object; bad becomes true where they cannot be those of a row. */
struct opp_row_scan {
    const char *at, *end;     /* what is still to be read */
    const char *name, *value; /* the last member that was found, lent from the bytes */
    size_t name_length, value_length;
    bool begun, bad;
};

/* Finds the next member; false: there is none, or bad. Names rise, as RFC 8785 orders them, so none is there twice. */
bool opp_row_scan_next(struct opp_row_scan *scan);

/* Whether the member that was found has this name. */
bool opp_row_scan_is(const struct opp_row_scan *scan, const char *name);

#endif
