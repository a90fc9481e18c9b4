/* SPDX-License-Identifier: MIT */
#include "script/kit.h"
#include "script/view.h"

#include <lua.h>

#include <stdio.h>
#include <string.h>

static const char request[] = "{\"name\":\"n\",\"count\":3,\"half\":0.5,\"one\":1.0,\"yes\":true,\"none\":null,"
                              "\"list\":[10,\"x\",null,{\"deep\":[1]}],\"empty\":[]}";

static void members_are_scalars_or_views(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(
        kit_eval_with(script, request,
                      "local r = ... return table.concat({ r.name, r.count, r.half, math.type(r.count),\n"
                      "math.type(r.one), tostring(r.yes), tostring(r.none == null), type(r.none),\n"
                      "tostring(r.absent), type(r), type(r.list), tostring(r) }, ' ')"),
        "n 3 0.5 integer float true true null nil table table table");
    assert_string_equal(kit_eval_with(script, request, "local r = ... return r.list[4].deep[1] .. tostring(r.list[5])"),
                        "1nil");
    opp_script_free(script);
}

static void arrays_count_and_iterate(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval_with(script, "[\"a\",\"b\",3]",
                                      "local r, s = ..., '' for i, v in ipairs(r) do s = s .. i .. v end\n"
                                      "for i, v in pairs(r) do s = s .. v end\n"
                                      "return s .. #r .. table.concat(r, '-') .. select('#', table.unpack(r)) .. "
                                      "tostring(r[0]) .. tostring(r[4]) .. tostring(r['1'])"),
                        "1a2b33ab33a-b-33nilnilnil");
    assert_string_equal(kit_eval_with(script, request, "local r = ... return #r.empty .. tostring(next(r.empty))"),
                        "0nil");
    assert_string_equal(kit_eval_with(script, request,
                                      "local t = {} for k, v in next, (...) do t[#t + 1] = k .. type(v) end\n"
                                      "table.sort(t) return table.concat(t, ' ')"),
                        "countnumber emptytable halfnumber listtable namestring nonenull onenumber yesboolean");
    opp_script_free(script);
}

static void views_cannot_be_changed(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval_with(script, request, "local r = ... r.name = 1"),
                        "test.lua:1: what the host gives is read-only");
    assert_string_equal(
        kit_eval_with(script, request, "local r = ... return select(2, pcall(table.insert, r.list, 1))"),
        "bad argument #1 to '?' (this table is read-only)");
    assert_string_equal(kit_eval_with(script, request, "local r = ... return tostring(pcall(table.sort, r.list))"),
                        "false");
    opp_script_free(script);
}

static void views_of_one_value_are_equal(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval_with(script, request,
                                      "local r = ... return tostring(r.list == r.list) .. tostring(r.list == r.empty)"),
                        "truefalse");
    opp_script_free(script);
}

struct given {
    json_t *json;
    struct opp_rows *rows;
    struct opp_view_options options;
    char read[128];
};

static void note(void *arg, const char *key)
{
    struct given *given = arg;

    strncat(given->read, key, sizeof given->read - strlen(given->read) - 1);
    strncat(given->read, " ", sizeof given->read - strlen(given->read) - 1);
}

static int l_push_json(lua_State *L)
{
    struct given *given = lua_touserdata(L, 1);

    lj_view_json(L, given->json, &given->options);
    return 1;
}

static const char *eval_given(struct opp_script *script, opp_script_fn push, struct given *given, const char *text)
{
    static char shown[512];
    struct opp_err err = { 0 };
    enum opp_code rc;

    assert_int_equal(opp_script_load(script, text, strlen(text), "test.lua", NULL), OPP_OK);
    assert_int_equal(opp_script_protect(script, push, given, NULL), OPP_OK);
    rc = opp_script_call(script, 1, 1, &err);
    snprintf(shown, sizeof shown, "%s",
             rc != OPP_OK                               ? err.message
             : lua_isstring(opp_script_lua(script), -1) ? lua_tostring(opp_script_lua(script), -1)
                                                        : "?");
    lua_settop(opp_script_lua(script), 0);
    return shown;
}

static void a_strict_view_names_the_field_that_is_absent(void **state)
{
    struct opp_script *script = kit_script();
    struct given given = { .json = json_loads(request, 0, NULL), .options = { .strict = true } };

    (void)state;
    assert_string_equal(
        eval_given(script, l_push_json, &given, "local r = ... return r.count .. tostring(r.list[4].no)"), "3nil");
    assert_string_equal(eval_given(script, l_push_json, &given, "local r = ... return r.cuont"),
                        "there is no field 'cuont' here");
    json_decref(given.json);
    opp_script_free(script);
}

