/* SPDX-License-Identifier: MIT
 *
 * base/schema.h when it is asked for too much, by many at once, or without memory.
 */
#include "base/clock.h"
#include "base/schema.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 4

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* The allocation that fails, counted down; 0: none does. Only touched by the one test that runs alone. */
static unsigned long countdown;

static bool fails_now(void)
{
    return countdown > 0 && --countdown == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

static struct opp_schema *compile(const char *text)
{
    json_t *document = json_loads(text, 0, NULL);
    struct opp_schema *schema = NULL;
    struct opp_err err = { 0 };

    assert_non_null(document);
    if (opp_schema_compile(document, &schema, &err) != OPP_OK)
        fail_msg("%s %s", err.where, err.message);
    json_decref(document);
    return schema;
}

static enum opp_code judge(const char *text, json_t *value)
{
    struct opp_schema *schema = compile(text);
    json_t *issues = NULL;
    enum opp_code rc = opp_schema_validate(schema, value, &issues, NULL);

    json_decref(issues);
    json_decref(value);
    opp_schema_free(schema);
    return rc;
}

static void endless_references_end(void **state)
{
    (void)state;
    assert_int_equal(judge("{\"$ref\": \"#\"}", json_null()), OPP_E_LIMIT);
    assert_int_equal(judge("{\"not\": {\"$ref\": \"#\"}}", json_null()), OPP_E_LIMIT);
    assert_int_equal(judge("{\"anyOf\": [{\"$ref\": \"#\"}, {\"$ref\": \"#\"}]}", json_null()), OPP_E_LIMIT);
}

static void references_that_multiply_run_out_of_steps(void **state)
{
    char text[4096] = "{\"$ref\": \"#/$defs/a0\", \"$defs\": {";
    char part[128];

    (void)state;
    for (int i = 0; i < 30; i++) {
        snprintf(part, sizeof part,
                 "\"a%d\": {\"allOf\": [{\"$ref\": \"#/$defs/a%d\"}, {\"$ref\": \"#/$defs/a%d\"}]}, ", i, i + 1, i + 1);
        strncat(text, part, sizeof text - strlen(text) - 1);
    }
    strncat(text, "\"a30\": true}}", sizeof text - strlen(text) - 1);
    assert_int_equal(judge(text, json_null()), OPP_E_LIMIT);
}

static void a_tree_of_ordinary_depth_is_checked_whole(void **state)
{
    json_t *tree = json_object();

    (void)state;
    for (int i = 0; i < 20; i++)
        tree = json_pack("{s:[o]}", "children", tree);
    assert_int_equal(judge("{\"type\": \"object\", \"additionalProperties\": false,"
                           "\"properties\": {\"children\": {\"items\": {\"$ref\": \"#\"}}}}",
                           tree),
                     OPP_OK);
}

static double cpu_ms(void)
{
    return (double)opp_thread_cpu_ns() / 1e6;
}

static void a_text_made_to_keep_a_pattern_busy_is_given_up(void **state)
{
    static const char *const PATTERNS[] = { "(a+)+$", "a+$", "(.)\\\\1*$", "(a|b)*c*$",
                                            "(?:a{1,9}){1,9}(?:a{1,9}){1,9}$" };
    char *text = malloc(65537);
    char schema[128];

    (void)state;
    memset(text, 'a', 65535);
    memcpy(text + 65535, "x", 2);
    for (size_t i = 0; i < sizeof PATTERNS / sizeof PATTERNS[0]; i++) {
        const double start = cpu_ms();

        snprintf(schema, sizeof schema, "{\"pattern\": \"%s\"}", PATTERNS[i]);
        assert_int_equal(judge(schema, json_string(text)), OPP_E_LIMIT);
        assert_true(cpu_ms() - start < 1000);
    }
    free(text);
}

static void many_items_are_told_apart(void **state)
{
    json_t *list = json_array();

    (void)state;
    for (int i = 0; i < 10000; i++)
        json_array_append_new(list, json_pack("{s:i, s:[s]}", "n", i, "t", "x"));
    assert_int_equal(judge("{\"uniqueItems\": true}", json_incref(list)), OPP_OK);
    json_array_append_new(list, json_pack("{s:[s], s:f}", "t", "x", "n", 77.0));
    assert_int_equal(judge("{\"uniqueItems\": true}", list), OPP_E_VALIDATION);
}

static const char *const RICH = "{\"type\": \"object\", \"required\": [\"id\", \"no\"], \"additionalProperties\": "
                                "false, \"propertyNames\": {\"maxLength\": 9},"
                                "\"dependentRequired\": {\"id\": [\"nor\"]}, \"properties\": {\"id\": {\"type\": "
                                "\"string\", \"pattern\": \"^[a-z]+$\"},"
                                "\"kind\": {\"enum\": [\"a\", \"b\"]}, \"one\": {\"const\": {\"x\": 1}}, \"n\": "
                                "{\"multipleOf\": 0.01, \"minimum\": 1},"
                                "\"list\": {\"uniqueItems\": true, \"items\": {\"$ref\": \"#/$defs/item\"}}}, "
                                "\"$defs\": {\"item\": {\"type\": \"integer\"}},"
                                "\"anyOf\": [{\"type\": \"object\", \"required\": [\"z\"]}, {\"type\": \"null\"}]}";

struct job {
    const struct opp_schema *schema;
    json_t *good;
    json_t *bad;
    unsigned wrong;
};

static void *validate_often(void *data)
{
    struct job *job = data;

    for (int i = 0; i < 500; i++) {
        json_t *issues = NULL;

        job->wrong += opp_schema_validate(job->schema, job->good, NULL, NULL) != OPP_OK;
        job->wrong += opp_schema_validate(job->schema, job->bad, &issues, NULL) != OPP_E_VALIDATION;
        json_decref(issues);
    }
    return NULL;
}

static void threads_share_a_schema(void **state)
{
    struct opp_schema *schema =
        compile("{\"properties\": {\"id\": {\"pattern\": \"^[a-z]+$\"}, \"k\": {\"enum\": [[1], {\"a\": 2}]}}}");
    pthread_t threads[THREADS];
    struct job jobs[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){ schema, json_pack("{s:s, s:{s:i}}", "id", "abc", "k", "a", 2),
                                json_pack("{s:s, s:[i]}", "id", "1", "k", 2), 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, validate_often, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].wrong, 0);
        json_decref(jobs[i].good);
        json_decref(jobs[i].bad);
    }
    opp_schema_free(schema);
}

