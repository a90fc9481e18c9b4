/* SPDX-License-Identifier: MIT */
#include "core/registry_internal.h"
#include "store/tx.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDED_MS 60000 /* what ended longer ago has had its last use written */

/* A growing array of pointers to records. */
struct list {
    const struct opp_record *record;
    void **items;
    size_t count, capacity;
};

/* Keys or tokens, while they are read. */
struct credentials {
    struct list *list;
    struct opp_registry *registry;
    int64_t ended_ms; /* what expired before is not held */
    size_t room;      /* of the registry's expired ones */
};

struct opp_registry_slot {
    pthread_mutex_t lock;
    struct opp_registry *current;
};

static enum opp_code collect(void *arg, void *record, struct opp_err *err)
{
    struct list *list = arg;
    void **grown;

    if (list->count == list->capacity) {
        list->capacity = list->capacity != 0 ? list->capacity * 2 : 16;
        grown = realloc(list->items, list->capacity * sizeof *grown);
        if (grown == NULL) {
            list->capacity = list->count;
            opp_record_free(list->record, record);
            return opp_fail(err, OPP_E_MEMORY, "no memory for the registry");
        }
        list->items = grown;
    }
    list->items[list->count++] = record;
    return OPP_OK;
}

static void list_free(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        opp_record_free(list->record, list->items[i]);
    free(list->items);
}

static int by_app_id(const void *a, const void *b)
{
    return strcmp(((const struct opp_app_entry *)a)->record->id, ((const struct opp_app_entry *)b)->record->id);
}

static int by_key_hash(const void *a, const void *b)
{
    return strcmp(((const struct opp_key_entry *)a)->record->token_hash,
                  ((const struct opp_key_entry *)b)->record->token_hash);
}

static int by_admin_hash(const void *a, const void *b)
{
    return strcmp((*(struct opp_admin_token *const *)a)->token_hash, (*(struct opp_admin_token *const *)b)->token_hash);
}

static void add_app(struct opp_registry *registry, struct opp_app *app)
{
    struct opp_app_entry *entry = &registry->apps[registry->app_count++];

    entry->record = app;
    entry->registry = registry;
    entry->sound = opp_app_policy_read(app->policy, &entry->policy, NULL) == OPP_OK;
    opp_auto_execute_read(app->auto_execute, &entry->auto_execute);
}

static enum opp_code take_apps(struct opp_registry *registry, struct list *apps, struct opp_err *err)
{
    registry->apps = calloc(apps->count + 1, sizeof *registry->apps);
    if (registry->apps == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the registry");
    for (size_t i = 0; i < apps->count; i++)
        add_app(registry, apps->items[i]);
    apps->count = 0;
    qsort(registry->apps, registry->app_count, sizeof *registry->apps, by_app_id);
    return OPP_OK;
}

static enum opp_code take_keys(struct opp_registry *registry, struct list *keys, struct opp_err *err)
{
    registry->keys = calloc(keys->count + 1, sizeof *registry->keys);
    if (registry->keys == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the registry");
    for (size_t i = 0; i < keys->count; i++) {
        struct opp_key *key = keys->items[i];

        registry->keys[registry->key_count++] =
            (struct opp_key_entry){ .record = key, .app = opp_registry_app(registry, key->app_id) };
    }
    keys->count = 0;
    qsort(registry->keys, registry->key_count, sizeof *registry->keys, by_key_hash);
    return OPP_OK;
}

static void take_admins(struct opp_registry *registry, struct list *admins)
{
    registry->admins = (struct opp_admin_token **)(void *)admins->items;
    registry->admin_count = admins->count;
    *admins = (struct list){ 0 };
    if (registry->admin_count > 0)
        qsort(registry->admins, registry->admin_count, sizeof(struct opp_admin_token *), by_admin_hash);
}

static void take_freezes(struct opp_registry *registry, struct list *freezes)
{
    registry->freezes = (struct opp_freeze **)(void *)freezes->items;
    registry->freeze_count = freezes->count;
    *freezes = (struct list){ 0 };
}

static enum opp_code read_freezes(struct opp_tx *tx, struct list *list, struct opp_err *err)
{
    struct opp_query in_force = { .record = &OPP_FREEZE, .order = "id" };

    opp_query_number(&in_force, "lifted_at", OPP_EQUAL, 0);
    return opp_tx_each(tx, &in_force, collect, list, err);
}

static enum opp_code make_uses(struct opp_registry *registry, struct opp_err *err)
{
    registry->key_uses = calloc(registry->key_count + 1, sizeof *registry->key_uses);
    registry->admin_uses = calloc(registry->admin_count + 1, sizeof *registry->admin_uses);
    if (registry->key_uses == NULL || registry->admin_uses == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the registry");
    return OPP_OK;
}

static enum opp_code read_all(struct opp_tx *tx, struct list *list, struct opp_err *err)
{
    struct opp_query all = { .record = list->record };

