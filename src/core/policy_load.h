/* SPDX-License-Identifier: MIT
 *
 * core/policy_load.h - from files, or from what the store kept, to a generation in force: all or nothing.
 * May include: policy, adapter, audit, store, base, core.
 */
#ifndef OPP_CORE_POLICY_LOAD_H
#define OPP_CORE_POLICY_LOAD_H

#include "base/error.h"

#include <jansson.h>

struct opp_gateway;
struct opp_generation_record;
struct opp_sources;
struct opp_tx;

/* At the start, before the workers: the generation that was in force last, from its stored bytes; at the very first
 * start the files of the adapters and of the profile. OPP_E_CONFIG: they do not load; err says where. OPP_E_IO,
 * OPP_E_UNAVAILABLE. */
enum opp_code opp_policies_open(struct opp_gateway *gateway, struct opp_err *err);

/* Reads the adapters' and the active profile's files anew and prepares them as the next generation. Takes its time: not
 * for a loop's thread. *issues and *warnings (give; NULL: not wanted) are arrays of {file, line, message}.
 * OPP_E_CONFIG: issues says what is wrong; the old generation stays. OPP_E_KEY_BUSY: another change is under way.
 * OPP_E_UNAVAILABLE: calls still use too many old generations, or a database takes no writes. */
enum opp_code opp_policies_prepare(struct opp_gateway *gateway, json_t **issues, json_t **warnings,
                                   struct opp_err *err);

/* Gives the files of a generation that was in force. OPP_E_VALIDATION: they are damaged. OPP_E_ABSENT, OPP_E_MEMORY. */
enum opp_code opp_policies_stored(struct opp_tx *tx, const struct opp_generation_record *record,
                                  struct opp_sources *out, struct opp_err *err);

/* In a write transaction: what was prepared is kept and becomes current with the commit. */
enum opp_code opp_policies_store(struct opp_gateway *gateway, struct opp_tx *tx, struct opp_err *err);

/* After a commit, on the writer's thread: what was prepared becomes current if tx finds it stored. A change of the
 * registry can commit when the one with the policies was undone. */
void opp_policies_committed(struct opp_gateway *gateway, struct opp_tx *tx);

/* opp_policies_prepare and _store from a thread that may wait: for SIGHUP. Audited as done by "signal". */
enum opp_code opp_policies_reload_now(struct opp_gateway *gateway, struct opp_err *err);

/* Gives {profile, generation, sha256, loaded_at, rules, disk} of the current generation; disk is "same" or "changed".
 */
json_t *opp_policies_active(struct opp_gateway *gateway);

#endif
