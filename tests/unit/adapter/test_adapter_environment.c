/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"
#include "base/json.h"
#include "script/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ(body)                                                                                          \
    "{ name = 'a.b', kind = 'read', scopes = { 's' }, description = 'D.', http = { method = 'GET', path = " \
    "'/b' }, read = function(call) " body " end }"

/* Everything that an adapter can reach by name. A change here is a change of what is safe: think twice. */
static const char golden[] =
    "array function\nassert function\nbase64 table\nbase64.decode function\nbase64.encode function\n"
    "date table\ndate.day function\ndate.format function\ndate.parse function\nerror function\nfrom userdata\n"
    "http table\nhttp.effect function\nipairs function\njson table\njson.decode function\njson.encode function\nlog "
    "function\nmath table\n"
    "math.abs function\nmath.acos function\nmath.asin function\nmath.atan function\nmath.ceil function\n"
    "math.cos function\nmath.deg function\nmath.exp function\nmath.floor function\nmath.fmod function\n"
    "math.huge number\nmath.log function\nmath.max function\nmath.maxinteger number\nmath.min function\n"
    "math.mininteger number\nmath.modf function\nmath.pi number\nmath.rad function\nmath.sin function\n"
    "math.sqrt function\nmath.tan function\nmath.tointeger function\nmath.type function\n"
    "math.ult function\nnext function\nnull null\npairs function\npcall function\nrefuse table\n"
    "refuse.conflict function\nrefuse.gone function\nrefuse.invalid function\n"
    "refuse.unavailable function\nrequire function\nselect function\nsql table\nsql.effect function\n"
    "string table\nstring.byte function\nstring.char function\nstring.find function\n"
    "string.format function\nstring.gmatch function\nstring.gsub function\nstring.len function\n"
    "string.lower function\nstring.match function\nstring.rep function\nstring.reverse function\n"
    "string.sub function\nstring.upper function\ntable table\ntable.concat function\n"
    "table.insert function\ntable.move function\ntable.pack function\ntable.remove function\n"
    "table.sort function\ntable.unpack function\ntonumber function\ntostring function\ntype function\n"
    "url table\nurl.encode function\nvalue function";

/* What a read tool with this body answers: {text}. */
static char *answer_of(const char *tools)
{
    struct fixture f;
    struct opp_read_options options = { 0 };
    struct opp_tool_call call;
    char *json, *text;
    json_t *value = NULL;

    fixture_begin(&f);
    fixture_open_with(&f, tools);
    call = fixture_call(&f, "a.b", "{\"id\":\"t1\"}");
    json = fixture_read(&call, &options);
    if (json == NULL)
        fail_msg("%d %s", (int)call.rc, call.refusal.message);
    value = json_loads(json, 0, NULL);
    text = strdup(opp_json_text(value, "text"));
    json_decref(value);
    free(json);
    fixture_call_free(&call);
    fixture_end(&f);
    return text;
}

static void what_an_adapter_can_reach_is_the_golden_list(void **state)
{
    char *reached = answer_of(READ(REACH_LIST "return { text = reach() }"));

    (void)state;
    assert_string_equal(reached, golden);
    free(reached);
}

static void no_text_that_an_adapter_can_make_holds_an_address(void **state)
{
    char *said = answer_of(READ(REACH_SPEAK "local db = call.sql('things')\n"
                                            "local values = table.pack(call, call.payload, db, db:rows('SELECT 1 AS "
                                            "one'), {}, null, type, value{ result = 1 }, from.row, 'x')\n"
                                            "local found, texts = speak(values) assert(texts > 5000)\n"
                                            "return { text = found or 'no address' }"));

    (void)state;
    assert_string_equal(said, "no address");
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_adapter_can_reach_is_the_golden_list),
        cmocka_unit_test(no_text_that_an_adapter_can_make_holds_an_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