    return opp_tx_each(tx, &all, collect, list, err);
}

static enum opp_code add_expired(struct credentials *credentials, const char *token_hash, struct opp_err *err)
{
    struct opp_registry *registry = credentials->registry;
    void *grown;

    if (registry->expired_count >= credentials->room) {
        credentials->room = registry->expired_count * 2 + 16;
        grown = realloc(registry->expired, credentials->room * sizeof *registry->expired);
        if (grown == NULL)
            return opp_fail(err, OPP_E_MEMORY, "no memory for the registry");
        registry->expired = grown;
    }
    snprintf(registry->expired[registry->expired_count++], OPP_HASH_HEX, "%s", token_hash);
    return OPP_OK;
}

static bool has_expired(const struct credentials *credentials, int64_t expires_at)
{
    return expires_at != 0 && expires_at < credentials->ended_ms;
}

static enum opp_code collect_key(void *arg, void *record, struct opp_err *err)
{
    struct credentials *credentials = arg;
    const struct opp_key *key = record;
    const struct opp_app_entry *app;
    enum opp_code rc = OPP_OK;

    if (!has_expired(credentials, key->expires_at))
        return collect(credentials->list, record, err);
    app = opp_registry_app(credentials->registry, key->app_id);
    if (app != NULL && opp_app_alive(app->record))
        rc = add_expired(credentials, key->token_hash, err);
    opp_record_free(&OPP_KEY, record);
    return rc;
}

static enum opp_code collect_admin(void *arg, void *record, struct opp_err *err)
{
    struct credentials *credentials = arg;
    const struct opp_admin_token *token = record;
    enum opp_code rc;

    if (!has_expired(credentials, token->expires_at))
        return collect(credentials->list, record, err);
    rc = add_expired(credentials, token->token_hash, err);
    opp_record_free(&OPP_ADMIN_TOKEN, record);
    return rc;
}

/* One that was revoked is refused like one that never was, and of one that has expired only that is known: each stays
 * only until its last use has been written. */
static enum opp_code read_credentials(struct opp_tx *tx, struct credentials *credentials, opp_each_fn each,
                                      struct opp_err *err)
{
    struct opp_query unrevoked = { .record = credentials->list->record }, revoked = unrevoked;
    enum opp_code rc;

    opp_query_number(&unrevoked, "revoked_at", OPP_EQUAL, 0);
    opp_query_number(&revoked, "revoked_at", OPP_ABOVE, credentials->ended_ms);
    rc = opp_tx_each(tx, &unrevoked, each, credentials, err);
    return rc == OPP_OK ? opp_tx_each(tx, &revoked, each, credentials, err) : rc;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Reads keys and tokens, once the apps are there. */
static enum opp_code read_callers(struct opp_tx *tx, struct opp_registry *registry, int64_t now_ms, struct list *keys,
                                  struct list *admins, struct opp_err *err)
{
    struct credentials credentials = { .list = keys,
                                       .registry = registry,
                                       .ended_ms = now_ms > ENDED_MS ? now_ms - ENDED_MS : 0 };
    enum opp_code rc = read_credentials(tx, &credentials, collect_key, err);

    credentials.list = admins;
    if (rc == OPP_OK)
        rc = read_credentials(tx, &credentials, collect_admin, err);
    if (registry->expired_count > 0)
        qsort(registry->expired, registry->expired_count, sizeof *registry->expired, by_text);
    return rc;
}

enum opp_code opp_registry_load(struct opp_tx *tx, uint64_t version, int64_t now_ms, struct opp_registry **out,
                                struct opp_err *err)
{
    struct opp_registry *registry = calloc(1, sizeof *registry);
    struct list apps = { .record = &OPP_APP }, keys = { .record = &OPP_KEY }, admins = { .record = &OPP_ADMIN_TOKEN };
    struct list freezes = { .record = &OPP_FREEZE };
    enum opp_code rc;

