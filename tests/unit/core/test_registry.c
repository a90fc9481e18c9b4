/* SPDX-License-Identifier: MIT */
#include "core/registry.h"

#include "store/store_kit.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define APPS 20
#define THREADS 4
#define SWAPS 200
#define NOW_MS 10000000

static struct kit kit;

static enum opp_code insert_app(struct opp_tx *tx, int n, const char *policy)
{
    char id[32], scope[] = "workspace", status[] = "active", name[] = "name";
    struct opp_app app = { .id = id, .scope = scope, .status = status, .name = name };
    enum opp_code rc;

    snprintf(id, sizeof id, "app_%d", n);
    app.scopes = json_array();
    app.policy = json_loads(policy, 0, NULL);
    app.auto_execute = json_object();
    rc = opp_tx_insert(tx, &OPP_APP, &app, NULL);
    json_decref(app.scopes);
    json_decref(app.policy);
    json_decref(app.auto_execute);
    return rc;
}

static enum opp_code insert_key(struct opp_tx *tx, int n)
{
    char id[32], app_id[32], hash[32], prefix[] = "op_";
    struct opp_key key = { .id = id, .app_id = app_id, .token_hash = hash, .token_prefix = prefix };

    snprintf(id, sizeof id, "key_%d", n);
    snprintf(app_id, sizeof app_id, "app_%d", n);
    snprintf(hash, sizeof hash, "%x-key", (unsigned)n * 2654435761U);
    return opp_tx_insert(tx, &OPP_KEY, &key, NULL);
}

static enum opp_code insert_admin(struct opp_tx *tx, int n)
{
    char id[32], user[] = "user", hash[32], prefix[] = "opa_";
    struct opp_admin_token token = { .id = id, .user_id = user, .token_hash = hash, .token_prefix = prefix };
    enum opp_code rc;

    snprintf(id, sizeof id, "adm_%d", n);
    snprintf(hash, sizeof hash, "%x-admin", (unsigned)n * 2654435761U);
    token.roles = json_pack("[s]", "viewer");
    rc = opp_tx_insert(tx, &OPP_ADMIN_TOKEN, &token, NULL);
    json_decref(token.roles);
    return rc;
}

static enum opp_code populate(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    (void)arg, (void)err;
    for (int i = 0; rc == OPP_OK && i < APPS; i++) {
        rc = insert_app(tx, i, i == 7 ? "{\"network\":{\"allowed_ips\":[\"spoiled\"]}}" : "{}");
        if (rc == OPP_OK)
            rc = insert_key(tx, i);
        if (rc == OPP_OK)
            rc = insert_admin(tx, i);
    }
    return rc;
}

static enum opp_code load(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_registry_load(tx, 42, NOW_MS, arg, err);
}

static struct opp_registry *load_now(void)
{
    struct opp_registry *registry = NULL;
    struct opp_err err = { 0 };

    if (opp_store_now(kit.store, load, &registry, &err) != OPP_OK)
        fail_msg("%s", err.message);
    return registry;
}

static int set_up(void **state)
{
    kit_set_up(state);
    kit_run(&kit, populate);
    return 0;
}

static const struct opp_key_entry *key(const struct opp_registry *registry, int n)
{
    char hash[32];

    snprintf(hash, sizeof hash, "%x-key", (unsigned)n * 2654435761U);
    return opp_registry_key(registry, hash);
}

static const struct opp_admin_token *admin(const struct opp_registry *registry, int n)
{
    char hash[32];

    snprintf(hash, sizeof hash, "%x-admin", (unsigned)n * 2654435761U);
    return opp_registry_admin(registry, hash);
}

