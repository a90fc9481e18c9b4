/* SPDX-License-Identifier: MIT */
#include "script/freeze.h"
#include "script/json_lua.h"
#include "script/kit.h"
#include "script/view.h"

#include <lua.h>

#include <stdlib.h>
#include <string.h>

static char *canonical(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

/* The chunk's result must convert and print to the same text. */
static void check(const char *chunk, const char *expected)
{
    struct opp_script *script = kit_script();
    lua_State *L = opp_script_lua(script);
    struct opp_buf out = { 0 };
    struct opp_err err = { 0 };
    json_t *value = NULL;
    char *text;

    if (kit_run(script, chunk, &err) != OPP_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(opp_script_to_json(L, -1, &value, NULL), OPP_OK);
    text = canonical(value);
    assert_string_equal(text, expected);
    free(text);
    json_decref(value);
    assert_int_equal(opp_script_print(L, -1, &out, NULL, NULL), OPP_OK);
    text = opp_buf_take(&out);
    assert_string_equal(text, expected);
    free(text);
    assert_int_equal(lua_gettop(L), 1);
    opp_script_free(script);
}

static void check_refused(const char *chunk, const char *where, const char *message)
{
    struct opp_script *script = kit_script();
    lua_State *L = opp_script_lua(script);
    struct opp_err converting = { 0 }, printing = { 0 };
    struct opp_buf out = { 0 };
    json_t *value = NULL;

    assert_int_equal(kit_run(script, chunk, NULL), OPP_OK);
    assert_int_equal(opp_script_to_json(L, -1, &value, &converting), OPP_E_SCRIPT);
    assert_null(value);
    assert_string_equal(converting.where, where);
    assert_non_null(strstr(converting.message, message));
    assert_int_equal(opp_script_print(L, -1, &out, NULL, &printing), OPP_E_SCRIPT);
    assert_string_equal(printing.where, where);
    assert_string_equal(printing.message, converting.message);
    opp_buf_free(&out);
    assert_int_equal(lua_gettop(L), 1);
    opp_script_free(script);
}

static void values_become_json(void **state)
{
    (void)state;
    check("return { b = 1, a = { true, null, 'x', 1.5 }, [ 'c' ] = {} , d = array{} }",
          "{\"a\":[true,null,\"x\",1.5],\"b\":1,\"c\":{},\"d\":[]}");
    check("return array{ 'one' }", "[\"one\"]");
    check("return { { { } } }", "[[{}]]");
    check("return 'text'", "\"text\"");
    check("return null", "null");
    check("return false", "false");
    check("return -9007199254740992", "-9007199254740992");
    check("return { z = 1, y = 2, x = 3, [''] = 0 }", "{\"\":0,\"x\":3,\"y\":2,\"z\":1}");
}

static void what_json_cannot_say_is_refused_with_its_path(void **state)
{
    (void)state;
    check_refused("return { a = { 1, b = 2 } }", "/a", "mixes");
    check_refused("return { a = { 1, nil, 3 } }", "/a", "holes");
    check_refused("return { x = { 1, { 0 / 0 } } }", "/x/1/0", "not a number");
    check_refused("return { x = math.huge }", "/x", "infinite");
    check_refused("return { [ 'a/b~' ] = 9007199254740993 }", "/a~1b~0", "2^53");
    check_refused("return { [ 1.5 ] = 1 }", "", "key");
    check_refused("return { [ true ] = 1 }", "", "key");
    check_refused("return { [ 0 ] = 1 }", "", "key");
    check_refused("return { f = pcall }", "/f", "function");
    check_refused("return nil", "", "nil");
    check_refused("return array{ n = 1 }", "", "mixes");
    check_refused("return { s = '\\xff' }", "/s", "UTF-8");
    check_refused("return { s = 'a\\0b' }", "/s", "UTF-8");
    check_refused("return { ['a\\0b'] = 1 }", "", "UTF-8");
}

/* The path is cut to its buffer; a shared table printed over and over is stopped by the count of values. */
static void depth_and_size_are_bounded(void **state)
{
    static const char *const chunks[] = {
        "local t = {} t.t = t return t", "local t = { 1 } for i = 1, 40 do t = { t, t } end return t",
        "local s, t = ('x'):rep(200000), {} for i = 1, 200 do t[i] = s end return t"
    };
    static const char *const messages[] = { "too deep", "too large", "too large" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct opp_script *script = kit_script();
        struct opp_err converting = { 0 }, printing = { 0 };
        struct opp_buf out = { 0 };
        json_t *value = NULL;

        assert_int_equal(kit_run(script, chunks[i], NULL), OPP_OK);
        assert_int_equal(opp_script_to_json(opp_script_lua(script), -1, &value, &converting), OPP_E_SCRIPT);
        assert_non_null(strstr(converting.message, messages[i]));
        assert_int_equal(opp_script_print(opp_script_lua(script), -1, &out, NULL, &printing), OPP_E_SCRIPT);
        assert_string_equal(converting.message, printing.message);
        opp_buf_free(&out);
        opp_script_free(script);
    }
}

struct given {
    json_t *json;
    struct opp_rows *rows;
    size_t first, count;
    enum opp_code answer;
};

static int l_push_both(lua_State *L)
{
    struct given *given = lua_touserdata(L, 1);

    lj_view_json(L, given->json, NULL);
    lj_view_rows(L, given->rows);
    lj_json_push(L, given->json);
    return 3;
}

static void start(struct given *given)
{
    static const char *const columns[] = { "name", "id" };

    given->json = json_loads("{\"z\":[1,{\"secret\":\"s\",\"b\":null}],\"a\":[],\"e\":{}}", 0, NULL);
    assert_int_equal(opp_rows_new(columns, 2, &given->rows, NULL), OPP_OK);
    for (int i = 1; i <= 2; i++) {
        opp_rows_add_text(given->rows, i == 1 ? "x" : "\"", 1);
        opp_rows_add_integer(given->rows, i);
    }
}

static void finish(struct given *given, struct opp_script *script)
{
    opp_script_free(script);
    assert_int_equal(given->json->refcount, 1);
    json_decref(given->json);
    opp_rows_free(given->rows);
}

static void load_with_both(struct opp_script *script, struct given *given, const char *text)
{
    assert_int_equal(opp_script_load(script, text, strlen(text), "t.lua", NULL), OPP_OK);
    assert_int_equal(opp_script_protect(script, l_push_both, given, NULL), OPP_OK);
    assert_int_equal(opp_script_call(script, 3, 1, NULL), OPP_OK);
}

static void views_convert_back(void **state)
{
    struct opp_script *script = kit_script();
    struct given given = { 0 };
    json_t *value = NULL;
    char *text;

    (void)state;
    start(&given);
    load_with_both(script, &given, "local j, r, t = ... return { j = j, r = r, one = r[2], t = t }");
    assert_int_equal(opp_script_to_json(opp_script_lua(script), -1, &value, NULL), OPP_OK);
    assert_ptr_equal(json_object_get(value, "j"), given.json);
    text = canonical(value);
    assert_string_equal(text, "{\"j\":{\"a\":[],\"e\":{},\"z\":[1,{\"b\":null,\"secret\":\"s\"}]},"
                              "\"one\":{\"id\":2,\"name\":\"\\\"\"},"
                              "\"r\":[{\"id\":1,\"name\":\"x\"},{\"id\":2,\"name\":\"\\\"\"}],"
                              "\"t\":{\"a\":[],\"e\":{},\"z\":[1,{\"b\":null,\"secret\":\"s\"}]}}");
    free(text);
    json_decref(value);
    finish(&given, script);
}

static enum opp_code on_rows(void *arg, const struct opp_rows *rows, size_t first, size_t count,
                             struct opp_rows_view *view, struct opp_err *err)
{
    static const char *const hidden[] = { "id", NULL };
    struct given *given = arg;

    assert_ptr_equal(rows, given->rows);
    given->first = first;
    given->count = count;
    view->hidden = hidden;
    return given->answer == OPP_OK ? OPP_OK : opp_fail(err, given->answer, "a row of another tenant");
}

static void printing_redacts_names_at_any_depth_and_asks_about_rows(void **state)
{
    static const char *const redacted[] = { "secret", "\"[redacted]\"", "name", "null", NULL };
    struct opp_script *script = kit_script();
    struct given given = { 0 };
    struct opp_script_print options = { .redacted = redacted, .on_rows = on_rows, .arg = &given };
    struct opp_buf out = { 0 };
    struct opp_err err = { 0 };
    char *text;

    (void)state;
    start(&given);
    load_with_both(script, &given, "local j, r, t = ... return { j = j, r = r, t = t, secret = { 1 } }");
    assert_int_equal(opp_script_print(opp_script_lua(script), -1, &out, &options, NULL), OPP_OK);
    assert_int_equal(given.first, 0);
    assert_int_equal(given.count, 2);
    text = opp_buf_take(&out);
    assert_string_equal(text, "{\"j\":{\"a\":[],\"e\":{},\"z\":[1,{\"b\":null,\"secret\":\"[redacted]\"}]},"
                              "\"r\":[{\"name\":null},{\"name\":null}],\"secret\":\"[redacted]\","
                              "\"t\":{\"a\":[],\"e\":{},\"z\":[1,{\"b\":null,\"secret\":\"[redacted]\"}]}}");
    free(text);
    load_with_both(script, &given, "local j, r = ... return r[2]");
    given.answer = OPP_E_NOT_FOUND;
    assert_int_equal(opp_script_print(opp_script_lua(script), -1, &out, &options, &err), OPP_E_NOT_FOUND);
    assert_int_equal(given.first, 1);
    assert_int_equal(given.count, 1);
    opp_buf_free(&out);
    finish(&given, script);
}

static void frozen_tables_convert_as_before(void **state)
{
    struct opp_script *script = kit_script();
    struct opp_buf out = { 0 };
    int snapshot = 0;
    char *text;

    (void)state;
    assert_int_equal(kit_run(script, "return { e = array{}, l = { 1, 2 }, o = { k = 1 } }", NULL), OPP_OK);
    assert_int_equal(opp_script_freeze(script, -1, &snapshot, NULL), OPP_OK);
    assert_int_equal(opp_script_print(opp_script_lua(script), -1, &out, NULL, NULL), OPP_OK);
    text = opp_buf_take(&out);
    assert_string_equal(text, "{\"e\":[],\"l\":[1,2],\"o\":{\"k\":1}}");
    free(text);
    opp_script_free(script);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_json),
        cmocka_unit_test(what_json_cannot_say_is_refused_with_its_path),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(views_convert_back),
        cmocka_unit_test(printing_redacts_names_at_any_depth_and_asks_about_rows),
        cmocka_unit_test(frozen_tables_convert_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
