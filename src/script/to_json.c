/* SPDX-License-Identifier: MIT */
#include "script/json_lua.h"

#include "base/jcs.h"
#include "script/json_walk.h"
#include "script/values.h"
#include "script/view_root.h"

#include <lauxlib.h>
#include <lua.h>

static enum opp_code convert(struct opp_json_walk *walk, int index, json_t **out);

static enum opp_code no_memory(struct opp_json_walk *walk)
{
    return opp_fail(walk->err, OPP_E_MEMORY, "no memory for a script's answer");
}

/* Gives made, or says that it could not be made. */
static enum opp_code give(struct opp_json_walk *walk, json_t *made, json_t **out)
{
    if (made == NULL)
        return no_memory(walk);
    *out = made;
    return OPP_OK;
}

static enum opp_code convert_scalar(struct opp_json_walk *walk, int index, json_t **out)
{
    lua_State *L = walk->L;
    enum opp_code rc;
    const char *text;
    size_t length;

    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        rc = opp_walk_count(walk, 0);
        return rc != OPP_OK ? rc : give(walk, json_boolean(lua_toboolean(L, index)), out);
    case LUA_TNUMBER:
        rc = opp_walk_number(walk, index);
        if (rc != OPP_OK)
            return rc;
        return give(walk,
                    lua_isinteger(L, index) ? json_integer(lua_tointeger(L, index)) : json_real(lua_tonumber(L, index)),
                    out);
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &length);
        rc = opp_walk_text(walk, text, length);
        return rc != OPP_OK ? rc : give(walk, json_stringn_nocheck(text, length), out);
    default:
        if (opp_view_is_null(L, index))
            return give(walk, json_null(), out);
        return opp_walk_fail(walk, lua_isnil(L, index) ? "nil is no JSON value" : "a function is no JSON value");
    }
}

static enum opp_code convert_elements(struct opp_json_walk *walk, int storage, size_t count, json_t *array)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; i < count && rc == OPP_OK; i++) {
        size_t mark = opp_walk_down(walk, NULL, i);
        json_t *element = NULL;

        lua_rawgeti(walk->L, storage, (lua_Integer)i + 1);
        rc = convert(walk, lua_gettop(walk->L), &element);
        lua_pop(walk->L, 1);
        if (rc == OPP_OK && json_array_append_new(array, element) != 0)
            rc = no_memory(walk);
        opp_walk_up(walk, mark);
    }
    return rc;
}

/* The pair on top of the stack becomes a member. */
static enum opp_code convert_member(struct opp_json_walk *walk, json_t *object)
{
    size_t length, mark;
    const char *key = lua_tolstring(walk->L, -2, &length);
    json_t *value = NULL;
    enum opp_code rc = opp_walk_text(walk, key, length);

    if (rc != OPP_OK)
        return rc;
    mark = opp_walk_down(walk, key, 0);
    rc = convert(walk, lua_gettop(walk->L), &value);
    opp_walk_up(walk, mark);
    if (rc == OPP_OK && walk->how->set(object, key, length, value) != 0)
        rc = no_memory(walk);
    return rc;
}

static enum opp_code convert_members(struct opp_json_walk *walk, int storage, json_t *object)
{
    lua_pushnil(walk->L);
    while (lua_next(walk->L, storage)) {
        enum opp_code rc = convert_member(walk, object);

        if (rc != OPP_OK)
            return rc;
        lua_pop(walk->L, 1);
    }
    return OPP_OK;
}

/* Leaves the stack to its caller to restore. */
static enum opp_code convert_table(struct opp_json_walk *walk, int index, json_t **out)
{
    struct opp_json_shape shape = { 0 };
    json_t *made = NULL;
    enum opp_code rc;
    int storage;

    opp_value_push_storage(walk->L, index);
    storage = lua_gettop(walk->L);
    rc = opp_walk_shape(walk, index, storage, &shape);
    if (rc == OPP_OK)
        rc = opp_walk_count(walk, 0);
    if (rc == OPP_OK)
        rc = give(walk, shape.array ? json_array() : json_object(), &made);
    if (rc == OPP_OK)
        rc = shape.array ? convert_elements(walk, storage, shape.count, made) : convert_members(walk, storage, made);
    if (rc == OPP_OK)
        *out = made;
    else
        json_decref(made);
    return rc;
}

static json_t *cell_json(const struct opp_rows *rows, const struct opp_cell *cell)
{
    switch (cell->type) {
    case OPP_CELL_INTEGER:
        return json_integer(cell->as.integer);
    case OPP_CELL_REAL:
        return json_real(cell->as.real);
    case OPP_CELL_TEXT:
        return json_stringn(opp_rows_text(rows, cell), cell->as.text.length);
    default:
        return json_null();
    }
}

