/* SPDX-License-Identifier: MIT
 *
 * core/generation.h - the policy in force: one bundle of rules and an engine for each worker, pinned by the requests
 * that began under it and swapped whole.
 * May include: policy, base, core.
 */
#ifndef OPP_CORE_GENERATION_H
#define OPP_CORE_GENERATION_H

#include "base/error.h"
#include "policy/bundle.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPP_GENERATION_LABEL_MAX 40

struct opp_generation;
struct opp_generation_slot;
struct opp_policy_engine;

/* Gives a generation of the bundle (taken, also on failure) with engines for so many workers; 0 for one that is staged,
 * which no request runs under. Codes as opp_policy_engine_new. */
enum opp_code opp_generation_new(struct opp_policy_bundle *bundle, size_t workers, int64_t loaded_at_ms,
                                 struct opp_generation **out, struct opp_err *err);
void opp_generation_unpin(struct opp_generation *generation); /* NULL allowed */
/* Unpins after a reply, on that worker's thread: an engine that wants a new state gets it now. NULL allowed. */
void opp_generation_done(struct opp_generation *generation, size_t worker);

/* Lent while it is pinned. */
struct opp_policy_bundle *opp_generation_bundle(const struct opp_generation *generation);
/* Only on that worker's thread. */
struct opp_policy_engine *opp_generation_engine(const struct opp_generation *generation, size_t worker);
/* "<number>-<first 12 digits of the hash>": what audit rows and drafts call it. */
const char *opp_generation_label(const struct opp_generation *generation);
int64_t opp_generation_loaded_at(const struct opp_generation *generation); /* milliseconds */

/* A rule (NULL: none in particular) that failed: counted, and the last one kept for operators. Gives whether to log it:
 * at most one a second is of each rule. From any thread. */
bool opp_generation_note_error(struct opp_generation *generation, const char *rule, const char *where,
                               const char *message);
/* Gives {count, last: {where, message}|null}. */
json_t *opp_generation_errors(struct opp_generation *generation);

/* Where the current one, and the one that is staged beside it, are found. */
enum opp_code opp_generation_slot_new(struct opp_generation_slot **out, struct opp_err *err);
void opp_generation_slot_free(struct opp_generation_slot *slot);
struct opp_generation *opp_generation_pin(struct opp_generation_slot *slot);
struct opp_generation *opp_generation_pin_staged(struct opp_generation_slot *slot); /* NULL: nothing is staged */
/* One change at a time: gives the change's number, 0 while another is under way. From here until opp_generation_commit
 * or _abandon the current one stays. */
uint64_t opp_generation_begin(struct opp_generation_slot *slot);
/* Takes both, after opp_generation_begin: what is current after the change (NULL: what is now) and what is staged then
 * (NULL: nothing). Its transaction calls opp_generation_ready; after the commit, on the writer's thread,
 * opp_generation_commit makes it so. */
void opp_generation_prepare(struct opp_generation_slot *slot, struct opp_generation *next,
                            struct opp_generation *staged);
void opp_generation_ready(struct opp_generation_slot *slot);
/* The numbers that will be current and staged (0: none). False: no change is ready. */
bool opp_generation_is_ready(struct opp_generation_slot *slot, int64_t *current, int64_t *staged);
void opp_generation_commit(struct opp_generation_slot *slot);
/* Ends the change of this number if it has not been committed; else it does nothing. */
void opp_generation_abandon(struct opp_generation_slot *slot, uint64_t change);

#endif