static void everybody_is_found_and_nobody_else(void **state)
{
    struct opp_registry *registry = load_now();

    (void)state;
    assert_int_equal(opp_registry_version(registry), 42);
    for (int i = 0; i < APPS; i++) {
        const struct opp_key_entry *entry = key(registry, i);
        char app_id[32], key_id[32];

        snprintf(app_id, sizeof app_id, "app_%d", i);
        snprintf(key_id, sizeof key_id, "key_%d", i);
        assert_non_null(entry);
        assert_string_equal(entry->record->id, key_id);
        assert_string_equal(entry->app->record->id, app_id);
        assert_ptr_equal(opp_registry_app(registry, app_id), entry->app);
        assert_non_null(admin(registry, i));
        assert_null(opp_registry_admin(registry, entry->record->token_hash));
        assert_null(opp_registry_key(registry, admin(registry, i)->token_hash));
        assert_false(opp_registry_expired(registry, entry->record->token_hash));
    }
    assert_null(opp_registry_key(registry, ""));
    assert_null(opp_registry_app(registry, "app_"));
    opp_registry_unpin(registry);
}

static void an_app_whose_settings_cannot_be_read_is_not_sound(void **state)
{
    struct opp_registry *registry = load_now();

    (void)state;
    assert_false(opp_registry_app(registry, "app_7")->sound);
    assert_true(opp_registry_app(registry, "app_8")->sound);
    opp_registry_unpin(registry);
}

static void an_empty_store_gives_an_empty_registry(void **state)
{
    struct opp_registry *registry;

    (void)state;
    kit_close(&kit);
    kit_remove_dir(&kit);
    kit_make_dir(&kit);
    kit_open(&kit);
    registry = load_now();
    assert_null(opp_registry_key(registry, "x"));
    assert_null(opp_registry_admin(registry, "x"));
    assert_null(opp_registry_app(registry, "x"));
    opp_registry_unpin(registry);
}

static void what_is_pinned_outlives_its_successor(void **state)
{
    struct opp_registry_slot *slot = NULL;
    const struct opp_registry *pinned;

    (void)state;
    assert_int_equal(opp_registry_slot_new(&slot, NULL), OPP_OK);
    assert_null(opp_registry_pin(slot));
    opp_registry_swap(slot, load_now());
    pinned = opp_registry_pin(slot);
    assert_non_null(pinned);
    opp_registry_swap(slot, NULL);
    assert_null(opp_registry_pin(slot));
    assert_string_equal(opp_registry_app(pinned, "app_3")->record->name, "name");
    opp_registry_unpin(pinned);
    opp_registry_swap(slot, load_now());
    opp_registry_slot_free(slot);
}

struct reader {
    struct opp_registry_slot *slot;
    atomic_bool *stop;
    pthread_t thread;
    long wrong, closed;
};

static void *read_on(void *arg)
{
    struct reader *reader = arg;

    while (!atomic_load(reader->stop)) {
        const struct opp_registry *registry = opp_registry_pin(reader->slot);

        if (registry == NULL) {
            reader->closed++;
            continue;
        }
        for (int i = 0; i < 3; i++) {
            const struct opp_app_entry *app = opp_registry_app(registry, "app_3");
            const struct opp_key_entry *used = key(registry, 3);

            reader->wrong += app == NULL || used == NULL || used->app != app ? 1 : 0;
            if (used != NULL)
                opp_registry_used_key(registry, used, i);
        }
        opp_registry_unpin(registry);
    }
    return NULL;
}

static void readers_see_a_whole_registry_while_it_is_swapped(void **state)
{
    struct reader readers[THREADS] = { 0 };
    struct opp_registry_slot *slot = NULL;
    atomic_bool stop = false;

    (void)state;
    assert_int_equal(opp_registry_slot_new(&slot, NULL), OPP_OK);
    opp_registry_swap(slot, load_now());
    for (int i = 0; i < THREADS; i++) {
        readers[i].slot = slot;
        readers[i].stop = &stop;
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    for (int i = 0; i < SWAPS; i++)
        opp_registry_swap(slot, i % 10 == 9 ? NULL : load_now());
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].wrong, 0);
    }
    opp_registry_slot_free(slot);
}

