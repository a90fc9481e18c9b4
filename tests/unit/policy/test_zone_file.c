/* SPDX-License-Identifier: MIT */
#include "base/file.h"
#include "base/random.h"
#include "policy/zone_bytes.h"
#include "policy/zone_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS 10000

static const struct zone_bytes simple = { .version = '2',
                                          .footer = "AAA-1",
                                          .turns = 2,
                                          .types = 2,
                                          .at = { 1000, 2000 },
                                          .type = { 1, 0 },
                                          .offsets = { 3600, 7200 } };

static enum opp_code parse(const struct zone_bytes *bytes, struct opp_zone **zone, struct opp_err *err)
{
    struct opp_buf buf = { 0 };
    enum opp_code rc;

    zone_bytes_write(bytes, &buf);
    assert_int_equal(opp_buf_check(&buf, NULL), OPP_OK);
    rc = opp_zone_parse("Test/Zone", buf.bytes, buf.length, zone, err);
    opp_buf_free(&buf);
    return rc;
}

static void assert_refused(const struct zone_bytes *bytes, const char *why)
{
    struct opp_zone *zone = NULL;
    struct opp_err err = { 0 };

    assert_int_equal(parse(bytes, &zone, &err), OPP_E_CONFIG);
    assert_null(zone);
    assert_non_null(strstr(err.message, "Test/Zone"));
    if (strstr(err.message, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, why);
}

static int32_t offset_at(const struct opp_zone *zone, int64_t utc_s)
{
    struct opp_local local;

    opp_zone_local(zone, utc_s, &local);
    return local.offset_s;
}

static void a_table_is_read_in_every_version(void **state)
{
    static const char versions[] = { '\0', '2', '3', '4' };

    (void)state;
    for (size_t i = 0; i < sizeof versions; i++) {
        struct zone_bytes bytes = simple;
        struct opp_zone *zone = NULL;

        bytes.version = versions[i];
        assert_int_equal(parse(&bytes, &zone, NULL), OPP_OK);
        assert_int_equal(offset_at(zone, 999), 3600);
        assert_int_equal(offset_at(zone, 1000), 7200);
        assert_int_equal(offset_at(zone, 1999), 7200);
        assert_int_equal(offset_at(zone, 2000), 3600);
        assert_int_equal(offset_at(zone, INT64_C(4000000000)), 3600);
        free(zone);
    }
}

static void the_second_block_has_times_beyond_32_bits(void **state)
{
    struct zone_bytes bytes = simple;
    struct opp_zone *zone = NULL;

    (void)state;
    bytes.at[0] = INT64_C(-10000000000);
    bytes.at[1] = INT64_C(10000000000);
    assert_int_equal(parse(&bytes, &zone, NULL), OPP_OK);
    assert_int_equal(offset_at(zone, INT64_C(-10000000001)), 3600);
    assert_int_equal(offset_at(zone, INT64_C(9999999999)), 7200);
    assert_int_equal(offset_at(zone, INT64_C(10000000000)), 3600);
    free(zone);
}

static void without_a_rule_the_last_offset_stays(void **state)
{
    struct zone_bytes bytes = simple;
    struct opp_zone *zone = NULL;

    (void)state;
    bytes.footer = "";
    bytes.type[0] = 0;
    bytes.type[1] = 1;
    assert_int_equal(parse(&bytes, &zone, NULL), OPP_OK);
    assert_int_equal(offset_at(zone, INT64_C(4000000000)), 7200);
    free(zone);
}

static void without_a_table_the_rule_says_all(void **state)
{
    struct zone_bytes bytes = { .version = '2', .footer = "CET-1CEST,M3.5.0,M10.5.0/3", .types = 1 };
    struct opp_zone *zone = NULL;

    (void)state;
    assert_int_equal(parse(&bytes, &zone, NULL), OPP_OK);
    assert_int_equal(offset_at(zone, 1774746000 - 1), 3600);
    assert_int_equal(offset_at(zone, 1774746000), 7200);
    free(zone);
}

static void a_wrong_file_is_refused_with_the_reason(void **state)
{
    struct zone_bytes bytes = simple;

    (void)state;
    bytes.leaps = 1;
    assert_refused(&bytes, "leap seconds");
    bytes = simple;
    bytes.version = '1';
    assert_refused(&bytes, "version");
    bytes = simple;
    bytes.types = 0;
    assert_refused(&bytes, "header");
    bytes = simple;
    bytes.footer = NULL;
    assert_refused(&bytes, "last line");
    bytes.footer = "no rule";
    assert_refused(&bytes, "last line");
    bytes = simple;
    bytes.at[1] = 1000;
    assert_refused(&bytes, "table");
    bytes = simple;
    bytes.type[1] = 2;
    assert_refused(&bytes, "table");
    bytes = simple;
    bytes.offsets[1] = 26 * 3600;
    assert_refused(&bytes, "table");
    bytes.offsets[1] = -25 * 3600;
    assert_refused(&bytes, "table");
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    struct opp_buf buf = { 0 };

    (void)state;
    zone_bytes_write(&simple, &buf);
    for (size_t length = 0; length < buf.length; length++) {
        struct opp_zone *zone = NULL;
        char *cut = malloc(length + 1);

        assert_non_null(cut);
        memcpy(cut, buf.bytes, length);
        assert_int_equal(opp_zone_parse("Test/Zone", cut, length, &zone, NULL), OPP_E_CONFIG);
        free(cut);
    }
    opp_buf_free(&buf);
}

/* A few bytes changed, more often in the headers and the last line, and sometimes the end cut off. Gives bytes of just
 * that length, so that a read beyond them is seen. */
static char *mutate(const char *bytes, size_t *length, uint64_t *random)
{
    size_t kept = next_random(random) % 8 == 0 ? 1 + next_random(random) % *length : *length;
    char *copy = malloc(kept);

    assert_non_null(copy);
    memcpy(copy, bytes, kept);
    for (uint64_t left = 1 + next_random(random) % 6; left > 0; left--) {
        uint64_t place = next_random(random) % 4, at = next_random(random) % kept;

        if (place == 0)
            at %= 44;
        else if (place == 1 && kept > 32)
            at = kept - 1 - at % 32;
        copy[at] = (char)(unsigned char)(next_random(random) & 0xff);
    }
    *length = kept;
    return copy;
}

static bool survives(const char *bytes, size_t length)
{
    static const int64_t instants[] = { INT64_MIN, -3000000000, 0, 1774746000, 2147483648, 4128627600, INT64_MAX };
    struct opp_zone *zone = NULL;

    if (opp_zone_parse("Test/Zone", bytes, length, &zone, NULL) != OPP_OK)
        return false;
    for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
        int32_t offset_s = offset_at(zone, instants[i]);
        int64_t found = opp_zone_utc(zone, instants[i]);

        assert_true(offset_s >= OPP_ZONE_OFFSET_MIN_S && offset_s <= OPP_ZONE_OFFSET_MAX_S);
        assert_true(instants[i] < -3000000000 || instants[i] > 4128627600 || llabs(found - instants[i]) <= 26 * 3600);
    }
    free(zone);
    return true;
}