    if (registry == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the registry");
    atomic_init(&registry->pins, 1);
    registry->version = version;
    rc = read_all(tx, &apps, err);
    if (rc == OPP_OK)
        rc = take_apps(registry, &apps, err);
    if (rc == OPP_OK)
        rc = read_callers(tx, registry, now_ms, &keys, &admins, err);
    if (rc == OPP_OK)
        rc = read_freezes(tx, &freezes, err);
    if (rc == OPP_OK)
        rc = take_keys(registry, &keys, err);
    if (rc == OPP_OK)
        take_admins(registry, &admins);
    if (rc == OPP_OK)
        take_freezes(registry, &freezes);
    if (rc == OPP_OK)
        rc = make_uses(registry, err);
    list_free(&apps);
    list_free(&keys);
    list_free(&admins);
    list_free(&freezes);
    if (rc == OPP_OK)
        *out = registry;
    else
        opp_registry_unpin(registry);
    return rc;
}

static void free_registry(struct opp_registry *registry)
{
    for (size_t i = 0; i < registry->app_count; i++) {
        opp_app_policy_clear(&registry->apps[i].policy);
        opp_record_free(&OPP_APP, registry->apps[i].record);
    }
    for (size_t i = 0; i < registry->key_count; i++)
        opp_record_free(&OPP_KEY, registry->keys[i].record);
    for (size_t i = 0; i < registry->admin_count; i++)
        opp_record_free(&OPP_ADMIN_TOKEN, registry->admins[i]);
    for (size_t i = 0; i < registry->freeze_count; i++)
        opp_record_free(&OPP_FREEZE, registry->freezes[i]);
    free(registry->freezes);
    free(registry->expired);
    free(registry->apps);
    free(registry->keys);
    free(registry->admins);
    free(registry->key_uses);
    free(registry->admin_uses);
    free(registry);
}

/* Pins are counted through a const pointer: the count is not what readers see as the registry. */
void opp_registry_unpin(const struct opp_registry *registry)
{
    union {
        const struct opp_registry *in;
        struct opp_registry *out;
    } cast = { .in = registry };

    if (registry != NULL && atomic_fetch_sub(&cast.out->pins, 1) == 1)
        free_registry(cast.out);
}

const struct opp_registry *opp_registry_repin(const struct opp_registry *registry)
{
    union {
        const struct opp_registry *in;
        struct opp_registry *out;
    } cast = { .in = registry };

    atomic_fetch_add(&cast.out->pins, 1);
    return registry;
}

uint64_t opp_registry_version(const struct opp_registry *registry)
{
    return registry->version;
}

struct opp_freeze *const *opp_registry_freezes(const struct opp_registry *registry, size_t *count)
{
    *count = registry->freeze_count;
    return registry->freezes;
}

const struct opp_key_entry *opp_registry_key(const struct opp_registry *registry, const char *token_hash)
{
    union {
        const char *in;
        char *out;
    } cast = { .in = token_hash };
    struct opp_key wanted = { .token_hash = cast.out };
    struct opp_key_entry entry = { .record = &wanted };

    return bsearch(&entry, registry->keys, registry->key_count, sizeof entry, by_key_hash);
}

bool opp_registry_expired(const struct opp_registry *registry, const char *token_hash)
{
    return registry->expired_count > 0 &&
           bsearch(token_hash, registry->expired, registry->expired_count, sizeof *registry->expired, by_text) != NULL;
}

bool opp_app_alive(const struct opp_app *app)
{
    return strcmp(app->status, "active") == 0 && app->deleted_at == 0;
}

size_t opp_registry_admin_index(const struct opp_registry *registry, const char *token_hash)
{
    for (size_t low = 0, high = registry->admin_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(token_hash, registry->admins[middle]->token_hash);

        if (order == 0)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return registry->admin_count;
}

const struct opp_admin_token *opp_registry_admin(const struct opp_registry *registry, const char *token_hash)
{
    size_t index = opp_registry_admin_index(registry, token_hash);

    return index < registry->admin_count ? registry->admins[index] : NULL;
}

size_t opp_registry_app_count(const struct opp_registry *registry)
{
    return registry->app_count;
}

const struct opp_app_entry *opp_registry_app_at(const struct opp_registry *registry, size_t index)
{
    return &registry->apps[index];
}

const struct opp_app_entry *opp_registry_app(const struct opp_registry *registry, const char *app_id)
{
    for (size_t low = 0, high = registry->app_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(app_id, registry->apps[middle].record->id);

        if (order == 0)
            return &registry->apps[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

enum opp_code opp_registry_slot_new(struct opp_registry_slot **out, struct opp_err *err)
{
    struct opp_registry_slot *slot = calloc(1, sizeof *slot);

    if (slot == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the registry");
    pthread_mutex_init(&slot->lock, NULL);
    *out = slot;
    return OPP_OK;
}

void opp_registry_slot_free(struct opp_registry_slot *slot)
{
    if (slot == NULL)
        return;
    opp_registry_unpin(slot->current);
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

const struct opp_registry *opp_registry_pin(struct opp_registry_slot *slot)
{
    struct opp_registry *registry;

    pthread_mutex_lock(&slot->lock);
    registry = slot->current;
    if (registry != NULL)
        atomic_fetch_add(&registry->pins, 1);
    pthread_mutex_unlock(&slot->lock);
    return registry;
}

void opp_registry_swap(struct opp_registry_slot *slot, struct opp_registry *next)
{
    struct opp_registry *last;

    pthread_mutex_lock(&slot->lock);
    last = slot->current;
    slot->current = next;
    pthread_mutex_unlock(&slot->lock);
    opp_registry_pass_uses(last, next);
    opp_registry_unpin(last);
}
