/* SPDX-License-Identifier: MIT */
#include "command/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8

static const struct opp_flag FLAGS[] = {
    { "listen", OPP_FLAG_TEXT, "HOST:PORT", "listen", "Where." },
    { "workers", OPP_FLAG_INTEGER, "N", "workers", "How many." },
    { "role", OPP_FLAG_LIST, "ROLE", "roles", "What they may do." },
    { "demo", OPP_FLAG_SWITCH, NULL, "demo", "Demo data." },
    { "log", OPP_FLAG_TEXT, "json|text", "log.format", "How." },
    { "level", OPP_FLAG_TEXT, "LEVEL", "log.level", "What." },
};

static const struct opp_command COMMAND = {
    .name = "serve", .summary = "Serves.", .flags = FLAGS, .flag_count = sizeof FLAGS / sizeof *FLAGS
};

/* The words are separated by spaces. */
static enum opp_code parse(const char *line, json_t **out, struct opp_err *err)
{
    char *copy = strdup(line), *words[WORDS_MAX], *rest = NULL;
    enum opp_code rc;
    int count = 0;

    assert_non_null(copy);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL && count < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    rc = opp_args_parse(&COMMAND, count, words, out, err);
    free(copy);
    return rc;
}

static void assert_parsed(const char *line, const char *expected)
{
    struct opp_err err = { 0 };
    json_t *result = NULL;
    char *text;

    if (parse(line, &result, &err) != OPP_OK)
        fail_msg("%s: %s", line, err.message);
    text = json_dumps(result, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, expected);
    free(text);
    json_decref(result);
}

static void assert_refused(const char *line, const char *message)
{
    struct opp_err err = { 0 };
    json_t *result = NULL;

    assert_int_equal(parse(line, &result, &err), OPP_E_VALIDATION);
    assert_string_equal(err.message, message);
    assert_null(result);
}

static void values_follow_a_flag_or_its_equals_sign(void **state)
{
    (void)state;
    assert_parsed("", "{}");
    assert_parsed("--listen a:1 --workers 3 --demo", "{\"demo\":true,\"listen\":\"a:1\",\"workers\":3}");
    assert_parsed("--listen=a:1 --workers=-3", "{\"listen\":\"a:1\",\"workers\":-3}");
    assert_parsed("--listen=--x=y", "{\"listen\":\"--x=y\"}");
}

static void the_last_of_a_repeated_flag_counts(void **state)
{
    (void)state;
    assert_parsed("--listen a --workers 1 --listen b --workers 2", "{\"listen\":\"b\",\"workers\":2}");
}

static void a_list_takes_several_values_and_several_flags(void **state)
{
    (void)state;
    assert_parsed("--role a b --demo --role c", "{\"demo\":true,\"roles\":[\"a\",\"b\",\"c\"]}");
    assert_parsed("--role=a --role=b", "{\"roles\":[\"a\",\"b\"]}");
}

static void a_member_may_lie_in_a_group(void **state)
{
    (void)state;
    assert_parsed("--log text --level info", "{\"log\":{\"format\":\"text\",\"level\":\"info\"}}");
}

static void an_unknown_flag_is_refused_with_the_name_that_was_meant(void **state)
{
    (void)state;
    assert_refused("--lisen a", "there is no flag --lisen; did you mean --listen? See oppd help serve");
    assert_refused("--lisen=a", "there is no flag --lisen; did you mean --listen? See oppd help serve");
    assert_refused("--colour a", "there is no flag --colour; see oppd help serve");
}

static void a_missing_value_is_refused(void **state)
{
    (void)state;
    assert_refused("--listen", "--listen needs a value: HOST:PORT; see oppd help serve");
    assert_refused("--listen=", "--listen needs a value: HOST:PORT; see oppd help serve");
    assert_refused("--listen --demo", "--listen needs a value: HOST:PORT; see oppd help serve");
    assert_refused("--role", "--role needs a value: ROLE; see oppd help serve");
}

static void a_wrong_value_is_refused(void **state)
{
    (void)state;
    assert_refused("--workers x", "--workers needs a whole number; see oppd help serve");
    assert_refused("--workers 1.5", "--workers needs a whole number; see oppd help serve");
    assert_refused("--workers 99999999999999999999", "--workers needs a whole number; see oppd help serve");
    assert_refused("--demo=yes", "--demo takes no value; see oppd help serve");
    assert_refused("--listen \xff", "--listen needs a value in UTF-8; see oppd help serve");
}