static enum opp_code write_uses(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_registry_write_uses(arg, tx, err);
}

static enum opp_code last_use(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    int64_t *at = arg;
    void *key = NULL, *token = NULL;

    (void)err;
    assert_int_equal(opp_tx_get(tx, &OPP_KEY, "id", "key_2", &key, NULL), OPP_OK);
    assert_int_equal(opp_tx_get(tx, &OPP_ADMIN_TOKEN, "id", "adm_2", &token, NULL), OPP_OK);
    at[0] = ((struct opp_key *)key)->last_used_at;
    at[1] = ((struct opp_admin_token *)token)->last_used_at;
    opp_record_free(&OPP_KEY, key);
    opp_record_free(&OPP_ADMIN_TOKEN, token);
    return OPP_OK;
}

static enum opp_code forget_uses(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "last_used_at", NULL };
    char id[] = "key_2";
    const struct opp_key key = { .id = id };

    (void)arg;
    return opp_tx_update(tx, &OPP_KEY, &key, columns, err);
}

static void times_of_use_come_to_the_store(void **state)
{
    struct opp_registry *registry = load_now();
    int64_t at[2] = { -1, -1 };

    (void)state;
    opp_registry_used_key(registry, key(registry, 2), 1234);
    opp_registry_used_admin(registry, admin(registry, 2), 5678);
    assert_int_equal(opp_store_now(kit.store, write_uses, registry, NULL), OPP_OK);
    assert_int_equal(opp_store_now(kit.store, last_use, at, NULL), OPP_OK);
    assert_int_equal(at[0], 1234);
    assert_int_equal(at[1], 5678);
    opp_registry_unpin(registry);
}

static enum opp_code write_uses_in_vain(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    assert_int_equal(opp_registry_write_uses(arg, tx, err), OPP_OK);
    return OPP_E_STALE;
}

static void a_time_of_use_that_was_not_committed_is_written_again(void **state)
{
    struct opp_registry *registry = load_now();
    int64_t at[2] = { -1, -1 };

    (void)state;
    opp_registry_used_key(registry, key(registry, 2), 1234);
    assert_int_equal(opp_store_now(kit.store, write_uses_in_vain, registry, NULL), OPP_E_STALE);
    assert_int_equal(opp_store_now(kit.store, last_use, at, NULL), OPP_OK);
    assert_int_equal(at[0], 0);
    assert_int_equal(opp_store_now(kit.store, write_uses, registry, NULL), OPP_OK);
    opp_registry_uses_written(registry);
    assert_int_equal(opp_store_now(kit.store, last_use, at, NULL), OPP_OK);
    assert_int_equal(at[0], 1234);
    opp_registry_unpin(registry);
}

static void uses_that_were_not_written_yet_come_to_the_successor(void **state)
{
    struct opp_registry_slot *slot = NULL;
    struct opp_registry *first = load_now(), *second = load_now(), *third = load_now();
    int64_t at[2] = { -1, -1 };

    (void)state;
    assert_int_equal(opp_registry_slot_new(&slot, NULL), OPP_OK);
    opp_registry_swap(slot, first);
    opp_registry_used_key(first, key(first, 2), 1234);
    opp_registry_used_admin(first, admin(first, 2), 5678);
    opp_registry_used_admin(second, admin(second, 2), 6000); /* newer */
    opp_registry_swap(slot, second);
    assert_int_equal(opp_store_now(kit.store, write_uses, second, NULL), OPP_OK);
    opp_registry_uses_written(second);
    assert_int_equal(opp_store_now(kit.store, last_use, at, NULL), OPP_OK);
    assert_int_equal(at[0], 1234);
    assert_int_equal(at[1], 6000);
    opp_registry_swap(slot, third); /* what was written is not written again */
    assert_int_equal(opp_store_now(kit.store, forget_uses, NULL, NULL), OPP_OK);
    assert_int_equal(opp_store_now(kit.store, write_uses, third, NULL), OPP_OK);
    assert_int_equal(opp_store_now(kit.store, last_use, at, NULL), OPP_OK);
    assert_int_equal(at[0], 0);
    opp_registry_slot_free(slot);
}

