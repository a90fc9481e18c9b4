/* SPDX-License-Identifier: MIT */
#include "core/registry_internal.h"
#include "store/tx.h"

void opp_registry_used_key(const struct opp_registry *registry, const struct opp_key_entry *key, int64_t now_ms)
{
    atomic_store_explicit(&registry->key_uses[key - registry->keys].at_ms, now_ms, memory_order_relaxed);
}

void opp_registry_used_admin(const struct opp_registry *registry, const struct opp_admin_token *admin, int64_t now_ms)
{
    /* Of another registry's token: a place that nobody reads. */
    size_t index = opp_registry_admin_index(registry, admin->token_hash);

    atomic_store_explicit(&registry->admin_uses[index].at_ms, now_ms, memory_order_relaxed);
}

static bool unwritten(const struct opp_use *use)
{
    return atomic_load(&use->at_ms) > atomic_load(&use->written_ms);
}

enum opp_code opp_registry_write_uses(const struct opp_registry *registry, struct opp_tx *tx, struct opp_err *err)
{
    static const char *const columns[] = { "last_used_at", NULL };
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < registry->key_count; i++) {
        struct opp_key key = { .id = registry->keys[i].record->id };

        if (!unwritten(&registry->key_uses[i]))
            continue;
        key.last_used_at = atomic_load(&registry->key_uses[i].at_ms);
        rc = opp_tx_update(tx, &OPP_KEY, &key, columns, err);
        atomic_store(&registry->key_uses[i].writing_ms, key.last_used_at);
    }
    for (size_t i = 0; rc == OPP_OK && i < registry->admin_count; i++) {
        struct opp_admin_token token = { .id = registry->admins[i]->id };

        if (!unwritten(&registry->admin_uses[i]))
            continue;
        token.last_used_at = atomic_load(&registry->admin_uses[i].at_ms);
        rc = opp_tx_update(tx, &OPP_ADMIN_TOKEN, &token, columns, err);
        atomic_store(&registry->admin_uses[i].writing_ms, token.last_used_at);
    }
    return rc;
}

static void mark_written(struct opp_use *uses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (atomic_load(&uses[i].writing_ms) != 0)
            atomic_store(&uses[i].written_ms, atomic_exchange(&uses[i].writing_ms, 0));
}

void opp_registry_uses_written(const struct opp_registry *registry)
{
    mark_written(registry->key_uses, registry->key_count);
    mark_written(registry->admin_uses, registry->admin_count);
}

static void pass(const struct opp_use *from, struct opp_use *to)
{
    long long used_ms = atomic_load(&from->at_ms), newer_ms = atomic_load(&to->at_ms);

    while (unwritten(from) && newer_ms < used_ms && !atomic_compare_exchange_weak(&to->at_ms, &newer_ms, used_ms))
        ;
}

void opp_registry_pass_uses(const struct opp_registry *last, const struct opp_registry *next)
{
    if (last == NULL || next == NULL)
        return;
    for (size_t i = 0; i < last->key_count; i++) {
        const struct opp_key_entry *key = opp_registry_key(next, last->keys[i].record->token_hash);

        if (key != NULL)
            pass(&last->key_uses[i], &next->key_uses[key - next->keys]);
    }
    for (size_t i = 0; i < last->admin_count; i++) /* one that is gone has a place that nobody reads */
        pass(&last->admin_uses[i], &next->admin_uses[opp_registry_admin_index(next, last->admins[i]->token_hash)]);
}