/* Whether n was past the last allocation, so that all went well. */
static bool survives(const json_t *document, const json_t *value, unsigned long n)
{
    struct opp_schema *schema = NULL;
    json_t *issues = NULL, *coerced = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc;

    countdown = n;
    rc = opp_schema_compile(document, &schema, &err);
    if (rc == OPP_OK)
        rc = opp_schema_coerce(schema, value, &coerced, &err);
    if (rc == OPP_OK)
        rc = opp_schema_validate(schema, value, &issues, &err);
    countdown = 0;
    assert_true(rc == OPP_E_MEMORY || rc == OPP_E_VALIDATION);
    assert_int_equal(err.code, rc);
    assert_int_equal(issues != NULL, rc == OPP_E_VALIDATION);
    json_decref(issues);
    json_decref(coerced);
    opp_schema_free(schema);
    return rc == OPP_E_VALIDATION;
}

static void whichever_allocation_fails_it_is_said_and_nothing_leaks(void **state)
{
    json_t *document = json_loads(RICH, 0, NULL);
    json_t *value = json_loads(
        "{\"id\": \"1\", \"kind\": \"c\", \"one\": 1, \"n\": \"0.001\", \"list\": [1, \"2\", 3], \"more\": 1}", 0,
        NULL);
    unsigned long n = 1;

    (void)state;
    for (size_t i = 0; i < 40; i++)
        json_array_append_new(json_object_get(value, "list"), json_integer((json_int_t)i));
    while (!survives(document, value, n))
        n++;
    assert_true(n > 100);
    json_decref(value);
    json_decref(document);
}

static void nothing_is_allocated_while_a_value_fits(void **state)
{
    struct opp_schema *schema =
        compile("{\"type\": \"object\", \"required\": [\"id\"], \"additionalProperties\": false, \"properties\":"
                "{\"id\": {\"type\": \"string\", \"minLength\": 1}, \"n\": {\"multipleOf\": 0.01},"
                "\"d\": {\"format\": \"date\"}, \"l\": {\"uniqueItems\": true, \"items\": {\"enum\": [1, 2]}},"
                "\"x\": {\"anyOf\": [{\"type\": \"null\"}, {\"$ref\": \"#\"}]}}}");
    json_t *value = json_loads(
        "{\"id\": \"a\", \"n\": 19.99, \"d\": \"2026-01-01\", \"l\": [1, 2], \"x\": {\"id\": \"b\"}}", 0, NULL);
    json_t *issues = NULL;

    (void)state;
    countdown = 1;
    assert_int_equal(opp_schema_validate(schema, value, &issues, NULL), OPP_OK);
    assert_int_equal(countdown, 1);
    countdown = 0;
    json_decref(value);
    opp_schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_references_end),
        cmocka_unit_test(references_that_multiply_run_out_of_steps),
        cmocka_unit_test(a_tree_of_ordinary_depth_is_checked_whole),
        cmocka_unit_test(a_text_made_to_keep_a_pattern_busy_is_given_up),
        cmocka_unit_test(many_items_are_told_apart),
        cmocka_unit_test(threads_share_a_schema),
        cmocka_unit_test(whichever_allocation_fails_it_is_said_and_nothing_leaks),
        cmocka_unit_test(nothing_is_allocated_while_a_value_fits),
    };

    json_set_alloc_funcs(__wrap_malloc, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
