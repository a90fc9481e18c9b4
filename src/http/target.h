/* SPDX-License-Identifier: MIT
 *
 * http/target.h - the path and the query of a request target, refused unless there is one way only to read it.
 * May include: nothing.
 */
#ifndef OPP_HTTP_TARGET_H
#define OPP_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#define OPP_TARGET_MAX 2048

/* Lent from the target. */
struct opp_target {
    const char *path;
    size_t path_length;
    const char *query; /* NUL-terminated; "" where there is none */
};

/* A target of which a part was read. Zero-initialise; the members below the line are the reader's own. */
struct opp_target_scan {
    size_t length;
    size_t path_length; /* what stands before the '?'; until that has come, what was read */
    /* -- */
    int part;
    int segment;
    char escape; /* its first digit */
};

/* Reads one byte more. The target must have the origin form (RFC 9112, section 3.2.1) and at most OPP_TARGET_MAX bytes,
 * all of them of 0x21 to 0x7e and none '#' or '\'; and in the path no empty segment but a last one, no "." or "..", no
 * broken escape, and none of %00 %25 %2e %2f %5c. False: it has not, whatever follows. */
bool opp_target_scan(struct opp_target_scan *scan, char c);
/* Whether the target may end where it was read to. */
bool opp_target_scan_end(const struct opp_target_scan *scan);

/* Takes the whole target apart as it is; nothing is decoded or normalised. False: opp_target_scan refuses it. */
bool opp_target_parse(const char *target, struct opp_target *out);

#endif
