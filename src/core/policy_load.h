/* SPDX-License-Identifier: MIT
 *
 * core/policy_load.h - from files, or from what the store kept, to a generation; at the start to the one in force.
 * May include: policy, adapter, store, base, core.
 */
#ifndef OPP_CORE_POLICY_LOAD_H
#define OPP_CORE_POLICY_LOAD_H

#include "base/error.h"
#include "core/load.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_gateway;
struct opp_generation;
struct opp_generation_record;
struct opp_tx;

/* What a generation is made as. */
struct opp_policies_wanted {
    int64_t number, loaded_at_ms;
    size_t workers; /* 0: for none */
};

/* Gives a generation of sources (taken, also on failure). Not from a loop. OPP_E_UNAVAILABLE: calls still use too many
 * old generations, or a database takes no writes. Codes and report as opp_load and opp_generation_new. */
enum opp_code opp_policies_make(struct opp_gateway *gateway, struct opp_sources *sources,
                                const struct opp_policies_wanted *wanted, struct opp_load_report *report,
                                struct opp_generation **out, struct opp_err *err);

/* Reads a profile's files, and gives them with the adapters that are in force, whatever the disk holds of those. Codes
 * as opp_policy_sources_read. */
enum opp_code opp_policies_read_rules(struct opp_gateway *gateway, const char *profile, struct opp_sources *out,
                                      struct opp_err *err);
/* Reads a profile's files and those of the adapters. Codes and report as opp_load_read. */
enum opp_code opp_policies_read_all(struct opp_gateway *gateway, const char *profile, struct opp_sources *out,
                                    struct opp_load_report *report, struct opp_err *err);

/* Gives the files of a generation that was in force or staged; those of schema 1 come with the adapters that are on the
 * disk. OPP_E_VALIDATION: they are not those that were stored. OPP_E_ABSENT, OPP_E_CONFIG, OPP_E_MEMORY. */
enum opp_code opp_policies_stored(struct opp_gateway *gateway, struct opp_tx *tx,
                                  const struct opp_generation_record *record, struct opp_sources *out,
                                  struct opp_err *err);

/* At the start, before the workers: the generation that was in force last, from its stored bytes, and the staged one;
 * at the very first start the files of the adapters and of the profile. OPP_E_CONFIG: they do not load; err says where.
 * OPP_E_IO, OPP_E_UNAVAILABLE. */
enum opp_code opp_policies_open(struct opp_gateway *gateway, struct opp_err *err);

/* Gives {profile, generation, sha256, loaded_at, rules, disk, errors} of the current generation; disk is "same", or
 * "changed" when the profile's or the adapters' files are not (or no more) those that it was loaded from. */
json_t *opp_policies_active(struct opp_gateway *gateway);
/* Gives the same, but for errors, of the staged one, whose disk is "changed" also when it was loaded with other
 * adapters than those in force; JSON null when there is none. */
json_t *opp_policies_staged(struct opp_gateway *gateway);
/* Whether the staged one is what its profile's files and the adapters in force would make now. */
bool opp_policies_staged_same(struct opp_gateway *gateway);

#endif