static void reads_of_the_root_are_tracked_until_the_next_call(void **state)
{
    struct opp_script *script = kit_script();
    struct given given = { .json = json_loads("{\"a\":{\"b\":1},\"c\":2}", 0, NULL) };

    (void)state;
    given.options = (struct opp_view_options){ .on_read = note, .arg = &given };
    eval_given(script, l_push_json, &given, "local r = ... return r.a.b and r.zz");
    assert_string_equal(given.read, "a zz ");
    given.read[0] = '\0';
    eval_given(script, l_push_json, &given, "for k in pairs((...)) do end");
    assert_string_equal(given.read, "a c ");
    given.read[0] = '\0';
    assert_int_equal(opp_script_load(script, "local r = ... return r.a", 24, "t", NULL), OPP_OK);
    assert_int_equal(opp_script_protect(script, l_push_json, &given, NULL), OPP_OK);
    opp_script_begin(script);
    assert_int_equal(opp_script_call(script, 1, 1, NULL), OPP_OK);
    assert_string_equal(given.read, "");
    json_decref(given.json);
    opp_script_free(script);
}

static struct opp_rows *some_rows(void)
{
    static const char *const columns[] = { "id", "name", "note", "id" };
    struct opp_rows *rows = NULL;

    assert_int_equal(opp_rows_new(columns, 4, &rows, NULL), OPP_OK);
    for (int i = 1; i <= 3; i++) {
        opp_rows_add_integer(rows, i);
        opp_rows_add_text(rows, "n\0m", 3);
        if (i == 2)
            opp_rows_add_null(rows);
        else
            opp_rows_add_real(rows, i + 0.5);
        opp_rows_add_integer(rows, 99);
    }
    assert_int_equal(opp_rows_check(rows, NULL), OPP_OK);
    return rows;
}

static int l_push_rows(lua_State *L)
{
    lj_view_rows(L, ((struct given *)lua_touserdata(L, 1))->rows);
    return 1;
}

static int l_push_second(lua_State *L)
{
    lj_view_row(L, ((struct given *)lua_touserdata(L, 1))->rows, 1);
    return 1;
}

static void rows_are_an_array_of_rows(void **state)
{
    struct opp_script *script = kit_script();
    struct given given = { .rows = some_rows() };

    (void)state;
    assert_string_equal(eval_given(script, l_push_rows, &given,
                                   "local r, s = ..., '' for i, row in ipairs(r) do s = s .. row.id .. #row.name end\n"
                                   "return s .. #r .. r[1].note .. tostring(r[2].note == null) .. tostring(r[4]) .. "
                                   "tostring(r[1].none) .. tostring(r[1] == r[1])"),
                        "13233331.5truenilniltrue");
    assert_string_equal(
        eval_given(script, l_push_second, &given,
                   "local t = {} for k, v in pairs((...)) do t[#t + 1] = k .. tostring(v):sub(1, 1) end\n"
                   "return table.concat(t, ' ')"),
        "id2 namen noten");
    assert_string_equal(eval_given(script, l_push_rows, &given,
                                   "local r = ... local step = ipairs(r)\n"
                                   "return tostring(next(r, math.maxinteger)) .. tostring(step(r, math.maxinteger))"),
                        "nilnil");
    opp_rows_free(given.rows);
    opp_script_free(script);
}

static void a_view_keeps_what_it_views(void **state)
{
    struct opp_script *script = kit_script();
    struct given given = { .json = json_pack("{s:{s:i}}", "a", "b", 7), .rows = some_rows() };
    lua_State *L = opp_script_lua(script);

    (void)state;
    assert_int_equal(opp_script_protect(script, l_push_json, &given, NULL), OPP_OK);
    assert_int_equal(opp_script_protect(script, l_push_rows, &given, NULL), OPP_OK);
    assert_int_equal(given.json->refcount, 2);
    opp_rows_free(given.rows);
    assert_int_equal(opp_script_load(script, "local a, b = ... return a.a, b[1]", 33, "t", NULL), OPP_OK);
    lua_insert(L, 1);
    assert_int_equal(opp_script_call(script, 2, 2, NULL), OPP_OK);
    lua_gc(L, LUA_GCCOLLECT);
    assert_int_equal(given.json->refcount, 2);
    assert_int_equal(opp_script_load(script, "local a, b = ... return a.b + b.id", 34, "t", NULL), OPP_OK);
    lua_insert(L, 1);
    assert_int_equal(opp_script_call(script, 2, 1, NULL), OPP_OK);
    assert_int_equal(lua_tointeger(L, -1), 8);
    lua_settop(L, 0);
    lua_gc(L, LUA_GCCOLLECT);
    assert_int_equal(given.json->refcount, 1);
    json_decref(given.json);
    opp_script_free(script);
}

