/* SPDX-License-Identifier: MIT */
#include "core/redact.h"

#include "adapter/tool.h"
#include "base/jcs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct opp_tool tool;
static unsigned char key[OPP_HASH_BYTES], other_key[OPP_HASH_BYTES];

static int set_up(void **state)
{
    static const unsigned char gateway[OPP_HASH_BYTES] = { 1, 2, 3 };

    (void)state;
    tool = (struct opp_tool){ .sensitive = json_pack("{s:s, s:n}", "title", "[redacted]", "notes") };
    opp_redact_app_key(gateway, "app_1", key);
    opp_redact_app_key(gateway, "app_2", other_key);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(tool.sensitive);
    return 0;
}

static char *redact(const char *text, enum opp_redaction kind, const unsigned char *with)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL), *out = NULL;
    char *before, *after, *printed;

    assert_non_null(value);
    before = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
    assert_int_equal(opp_redact(value, tool.sensitive, kind, with, &out, NULL), OPP_OK);
    printed = json_dumps(out, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
    after = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(before, after);
    free(before);
    free(after);
    json_decref(value);
    json_decref(out);
    return printed;
}

static void assert_redacted(const char *text, enum opp_redaction kind, const char *expected)
{
    char *shown = redact(text, kind, key);

    assert_string_equal(shown, expected);
    free(shown);
}

static void sensitive_fields_are_replaced_at_any_depth(void **state)
{
    (void)state;
    assert_redacted("{\"a\":[{\"b\":{\"title\":\"secret\",\"id\":1}},[{\"title\":{\"deep\":\"secret\"}}]]}",
                    OPP_REDACT_IMPACT,
                    "{\"a\":[{\"b\":{\"id\":1,\"title\":\"[redacted]\"}},[{\"title\":\"[redacted]\"}]]}");
    assert_redacted("[[[[{\"notes\":\"secret\"}]]]]", OPP_REDACT_IMPACT, "[[[[{\"notes\":\"[redacted]\"}]]]]");
    assert_redacted("{\"title\":null,\"notes\":[1]}", OPP_REDACT_IMPACT,
                    "{\"notes\":\"[redacted]\",\"title\":\"[redacted]\"}");
}

static void a_result_shows_what_the_tool_declares(void **state)
{
    (void)state;
    assert_redacted("{\"items\":[{\"id\":\"a\",\"notes\":\"secret\",\"title\":\"secret\"}]}", OPP_REDACT_RESULT,
                    "{\"items\":[{\"id\":\"a\",\"notes\":null,\"title\":\"[redacted]\"}]}");
}

static void what_is_not_sensitive_stays(void **state)
{
    (void)state;
    assert_redacted("{\"Title\":\"a\",\"titles\":\"title\"}", OPP_REDACT_IMPACT,
                    "{\"Title\":\"a\",\"titles\":\"title\"}");
    assert_redacted("\"title\"", OPP_REDACT_IMPACT, "\"title\"");
    assert_redacted("null", OPP_REDACT_RESULT, "null");
}

static void a_tool_without_sensitive_fields_gives_the_value_itself(void **state)
{
    struct opp_tool open = { 0 };
    json_t *value = json_pack("{s:s}", "title", "plain"), *out = NULL;

    (void)state;
    assert_int_equal(opp_redact(value, open.sensitive, OPP_REDACT_IMPACT, NULL, &out, NULL), OPP_OK);
    assert_ptr_equal(value, out);
    json_decref(out);
    json_decref(value);
}

static void a_witness_shows_a_change_and_nothing_else(void **state)
{
    char *first = redact("{\"id\":\"a\",\"title\":\"secret\"}", OPP_REDACT_WITNESS, key);
    char *again = redact("{\"title\":\"secret\",\"id\":\"a\"}", OPP_REDACT_WITNESS, key);
    char *changed = redact("{\"id\":\"a\",\"title\":\"Secret\"}", OPP_REDACT_WITNESS, key);
    char *of_another = redact("{\"id\":\"a\",\"title\":\"secret\"}", OPP_REDACT_WITNESS, other_key);

    (void)state;
    assert_string_equal(first, again);
    assert_string_not_equal(first, changed);
    assert_string_not_equal(first, of_another);
    assert_null(strstr(first, "secret"));
    assert_non_null(strstr(first, "\"title\":\"hmac:"));
    assert_int_equal(strlen(first), strlen("{\"id\":\"a\",\"title\":\"hmac:\"}") + 64);
    free(first);
    free(again);
    free(changed);
    free(of_another);
}

/* Whoever has a list of likely values must not be able to try them. */
static void a_witness_is_no_plain_hash(void **state)
{
    char *shown = redact("{\"title\":\"secret\"}", OPP_REDACT_WITNESS, key), hash[OPP_HASH_HEX];

    (void)state;
    opp_hash_hex("\"secret\"", 8, hash);
    assert_null(strstr(shown, hash));
    opp_hmac_hex(key, "\"secret\"", 8, hash);
    assert_non_null(strstr(shown, hash));
    free(shown);
}

static void every_app_has_a_key_of_its_own(void **state)
{
    unsigned char again[OPP_HASH_BYTES], elsewhere[OPP_HASH_BYTES];
    const unsigned char gateway[OPP_HASH_BYTES] = { 1, 2, 3 }, other[OPP_HASH_BYTES] = { 1, 2, 4 };

    (void)state;
    opp_redact_app_key(gateway, "app_1", again);
    opp_redact_app_key(other, "app_1", elsewhere);
    assert_memory_equal(key, again, sizeof key);
    assert_memory_not_equal(key, other_key, sizeof key);
    assert_memory_not_equal(key, elsewhere, sizeof key);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sensitive_fields_are_replaced_at_any_depth),
        TEST(a_result_shows_what_the_tool_declares),
        TEST(what_is_not_sensitive_stays),
        TEST(a_tool_without_sensitive_fields_gives_the_value_itself),
        TEST(a_witness_shows_a_change_and_nothing_else),
        TEST(a_witness_is_no_plain_hash),
        TEST(every_app_has_a_key_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
