/* SPDX-License-Identifier: MIT
 *
 * core/policy_load.h - from files, or from what the store kept, to a generation; at the start to the one in force.
 * May include: policy, adapter, store, base, core.
 */
#ifndef OPP_CORE_POLICY_LOAD_H
#define OPP_CORE_POLICY_LOAD_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_gateway;
struct opp_generation;
struct opp_generation_record;
struct opp_policy_report;
struct opp_policy_sources;

/* What a generation is made as. */
struct opp_policies_wanted {
    int64_t number, loaded_at_ms;
    size_t workers;                   /* 0: for none */
    struct opp_policy_report *report; /* NULL: not wanted */
};

/* Gives a generation of sources (taken, also on failure). Codes as opp_policy_bundle_new and opp_generation_new. */
enum opp_code opp_policies_make(struct opp_gateway *gateway, struct opp_policy_sources *sources,
                                const struct opp_policies_wanted *wanted, struct opp_generation **out,
                                struct opp_err *err);

/* Gives the sources that a record keeps. OPP_E_VALIDATION: they are not those that were stored. OPP_E_MEMORY. */
enum opp_code opp_policies_stored_sources(const struct opp_generation_record *record, struct opp_policy_sources **out,
                                          struct opp_err *err);

/* Whether the profile's files are not (or no more) the bytes of this hash. Reads them. */
bool opp_policies_disk_changed(struct opp_gateway *gateway, const char *profile, const char *sha256);

/* At the start, before the workers: the generation that was in force last, from its stored bytes, and the staged one;
 * at the very first start the profile's files. OPP_E_CONFIG: they do not load; err says where. OPP_E_IO,
 * OPP_E_UNAVAILABLE. */
enum opp_code opp_policies_open(struct opp_gateway *gateway, struct opp_err *err);

/* Gives {profile, generation, sha256, loaded_at, rules, disk, errors} of the current generation; disk is "same" or
 * "changed". */
json_t *opp_policies_active(struct opp_gateway *gateway);
/* Gives the same, but for errors, of the staged one; JSON null when there is none. */
json_t *opp_policies_staged(struct opp_gateway *gateway);

#endif