static void rows_count_as_live_bytes_until_they_are_garbage(void **state)
{
    static const char *const column[] = { "t" };
    struct opp_script *script = kit_script();
    struct given given = { 0 };
    static char text[1 << 20];
    struct opp_err err = { 0 };

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(opp_rows_new(column, 1, &given.rows, NULL), OPP_OK);
    for (int i = 0; i < 3; i++)
        opp_rows_add_text(given.rows, text, sizeof text);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(opp_script_protect(script, l_push_rows, &given, NULL), OPP_OK);
        lua_settop(opp_script_lua(script), 0);
    }
    for (int i = 0; i < 10 && opp_script_protect(script, l_push_rows, &given, &err) == OPP_OK; i++)
        ;
    assert_int_equal(err.code, OPP_E_LIMIT);
    opp_rows_free(given.rows);
    opp_script_free(script);
}

static int l_push_shaped(lua_State *L)
{
    static const struct opp_script_function methods[] = { { "type", l_push_shaped }, { NULL, NULL } };
    const struct given *given = lua_touserdata(L, 1);
    struct opp_view_options options = given->options;

    options.methods = methods;
    lj_view_json(L, given->json, &options);
    return 1;
}

static const char *eval_shaped(const char *json, const char *shape, const char *text)
{
    struct opp_script *script = kit_script();
    struct given given = { .json = json_loads(json, 0, NULL) };
    json_t *shape_json = json_loads(shape, 0, NULL);
    static char shown[300];
    struct opp_err err = { 0 };
    enum opp_code rc;

    given.options.shape = shape_json;
    opp_script_begin(script);
    assert_int_equal(opp_script_load(script, text, strlen(text), "test.lua", NULL), OPP_OK);
    assert_int_equal(opp_script_protect(script, l_push_shaped, &given, NULL), OPP_OK);
    rc = opp_script_call(script, 1, 1, &err);
    snprintf(shown, sizeof shown, "%s", rc == OPP_OK ? lua_tostring(opp_script_lua(script), -1) : err.message);
    opp_script_free(script);
    json_decref(given.json);
    json_decref(shape_json);
    return shown;
}

static void a_shape_makes_unknown_members_errors_at_any_depth(void **state)
{
    static const char json[] = "{\"a\":{\"b\":{\"c\":1}},\"list\":[{\"x\":1}],\"free\":{\"y\":1},\"more\":{}}";
    static const char shape[] = "{\"properties\":{\"a\":{\"properties\":{\"b\":{\"properties\":{\"c\":{},\"d\":{}}}}},"
                                "\"list\":{\"items\":{\"properties\":{\"x\":{}}}},\"free\":{\"type\":\"object\"},"
                                "\"more\":{\"properties\":{},\"additionalProperties\":true}}}";

    (void)state;
    assert_string_equal(eval_shaped(json, shape, "local r = ... return tostring(r.a.b.d) .. r.a.b.c"), "nil1");
    assert_string_equal(eval_shaped(json, shape, "local r = ... return r.a.b.e"), "there is no field 'e' here");
    assert_string_equal(eval_shaped(json, shape, "local r = ... return r.z"), "there is no field 'z' here");
    assert_string_equal(eval_shaped(json, shape, "local r = ... return r.list[1].z"), "there is no field 'z' here");
    assert_string_equal(eval_shaped(json, shape, "local r = ... return tostring(r.list[2]) .. tostring(r.free.z)"),
                        "nilnil");
    assert_string_equal(eval_shaped(json, shape, "local r = ... return tostring(r.more.z)"), "nil");
    assert_string_equal(eval_shaped(json, shape, "local r = ... return type(r.type)"), "function");
    assert_string_equal(
        eval_shaped(json, shape, "local r = ... for k, v in pairs(r.a) do r = v end return tostring(r.z)"),
        "there is no field 'z' here");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_scalars_or_views),
        cmocka_unit_test(arrays_count_and_iterate),
        cmocka_unit_test(views_cannot_be_changed),
        cmocka_unit_test(views_of_one_value_are_equal),
        cmocka_unit_test(a_strict_view_names_the_field_that_is_absent),
        cmocka_unit_test(reads_of_the_root_are_tracked_until_the_next_call),
        cmocka_unit_test(rows_are_an_array_of_rows),
        cmocka_unit_test(a_view_keeps_what_it_views),
        cmocka_unit_test(rows_count_as_live_bytes_until_they_are_garbage),
        cmocka_unit_test(a_shape_makes_unknown_members_errors_at_any_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
