/* SPDX-License-Identifier: MIT
 *
 * core/registry_internal.h - what the registry's own files share.
 * May include: store, base, core.
 */
#ifndef OPP_CORE_REGISTRY_INTERNAL_H
#define OPP_CORE_REGISTRY_INTERNAL_H

#include "base/hash.h"
#include "core/registry.h"

#include <stdatomic.h>

/* When something was used last, the time of it that a transaction has written, and the one that was committed. */
struct opp_use {
    atomic_llong at_ms;
    atomic_llong writing_ms;
    atomic_llong written_ms;
};

struct opp_registry {
    atomic_uint pins;
    uint64_t version;
    struct opp_app_entry *apps;      /* by id */
    struct opp_key_entry *keys;      /* by token hash */
    struct opp_admin_token **admins; /* by token hash */
    struct opp_freeze **freezes;     /* by id, which is by age */
    char (*expired)[OPP_HASH_HEX];   /* token hashes of keys and tokens that expired long ago, sorted */
    size_t app_count, key_count, admin_count, freeze_count, expired_count;
    struct opp_use *key_uses, *admin_uses; /* beside keys and admins */
};

/* The token's place, or the count of tokens. */
size_t opp_registry_admin_index(const struct opp_registry *registry, const char *token_hash);

/* Notes in next, which is the current one by now, the uses of last (both may be NULL) that were not written yet. */
void opp_registry_pass_uses(const struct opp_registry *last, const struct opp_registry *next);

#endif
