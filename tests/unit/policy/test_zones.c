/* SPDX-License-Identifier: MIT */
#include "base/failing_alloc.h"
#include "base/file.h"
#include "policy/zone.h"
#include "policy/zone_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 4

struct place {
    char dir[64];
    struct opp_zones *zones;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    if (place == NULL)
        return -1;
    snprintf(place->dir, sizeof place->dir, "/tmp/opp_test_zones.XXXXXX");
    *state = place;
    if (mkdtemp(place->dir) == NULL)
        return -1;
    return opp_zones_new(place->dir, &place->zones, NULL) == OPP_OK ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int remove_place(void **state)
{
    struct place *place = *state;
    int rc = nftw(place->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);

    opp_zones_free(place->zones);
    free(place);
    return rc;
}

static void write_file(const struct place *place, const char *name, const void *bytes, size_t length)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", place->dir, name);
    assert_int_equal(opp_file_write(path, 0600, bytes, length, NULL), OPP_OK);
}

static void write_zone(const struct place *place, const char *name, int32_t offset_s)
{
    struct zone_bytes bytes = { .version = '2', .footer = "", .types = 1, .offsets = { offset_s } };
    struct opp_buf buf = { 0 };

    zone_bytes_write(&bytes, &buf);
    assert_int_equal(opp_buf_check(&buf, NULL), OPP_OK);
    write_file(place, name, buf.bytes, buf.length);
    opp_buf_free(&buf);
}

static void assert_refused(struct place *place, const char *name, enum opp_code code, const char *why)
{
    const struct opp_zone *zone = NULL;
    struct opp_err err = { 0 };

    assert_int_equal(opp_zones_get(place->zones, name, &zone, &err), code);
    assert_null(zone);
    assert_int_equal(err.code, code);
    if (strstr(err.message, why) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", name, err.message, why);
}

static void a_zone_is_read_once(void **state)
{
    struct place *place = *state;
    const struct opp_zone *first = NULL, *second = NULL;
    struct opp_local local;

    write_zone(place, "Here", 3600);
    assert_int_equal(opp_zones_get(place->zones, "Here", &first, NULL), OPP_OK);
    write_zone(place, "Here", 7200);
    assert_int_equal(opp_zones_get(place->zones, "Here", &second, NULL), OPP_OK);
    assert_ptr_equal(first, second);
    opp_zone_local(first, 0, &local);
    assert_int_equal(local.offset_s, 3600);
}

static void a_name_that_is_none_is_refused_without_a_look(void **state)
{
    static const char *const wrong[] = { "",
                                         "/etc/passwd",
                                         "../Here",
                                         "Europe/../Here",
                                         "Europe//Here",
                                         "Here/",
                                         ".",
                                         "here",
                                         "localtime",
                                         "right/Europe/Berlin",
                                         "Europe/Ber lin",
                                         "Europe/Berlin\n",
                                         "Here.",
                                         "Here/.hidden",
                                         "Her\xc3\xa9",
                                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
    struct place *place = *state;

    write_zone(place, "here", 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(place, wrong[i], OPP_E_VALIDATION, "is named like Europe/Berlin");
}

static void what_is_not_there_is_named(void **state)
{
    struct place *place = *state;
    char path[256];

    assert_refused(place, "Europe/Berlinn", OPP_E_VALIDATION, "there is no time zone \"Europe/Berlinn\"");
    snprintf(path, sizeof path, "%s/Europe", place->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(place, "Europe", OPP_E_VALIDATION, "there is no time zone \"Europe\"");
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    struct place *place = *state;
    char *bytes = calloc(1, OPP_ZONE_FILE_MAX + 1);

    assert_non_null(bytes);
    write_file(place, "Large", bytes, OPP_ZONE_FILE_MAX + 1);
    assert_refused(place, "Large", OPP_E_LIMIT, "larger than");
    write_file(place, "Large", bytes, OPP_ZONE_FILE_MAX);
    assert_refused(place, "Large", OPP_E_CONFIG, "not TZif");
    free(bytes);
}

static void a_cache_holds_so_many_zones_and_no_more(void **state)
{
    struct place *place = *state;
    const struct opp_zone *zone;
    char name[32], old[256], new[256];

    write_zone(place, "Z", 3600);
    snprintf(old, sizeof old, "%s/Z", place->dir);
    for (int i = 0; i <= OPP_ZONES_MAX; i++) {
        snprintf(name, sizeof name, "Z%d", i);
        snprintf(new, sizeof new, "%s/%s", place->dir, name);
        assert_int_equal(link(old, new), 0);
        if (i < OPP_ZONES_MAX)
            assert_int_equal(opp_zones_get(place->zones, name, &zone, NULL), OPP_OK);
    }
    assert_refused(place, name, OPP_E_LIMIT, "time zones are in use");
    assert_int_equal(opp_zones_get(place->zones, "Z0", &zone, NULL), OPP_OK);
}

struct run {
    struct opp_zones *zones;
    const struct opp_zone *got[64];
};

static void *get_all(void *argument)
{
    struct run *run = argument;
    char name[32];

    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "Z%d", i);
        if (opp_zones_get(run->zones, name, &run->got[i], NULL) != OPP_OK)
            return NULL;
    }
    return run;
}

static void threads_share_one_zone_of_a_name(void **state)
{
    struct place *place = *state;
    struct run runs[THREADS] = { 0 };
    pthread_t threads[THREADS];
    void *done;

    for (int i = 0; i < 64; i++) {
        char name[32];

        snprintf(name, sizeof name, "Z%d", i);
        write_zone(place, name, i * 60);
    }
    for (size_t i = 0; i < THREADS; i++) {
        runs[i].zones = place->zones;
        assert_int_equal(pthread_create(&threads[i], NULL, get_all, &runs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_non_null(done);
        assert_memory_equal(runs[i].got, runs[0].got, sizeof runs[0].got);
    }
}

static void when_memory_is_out_nothing_is_given(void **state)
{
    struct place *place = *state;
    bool failed = true;

    write_zone(place, "Here", 3600);
    for (int n = 1; failed; n++) {
        struct opp_zones *zones = NULL;
        const struct opp_zone *zone = NULL;
        enum opp_code rc;

        failing_alloc_set(n);
        rc = opp_zones_new(place->dir, &zones, NULL);
        if (rc == OPP_OK)
            rc = opp_zones_get(zones, "Here", &zone, NULL);
        failed = failing_alloc_happened();
        failing_alloc_set(0);
        assert_int_equal(rc, failed ? OPP_E_MEMORY : OPP_OK);
        assert_true((zone == NULL) == failed);
        opp_zones_free(zones);
        assert_true(n < 100 && (n > 2 || failed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_zone_is_read_once, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_name_that_is_none_is_refused_without_a_look, make_place, remove_place),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_named, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_file_that_is_too_large_is_refused, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_cache_holds_so_many_zones_and_no_more, make_place, remove_place),
        cmocka_unit_test_setup_teardown(threads_share_one_zone_of_a_name, make_place, remove_place),
        cmocka_unit_test_setup_teardown(when_memory_is_out_nothing_is_given, make_place, remove_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
