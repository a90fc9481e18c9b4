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
struct opp_loop;
struct opp_policy_engine;

/* Gives a generation of the bundle (taken, also on failure) with engines for so many workers. Codes as
 * opp_policy_engine_new. */
enum opp_code opp_generation_new(struct opp_policy_bundle *bundle, size_t workers, int64_t loaded_at_ms,
                                 struct opp_generation **out, struct opp_err *err);
void opp_generation_unpin(struct opp_generation *generation); /* NULL allowed */
/* Unpins after a reply, on that worker's thread: an engine that wants a new state gets it when the loop has sent the
 * reply; the generation is pinned until then. NULL allowed. */
void opp_generation_done(struct opp_generation *generation, size_t worker, struct opp_loop *loop);

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

/* Where the current one is found. */
enum opp_code opp_generation_slot_new(struct opp_generation_slot **out, struct opp_err *err);
void opp_generation_slot_free(struct opp_generation_slot *slot);
struct opp_generation *opp_generation_pin(struct opp_generation_slot *slot);
/* One change at a time: false while another is under way. From here until opp_generation_commit or _abandon the current
 * one stays. */
bool opp_generation_begin(struct opp_generation_slot *slot);
/* Takes next, after opp_generation_begin. Its transaction calls opp_generation_ready; after the commit, on the writer's
 * thread, opp_generation_commit makes it the current one. */
void opp_generation_prepare(struct opp_generation_slot *slot, struct opp_generation *next);
struct opp_generation *opp_generation_pin_prepared(struct opp_generation_slot *slot);
void opp_generation_ready(struct opp_generation_slot *slot);
void opp_generation_commit(struct opp_generation_slot *slot);
void opp_generation_abandon(struct opp_generation_slot *slot);

#endif
