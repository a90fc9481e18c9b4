/* SPDX-License-Identifier: MIT
 *
 * core/registry.h - who may call, and what is frozen: an immutable snapshot of apps, keys, admin tokens and freezes,
 * swapped when one changes.
 * May include: store, base, core.
 */
#ifndef OPP_CORE_REGISTRY_H
#define OPP_CORE_REGISTRY_H

#include "base/error.h"
#include "core/app_policy.h"
#include "store/records.h"

#include <stdbool.h>
#include <stdint.h>

struct opp_registry;
struct opp_registry_slot;
struct opp_tx;

struct opp_app_entry {
    struct opp_app *record;
    struct opp_app_policy policy;
    struct opp_auto_execute auto_execute;
    bool sound;                          /* its stored settings could be read; if not, nothing is allowed */
    const struct opp_registry *registry; /* whose entry it is */
};

struct opp_key_entry {
    struct opp_key *record;
    const struct opp_app_entry *app;
};

/* Gives what the store holds now, without the keys and tokens that were revoked or expired more than a minute before
 * now_ms.
 * OPP_E_MEMORY, OPP_E_UNAVAILABLE. */
enum opp_code opp_registry_load(struct opp_tx *tx, uint64_t version, int64_t now_ms, struct opp_registry **out,
                                struct opp_err *err);
void opp_registry_unpin(const struct opp_registry *registry); /* NULL allowed */
/* Pins once more what the caller has pinned, for another thread to unpin. */
const struct opp_registry *opp_registry_repin(const struct opp_registry *registry);

uint64_t opp_registry_version(const struct opp_registry *registry);
/* All lent while the registry is pinned; NULL when unknown. */
const struct opp_key_entry *opp_registry_key(const struct opp_registry *registry, const char *token_hash);
const struct opp_admin_token *opp_registry_admin(const struct opp_registry *registry, const char *token_hash);
const struct opp_app_entry *opp_registry_app(const struct opp_registry *registry, const char *app_id);
/* Whether a token that is not found is one that has expired, of an app that is active or of a person. */
bool opp_registry_expired(const struct opp_registry *registry, const char *token_hash);
/* The app can be called: it is active and not deleted. */
bool opp_app_alive(const struct opp_app *app);

/* All apps, by id. */
size_t opp_registry_app_count(const struct opp_registry *registry);
const struct opp_app_entry *opp_registry_app_at(const struct opp_registry *registry, size_t index);
/* Lends the freezes that are in force, oldest first. */
struct opp_freeze *const *opp_registry_freezes(const struct opp_registry *registry, size_t *count);

/* Notes that a key or token was used; from any thread, and cheap. */
void opp_registry_used_key(const struct opp_registry *registry, const struct opp_key_entry *key, int64_t now_ms);
void opp_registry_used_admin(const struct opp_registry *registry, const struct opp_admin_token *admin, int64_t now_ms);
/* Writes the uses that were not written yet, in a write transaction; uses_written says that it was committed, else they
 * are written again. One caller at a time. */
enum opp_code opp_registry_write_uses(const struct opp_registry *registry, struct opp_tx *tx, struct opp_err *err);
void opp_registry_uses_written(const struct opp_registry *registry);

/* Where the current one is found. */
enum opp_code opp_registry_slot_new(struct opp_registry_slot **out, struct opp_err *err);
void opp_registry_slot_free(struct opp_registry_slot *slot);
/* Pins the current registry: unpin it when done. NULL: none could be loaded after a change, so nobody may call. */
const struct opp_registry *opp_registry_pin(struct opp_registry_slot *slot);
/* Takes next (NULL closes the gate), passes on to it the uses that were not written yet, and drops the current one.
 * From any thread. */
void opp_registry_swap(struct opp_registry_slot *slot, struct opp_registry *next);

#endif
