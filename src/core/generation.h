/* SPDX-License-Identifier: MIT
 *
 * core/generation.h - what is in force: the adapters' tools and the rules about them, with an engine and a session for
 * each worker, pinned by the requests that began under it and swapped whole.
 * May include: policy, adapter, base, core.
 */
#ifndef OPP_CORE_GENERATION_H
#define OPP_CORE_GENERATION_H

#include "base/error.h"
#include "base/hash.h"
#include "policy/bundle.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPP_GENERATION_LABEL_MAX 40
#define OPP_GENERATIONS_MAX                                                                   \
    4 /* at once: the one in force, the staged one, and old ones that calls still have pinned \
       */

struct opp_adapter_session;
struct opp_adapters;
struct opp_generation;
struct opp_generation_slot;
struct opp_loop;
struct opp_policy_engine;

/* Tools and the rules that were loaded with them. */
struct opp_loaded {
    struct opp_adapters *adapters;    /* connected to their databases */
    struct opp_policy_bundle *bundle; /* its number is set */
    char sha256[OPP_HASH_HEX];        /* of both their files */
};

/* Gives a generation of what was loaded (taken, also on failure) with engines and sessions for so many workers; 0 for
 * one that is staged, which no request runs under. Codes as opp_policy_engine_new and opp_adapter_session_open. */
enum opp_code opp_generation_new(const struct opp_loaded *loaded, size_t workers, int64_t loaded_at_ms,
                                 struct opp_generation **out, struct opp_err *err);
/* Pins once more what the caller has pinned, for another thread to unpin. */
struct opp_generation *opp_generation_repin(struct opp_generation *generation);
void opp_generation_unpin(struct opp_generation *generation); /* NULL allowed */
/* Unpins after a reply, on that worker's thread: an engine that wants a new state gets it when the loop has sent the
 * reply, and what nobody has pinned any more is freed then; it is pinned until then. NULL allowed. */
void opp_generation_done(struct opp_generation *generation, size_t worker, struct opp_loop *loop);

/* Lent while it is pinned. */
struct opp_policy_bundle *opp_generation_bundle(const struct opp_generation *generation);
struct opp_adapters *opp_generation_adapters(const struct opp_generation *generation);
const char *opp_generation_sha256(const struct opp_generation *generation);
/* Only on that worker's thread. */
struct opp_policy_engine *opp_generation_engine(const struct opp_generation *generation, size_t worker);
struct opp_adapter_session *opp_generation_session(const struct opp_generation *generation, size_t worker);
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
/* All of its generations but those that it holds itself have ended. */
void opp_generation_slot_free(struct opp_generation_slot *slot);
struct opp_generation *opp_generation_pin(struct opp_generation_slot *slot);
struct opp_generation *opp_generation_pin_staged(struct opp_generation_slot *slot); /* NULL: nothing is staged */
/* One change at a time: gives the change's number, 0 while another is under way. From here until opp_generation_commit
 * or _abandon the current one stays. */
uint64_t opp_generation_begin(struct opp_generation_slot *slot);
/* Waits a moment for old ones to end, so that there is room for another. False: there are too many still. */
bool opp_generation_await_room(struct opp_generation_slot *slot);
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