/* Key and token 0 long ago, 1 just now. */
static enum opp_code end_some(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const char *const columns[] = { arg, NULL };
    bool revoke = strcmp(arg, "revoked_at") == 0;

    for (int i = 0; i < 2; i++) {
        int64_t at = i == 0 ? 1 : NOW_MS - 1;
        char key_id[16], admin_id[16];
        struct opp_key ended = { .id = key_id, .revoked_at = revoke ? at : 0, .expires_at = at };
        struct opp_admin_token token = { .id = admin_id, .revoked_at = revoke ? at : 0, .expires_at = at };

        snprintf(key_id, sizeof key_id, "key_%d", i);
        snprintf(admin_id, sizeof admin_id, "adm_%d", i);
        assert_int_equal(opp_tx_update(tx, &OPP_KEY, &ended, columns, err), OPP_OK);
        assert_int_equal(opp_tx_update(tx, &OPP_ADMIN_TOKEN, &token, columns, err), OPP_OK);
    }
    return OPP_OK;
}

/* Loads what there is after key and token 0 have ended long ago, and 1 just now. */
static struct opp_registry *load_ended(char *how)
{
    struct opp_registry *registry;

    assert_int_equal(opp_store_now(kit.store, end_some, how, NULL), OPP_OK);
    registry = load_now();
    assert_null(key(registry, 0));
    assert_null(admin(registry, 0));
    assert_non_null(key(registry, 1));
    assert_non_null(admin(registry, 1));
    assert_non_null(key(registry, 2));
    return registry;
}

static void what_was_revoked_long_ago_is_not_held(void **state)
{
    char how[] = "revoked_at";
    struct opp_registry *registry = load_ended(how);

    (void)state;
    assert_false(opp_registry_expired(registry, "0-key"));
    assert_false(opp_registry_expired(registry, "0-admin"));
    opp_registry_unpin(registry);
}

static enum opp_code end_app(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "deleted_at", NULL };
    char id[] = "app_0";
    const struct opp_app app = { .id = id, .deleted_at = 1 };

    (void)arg;
    return opp_tx_update(tx, &OPP_APP, &app, columns, err);
}

static void of_what_expired_long_ago_only_that_is_known(void **state)
{
    char how[] = "expires_at";
    struct opp_registry *registry = load_ended(how);

    (void)state;
    assert_true(opp_registry_expired(registry, "0-key"));
    assert_true(opp_registry_expired(registry, "0-admin"));
    assert_false(opp_registry_expired(registry, key(registry, 1)->record->token_hash));
    assert_false(opp_registry_expired(registry, "nobody's"));
    opp_registry_unpin(registry);
    assert_int_equal(opp_store_now(kit.store, end_app, NULL, NULL), OPP_OK);
    registry = load_now();
    assert_false(opp_registry_expired(registry, "0-key")); /* nothing is told of what it belonged to */
    assert_true(opp_registry_expired(registry, "0-admin"));
    opp_registry_unpin(registry);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, set_up, kit_tear_down, &kit)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everybody_is_found_and_nobody_else),
        TEST(an_app_whose_settings_cannot_be_read_is_not_sound),
        TEST(an_empty_store_gives_an_empty_registry),
        TEST(what_is_pinned_outlives_its_successor),
        TEST(readers_see_a_whole_registry_while_it_is_swapped),
        TEST(times_of_use_come_to_the_store),
        TEST(a_time_of_use_that_was_not_committed_is_written_again),
        TEST(uses_that_were_not_written_yet_come_to_the_successor),
        TEST(what_was_revoked_long_ago_is_not_held),
        TEST(of_what_expired_long_ago_only_that_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