static enum opp_code convert_row(struct opp_json_walk *walk, const struct opp_rows *rows, size_t row, json_t **out)
{
    json_t *object = json_object();
    enum opp_code rc = object != NULL ? OPP_OK : no_memory(walk);

    for (size_t i = 0; i < opp_rows_columns(rows) && rc == OPP_OK; i++) {
        const struct opp_cell *cell = opp_rows_cell(rows, row, i);

        if (opp_rows_find(rows, opp_rows_column(rows, i)) != (int)i)
            continue; /* of columns with one name the first is the row's */
        if (cell->type == OPP_CELL_INTEGER && !opp_jcs_is_exact(cell->as.integer))
            rc = opp_walk_inexact(walk, opp_rows_column(rows, i));
        else
            rc = opp_walk_count(walk, cell->type == OPP_CELL_TEXT ? cell->as.text.length : 0);
        if (rc == OPP_OK && json_object_set_new(object, opp_rows_column(rows, i), cell_json(rows, cell)) != 0)
            rc = opp_walk_fail(walk, "a row holds what JSON cannot say");
    }
    if (rc == OPP_OK)
        *out = object;
    else
        json_decref(object);
    return rc;
}

static enum opp_code convert_rows(struct opp_json_walk *walk, const struct opp_rows *rows, json_t **out)
{
    json_t *array = json_array();
    enum opp_code rc = array != NULL ? OPP_OK : no_memory(walk);

    for (size_t i = 0; i < opp_rows_count(rows) && rc == OPP_OK; i++) {
        json_t *row = NULL;

        rc = convert_row(walk, rows, i, &row);
        if (rc == OPP_OK && json_array_append_new(array, row) != 0)
            rc = no_memory(walk);
    }
    if (rc == OPP_OK)
        *out = array;
    else
        json_decref(array);
    return rc;
}

static enum opp_code convert_view(struct opp_json_walk *walk, const struct opp_view *view, json_t **out)
{
    enum opp_code rc;

    if (view->kind == OPP_VIEW_ROWS)
        return convert_rows(walk, view->rows, out);
    if (view->kind == OPP_VIEW_ROW)
        return convert_row(walk, view->rows, view->row, out);
    opp_view_note_all(opp_script_of(walk->L), view);
    rc = opp_walk_count_json(walk, view->json);
    if (rc == OPP_OK)
        *out = json_incref(view->json);
    return rc;
}

static enum opp_code convert_other(struct opp_json_walk *walk, int index, json_t **out)
{
    const struct opp_view *view = opp_view_of(walk->L, index);
    enum opp_code rc;

    if (view == NULL)
        return convert_scalar(walk, index, out);
    rc = opp_walk_enter(walk);
    if (rc != OPP_OK)
        return rc;
    rc = convert_view(walk, view, out);
    opp_walk_leave(walk);
    return rc;
}

static enum opp_code convert(struct opp_json_walk *walk, int index, json_t **out)
{
    int top = lua_gettop(walk->L);
    enum opp_code rc;

    if (lua_type(walk->L, index) != LUA_TTABLE)
        return walk->how->other(walk, index, out);
    rc = opp_walk_enter(walk);
    if (rc != OPP_OK)
        return rc;
    rc = convert_table(walk, index, out);
    lua_settop(walk->L, top);
    opp_walk_leave(walk);
    return rc;
}

enum opp_code opp_walk_to_json(lua_State *L, int index, const struct opp_json_conversion *how, json_t **out,
                               struct opp_err *err)
{
    struct opp_json_walk walk;

    opp_walk_start(&walk, L, err);
    walk.how = how;
    return convert(&walk, lua_absindex(L, index), out);
}

enum opp_code opp_script_to_json(lua_State *L, int index, json_t **out, struct opp_err *err)
{
    static const struct opp_json_conversion plain = { .other = convert_other, .set = json_object_setn_new_nocheck };

    return opp_walk_to_json(L, index, &plain, out, err);
}

static void lj_push_array(lua_State *L, const json_t *array)
{
    json_t *element;
    size_t i;

    lua_createtable(L, (int)json_array_size(array), 0);
    json_array_foreach(array, i, element)
    {
        lj_json_push(L, element);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    opp_view_push_array_metatable(L);
    lua_setmetatable(L, -2);
}

void lj_json_push(lua_State *L, const json_t *value)
{
    const char *key;
    json_t *child;

    luaL_checkstack(L, 6, NULL);
    if (json_is_array(value)) {
        lj_push_array(L, value);
        return;
    }
    if (!json_is_object(value)) {
        lj_view_json(L, (json_t *)(uintptr_t)value, NULL);
        return;
    }
    lua_createtable(L, 0, (int)json_object_size(value));
    json_object_foreach((json_t *)(uintptr_t)value, key, child)
    {
        lj_json_push(L, child);
        lua_setfield(L, -2, key);
    }
}