static void a_corrupted_file_is_refused_or_read_but_never_harms(void **state)
{
    static const char *const paths[] = { "/usr/share/zoneinfo/Europe/Berlin", "/usr/share/zoneinfo/Australia/Lord_Howe",
                                         "/usr/share/zoneinfo/Asia/Tokyo" };
    struct opp_buf made = { 0 };
    char *files[4] = { NULL };
    size_t lengths[4] = { 0 };
    uint64_t random = 8536;
    int read = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(opp_file_read(paths[i], OPP_ZONE_FILE_MAX, &files[i], &lengths[i], NULL), OPP_OK);
    zone_bytes_write(&simple, &made);
    lengths[3] = made.length;
    files[3] = opp_buf_take(&made);
    assert_non_null(files[3]);
    for (int i = 0; i < MUTATIONS; i++) {
        size_t length = lengths[i % 4];
        char *mutant = mutate(files[i % 4], &length, &random);

        read += survives(mutant, length);
        free(mutant);
    }
    assert_true(read > MUTATIONS / 20 && read < MUTATIONS); /* some of each kind */
    for (size_t i = 0; i < 4; i++)
        free(files[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_read_in_every_version),
        cmocka_unit_test(the_second_block_has_times_beyond_32_bits),
        cmocka_unit_test(without_a_rule_the_last_offset_stays),
        cmocka_unit_test(without_a_table_the_rule_says_all),
        cmocka_unit_test(a_wrong_file_is_refused_with_the_reason),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_corrupted_file_is_refused_or_read_but_never_harms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