static void a_word_that_belongs_to_no_flag_is_refused(void **state)
{
    (void)state;
    assert_refused("now", "\"now\" is not expected here; see oppd help serve");
    assert_refused("--listen a b", "\"b\" is not expected here; see oppd help serve");
    assert_refused("-x", "\"-x\" is not expected here; see oppd help serve");
}

static void a_pointer_of_the_result_has_its_flag(void **state)
{
    struct opp_err err = { .where = "/roles/0" };

    (void)state;
    assert_string_equal(opp_args_flag_at(&COMMAND, "/log/format")->name, "log");
    assert_string_equal(opp_args_flag_at(&COMMAND, "/roles")->name, "role");
    assert_null(opp_args_flag_at(&COMMAND, "/logs/format"));
    assert_null(opp_args_flag_at(&COMMAND, "/log/formats"));
    assert_null(opp_args_flag_at(&COMMAND, ""));
    opp_args_blame(&COMMAND, &err);
    assert_string_equal(err.where, "--role");
}

static void help_names_every_flag(void **state)
{
    struct opp_buf text = { 0 };

    (void)state;
    opp_args_help(&COMMAND, &text);
    opp_buf_char(&text, '\0');
    assert_int_equal(opp_buf_check(&text, NULL), OPP_OK);
    assert_non_null(strstr(text.bytes, "  --listen HOST:PORT\n      Where.\n"));
    assert_non_null(strstr(text.bytes, "  --demo\n      Demo data.\n"));
    opp_buf_free(&text);
}

static void a_command_takes_the_one_word_that_it_needs(void **state)
{
    struct opp_command facts = COMMAND;
    char *words[] = { (char *)(uintptr_t) "--demo", (char *)(uintptr_t) "tool", (char *)(uintptr_t) "more" };
    struct opp_err err = { 0 }, none = { 0 }, two = { 0 };
    json_t *result = NULL;

    (void)state;
    facts.operand = "TOOL";
    assert_int_equal(opp_args_parse(&facts, 2, words, &result, &err), OPP_OK);
    assert_string_equal(json_string_value(json_object_get(result, "operand")), "tool");
    json_decref(result);
    assert_int_equal(opp_args_parse(&facts, 1, words, &result, &none), OPP_E_VALIDATION);
    assert_string_equal(none.message, "oppd serve needs a TOOL; see oppd help serve");
    assert_int_equal(opp_args_parse(&facts, 3, words, &result, &two), OPP_E_VALIDATION);
    assert_string_equal(two.message, "\"more\" is not expected here; see oppd help serve");
}

static void a_command_takes_any_number_of_words(void **state)
{
    struct opp_command verify = COMMAND;
    char *words[] = { (char *)(uintptr_t) "one", (char *)(uintptr_t) "--demo", (char *)(uintptr_t) "two" };
    const char *first = NULL, *second = NULL;
    json_t *result = NULL;

    (void)state;
    verify.operand = "FILE";
    verify.operands = true;
    assert_int_equal(opp_args_parse(&verify, 0, words, &result, NULL), OPP_OK);
    assert_null(json_object_get(result, "operands"));
    json_decref(result);
    assert_int_equal(opp_args_parse(&verify, 3, words, &result, NULL), OPP_OK);
    assert_int_equal(json_unpack(json_object_get(result, "operands"), "[s, s!]", &first, &second), 0);
    assert_string_equal(first, "one");
    assert_string_equal(second, "two");
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_takes_the_one_word_that_it_needs),
        cmocka_unit_test(a_command_takes_any_number_of_words),
        cmocka_unit_test(values_follow_a_flag_or_its_equals_sign),
        cmocka_unit_test(the_last_of_a_repeated_flag_counts),
        cmocka_unit_test(a_list_takes_several_values_and_several_flags),
        cmocka_unit_test(a_member_may_lie_in_a_group),
        cmocka_unit_test(an_unknown_flag_is_refused_with_the_name_that_was_meant),
        cmocka_unit_test(a_missing_value_is_refused),
        cmocka_unit_test(a_wrong_value_is_refused),
        cmocka_unit_test(a_word_that_belongs_to_no_flag_is_refused),
        cmocka_unit_test(a_pointer_of_the_result_has_its_flag),
        cmocka_unit_test(help_names_every_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
