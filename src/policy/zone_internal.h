/* SPDX-License-Identifier: MIT
 *
 * policy/zone_internal.h - what a zone is made of, for zone*.c alone.
 * May include: base, policy/zone_rule.h.
 */
#ifndef OPP_POLICY_ZONE_INTERNAL_H
#define OPP_POLICY_ZONE_INTERNAL_H

#include "base/error.h"
#include "policy/zone.h"
#include "policy/zone_rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From at on, until the next. */
struct opp_zone_turn {
    int64_t at;
    int32_t offset_s;
};

struct opp_zone {
    struct opp_zone *next; /* in the cache that owns it */
    char name[OPP_ZONE_NAME_MAX];
    int32_t first_offset_s; /* before the first turn */
    bool ruled;             /* from the last turn on, or always when there is none, rule says */
    struct opp_zone_rule rule;
    size_t count;
    struct opp_zone_turn turns[]; /* strictly ascending */
};

/* Gives the zone that the bytes of a TZif file say; name has at most OPP_ZONE_NAME_MAX - 1 bytes. OPP_E_CONFIG,
 * OPP_E_MEMORY. free() frees it. */
enum opp_code opp_zone_parse(const char *name, const char *bytes, size_t length, struct opp_zone **out,
                             struct opp_err *err);

/* Gives a zone without turns or a rule; NULL when memory is out. */
struct opp_zone *opp_zone_alloc(const char *name, size_t turns);

#endif
