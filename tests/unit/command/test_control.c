/* SPDX-License-Identifier: MIT */
#include "command/control.h"

#include "base/json.h"
#include "base/reserve.h"
#include "script/starving.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[400];
static struct opp_control *control;

/* Answers with what was asked, or refuses, or leaves this thread without memory. */
static enum opp_code echo(void *arg, const json_t *request, const atomic_bool *stopping, json_t **answer,
                          struct opp_err *err)
{
    assert_ptr_equal(arg, &control);
    assert_false(atomic_load(stopping));
    if (opp_json_text(request, "refuse") != NULL)
        return opp_fail(err, OPP_E_VALIDATION, "not this");
    if (opp_json_text(request, "starve") != NULL)
        starving_set(1, true);
    *answer = json_deep_copy(request);
    return OPP_OK;
}

static void start(void)
{
    assert_int_equal(opp_control_start(dir, NULL, echo, &control, &control, NULL), OPP_OK);
    assert_non_null(control);
}

/* The directory's path is longer than that of a socket may be. */
static int set_up(void **state)
{
    char base[] = "/tmp/opp-control-XXXXXX", name[220];

    (void)state;
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    if (mkdtemp(base) == NULL)
        return -1;
    snprintf(dir, sizeof dir, "%s/%s", base, name);
    return mkdir(dir, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    opp_control_stop(control);
    control = NULL;
    if (rmdir(dir) != 0) /* the socket is gone */
        return -1;
    *strrchr(dir, '/') = '\0';
    return rmdir(dir);
}

static void a_command_gets_its_answer(void **state)
{
    json_t *request = json_pack("{s:s}", "command", "x"), *answer = NULL;

    (void)state;
    start();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(opp_control_ask(dir, request, &answer, NULL), OPP_OK);
        assert_true(json_equal(request, answer));
        json_decref(answer);
    }
    json_decref(request);
}

static void a_refusal_comes_with_its_message(void **state)
{
    json_t *request = json_pack("{s:s}", "refuse", "x"), *answer = NULL;
    struct opp_err err = { 0 };

    (void)state;
    start();
    assert_int_equal(opp_control_ask(dir, request, &answer, &err), OPP_E_UNAVAILABLE);
    assert_string_equal(err.message, "not this");
    assert_null(answer);
    json_decref(request);
}

static void where_no_gateway_listens_nobody_is_found(void **state)
{
    json_t *request = json_object(), *answer = NULL;

    (void)state;
    assert_int_equal(opp_control_ask(dir, request, &answer, NULL), OPP_E_ABSENT);
    assert_int_equal(opp_control_ask("/nowhere/at/all", request, &answer, NULL), OPP_E_ABSENT);
    json_decref(request);
}

static void what_a_killed_gateway_left_is_no_gateway_and_in_nobodys_way(void **state)
{
    json_t *request = json_object(), *answer = NULL;
    char path[500];

    (void)state;
    snprintf(path, sizeof path, "%s/control", dir);
    fclose(fopen(path, "w"));
    assert_int_equal(opp_control_ask(dir, request, &answer, NULL), OPP_E_ABSENT);
    start();
    assert_int_equal(opp_control_ask(dir, request, &answer, NULL), OPP_OK);
    json_decref(answer);
    json_decref(request);
}

static void a_line_that_is_too_long_is_not_answered(void **state)
{
    char *text = calloc(1, 20001);
    json_t *request, *answer = NULL;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 20000);
    request = json_pack("{s:s}", "command", text);
    start();
    assert_int_equal(opp_control_ask(dir, request, &answer, NULL), OPP_E_IO);
    json_decref(request);
    free(text);
}

static void an_answer_that_there_is_no_memory_for_is_none(void **state)
{
    json_t *request = json_pack("{s:s}", "starve", "x"), *answer = NULL;

    (void)state;
    start();
    for (int i = 0; i < 2; i++)
        assert_int_equal(opp_control_ask(dir, request, &answer, NULL), OPP_E_IO);
    json_decref(request);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_gets_its_answer),
        TEST(a_refusal_comes_with_its_message),
        TEST(where_no_gateway_listens_nobody_is_found),
        TEST(what_a_killed_gateway_left_is_no_gateway_and_in_nobodys_way),
        TEST(a_line_that_is_too_long_is_not_answered),
        TEST(an_answer_that_there_is_no_memory_for_is_none),
    };

    opp_reserve_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
