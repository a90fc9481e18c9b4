/* SPDX-License-Identifier: MIT */
#include "base/json_cache.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#define TEXT_MAX 512

static const char *const texts[] = {
    "{\"a\":1,\"b\":[1,2,{\"c\":\"d\"}],\"e\":{\"f\":null,\"g\":true},\"h\":\"i\",\"j\":-1.5}",
    "{\"a\":\"\\\"}\",\"b\":{\"c\":\"]}\\\\\"},\"d\":[\"{\",\"[\"],\"e\":\"\\u00e9\\n\"}",
    "{\"now\":1795375286,\"long\":123456789012345678,\"longer\":1234567890123456789}",
    "{\"far\":18014398509481984,\"zero\":0,\"wrong\":\"00\"}",
    "{ \"a\" : 1 , \"b\" : [ ] }",
    "{\"a\":{},\"a\":[],\"\":\"\",\"\xc3\xa9\":\"\xc3\xa9\"}",
    "{}",
    "[1,{\"a\":[2]}]",
};

static void same_as_the_parser(struct opp_json_cache *cache, const char *text)
{
    json_t *expected = NULL, *found = opp_json_cache_parse(cache, text);

    opp_json_read(text, strlen(text), &expected);
    if ((expected == NULL) != (found == NULL) || (expected != NULL && !json_equal(expected, found)))
        fail_msg("%s", text);
    json_decref(expected);
    json_decref(found);
}

static void it_gives_what_the_parser_gives(void **state)
{
    struct opp_json_cache *cache = NULL;

    (void)state;
    assert_int_equal(opp_json_cache_new(&cache, NULL), OPP_OK);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            same_as_the_parser(cache, texts[i]);
            same_as_the_parser(NULL, texts[i]);
        }
    opp_json_cache_free(cache);
}

/* One to three bytes are others, gone, or there twice. */
static void mutate(char text[TEXT_MAX], unsigned *seed)
{
    static const char bytes[] = "{}[]\",:\\ 01-ae\n\x01\xff";

    for (int changes = 1 + rand_r(seed) % 3; changes > 0; changes--) {
        size_t length = strlen(text), at = length != 0 ? (size_t)rand_r(seed) % length : 0;

        if (length < 2 || length + 2 > TEXT_MAX)
            return;
        switch (rand_r(seed) % 3) {
        case 0:
            text[at] = bytes[(size_t)rand_r(seed) % (sizeof bytes - 1)];
            break;
        case 1:
            memmove(text + at, text + at + 1, length - at);
            break;
        default:
            memmove(text + at + 1, text + at, length - at + 1);
        }
    }
}

static void it_takes_nothing_that_the_parser_does_not(void **state)
{
    struct opp_json_cache *cache = NULL;
    unsigned seed = 20261122;

    (void)state;
    assert_int_equal(opp_json_cache_new(&cache, NULL), OPP_OK);
    for (int i = 0; i < 100000; i++) {
        char text[TEXT_MAX];

        snprintf(text, sizeof text, "%s", texts[(size_t)i % (sizeof texts / sizeof *texts)]);
        mutate(text, &seed);
        same_as_the_parser(cache, text);
    }
    opp_json_cache_free(cache);
}

static void what_texts_have_in_common_is_parsed_once(void **state)
{
    struct opp_json_cache *cache = NULL;
    json_t *first, *second;

    (void)state;
    assert_int_equal(opp_json_cache_new(&cache, NULL), OPP_OK);
    first = opp_json_cache_parse(cache, "{\"app\":{\"id\":\"a\"},\"n\":1,\"own\":[1]}");
    second = opp_json_cache_parse(cache, "{\"app\":{\"id\":\"a\"},\"n\":2,\"own\":[2]}");
    assert_ptr_equal(json_object_get(first, "app"), json_object_get(second, "app"));
    assert_int_equal(json_integer_value(json_array_get(json_object_get(first, "own"), 0)), 1);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(second, "own"), 0)), 2);
    json_decref(first);
    json_decref(second);
    opp_json_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_what_the_parser_gives),
        cmocka_unit_test(it_takes_nothing_that_the_parser_does_not),
        cmocka_unit_test(what_texts_have_in_common_is_parsed_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
