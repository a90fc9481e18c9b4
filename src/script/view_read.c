/* SPDX-License-Identifier: MIT */
#include "script/kernel.h"
#include "script/sandbox.h"
#include "script/view_root.h"

#include <lauxlib.h>
#include <lua.h>

#include <string.h>

/* Pushes a member or element of the view at index. May jump. */
static void lj_push_json(lua_State *L, int index, json_t *value, const json_t *shape, const struct opp_view_root *watch)
{
    struct opp_view view = { .kind = opp_view_kind_of(value), .json = value, .shape = shape, .watch = watch };

    if (lj_view_push_scalar(L, value))
        return;
    lua_getiuservalue(L, index, 1);
    lj_view_push(L, view);
}

/* Whether an object of this shape has the members that are listed and no others. */
static bool is_closed(const json_t *shape)
{
    const json_t *more = json_object_get(shape, "additionalProperties");

    return json_is_object(json_object_get(shape, "properties")) && (more == NULL || json_is_false(more));
}

/* Pushes the function of that name that the root has, or says that it has none. */
static bool push_method(lua_State *L, const struct opp_view_root *root, const char *key)
{
    const struct opp_script_function *method = root->options.methods;

    if (method == NULL || root->call != opp_script_of(L)->calls)
        return false;
    while (method->name != NULL && strcmp(method->name, key) != 0)
        method++;
    if (method->name == NULL)
        return false;
    lua_pushcfunction(L, method->call);
    return true;
}

/* Pushes what an object has under a key of no member, or raises. May jump. */
static void lj_push_absent(lua_State *L, const struct opp_view *view, const char *key)
{
    if (view->hooks != NULL && push_method(L, view->hooks, key))
        return;
    if ((view->hooks != NULL && view->hooks->options.strict) ||
        (is_closed(view->shape) && json_object_get(json_object_get(view->shape, "properties"), key) == NULL))
        luaL_error(L, "there is no field '%s' here", key);
    lua_pushnil(L);
}

void lj_view_cell(lua_State *L, const struct opp_rows *rows, const struct opp_cell *cell)
{
    switch (cell->type) {
    case OPP_CELL_INTEGER:
        lua_pushinteger(L, cell->as.integer);
        break;
    case OPP_CELL_REAL:
        lua_pushnumber(L, cell->as.real);
        break;
    case OPP_CELL_TEXT:
        lua_pushlstring(L, opp_rows_text(rows, cell), cell->as.text.length);
        break;
    default:
        opp_view_push_null(L);
    }
}

bool opp_view_is_array(const struct opp_view *view)
{
    return view != NULL && (view->kind == OPP_VIEW_ARRAY || view->kind == OPP_VIEW_ROWS);
}

size_t opp_view_length(const struct opp_view *view)
{
    if (view == NULL)
        return 0;
    if (view->kind == OPP_VIEW_ROWS)
        return opp_rows_count(view->rows);
    return view->kind == OPP_VIEW_ARRAY ? json_array_size(view->json) : 0;
}

void lj_view_geti(lua_State *L, int index, lua_Integer i)
{
    const struct opp_view *view = opp_view_of(L, index);

    if (i < 1 || (lua_Unsigned)i > opp_view_length(view)) {
        lua_pushnil(L);
    } else if (view->kind == OPP_VIEW_ARRAY) {
        lj_push_json(L, index, json_array_get(view->json, (size_t)i - 1), json_object_get(view->shape, "items"),
                     view->watch);
    } else {
        lua_getiuservalue(L, index, 1);
        lj_view_push(L, (struct opp_view){ .kind = OPP_VIEW_ROW, .rows = view->rows, .row = (size_t)i - 1 });
    }
}

static void note_read(struct opp_script *script, const struct opp_view_root *root, const char *key)
{
    if (root->options.on_read != NULL && root->call == script->calls)
        root->options.on_read(root->options.arg, key);
}

/* Below a root that watches: from which members on. */
static const struct opp_view_root *watch_below(const struct opp_view *view, const char *key)
{
    const struct opp_view_root *root = view->hooks;

    if (root == NULL)
        return view->watch;
    for (size_t i = 0; root->options.watched != NULL && root->options.watched_below[i] != NULL; i++)
        if (strcmp(root->options.watched_below[i], key) == 0)
            return root;
    return NULL;
}

static void note_watched(struct opp_script *script, const struct opp_view_root *watch, const char *key)
{
    if (watch->call == script->calls && json_object_get(watch->options.watched, key) != NULL)
        *watch->options.watched_read = true;
}

void opp_view_note_all(struct opp_script *script, const struct opp_view *view)
{
    const char *key;
    json_t *value;

    if (view->hooks == NULL)
        return;
    json_object_foreach(view->json, key, value)
    {
        note_read(script, view->hooks, key);
    }
}

/* What is told of a member; of scalars nothing is. */
static const json_t *shape_of(const struct opp_view *view, const json_t *value, const char *key, size_t length)
{
    if (view->shape == NULL || !(json_is_object(value) || json_is_array(value)))
        return NULL;
    return json_object_getn(json_object_get(view->shape, "properties"), key, length);
}

/* Pushes the member of an object view that a key names. May jump. */
static void lj_push_member(lua_State *L, int index, const struct opp_view *view, int key_index)
{
    size_t length;
    const char *key = lua_tolstring(L, key_index, &length);
    json_t *value = json_object_getn(view->json, key, length);

    if (view->hooks != NULL)
        note_read(opp_script_of(L), view->hooks, key);
    if (view->watch != NULL)
        note_watched(opp_script_of(L), view->watch, key);
    if (value == NULL)
        lj_push_absent(L, view, key);
    else
        lj_push_json(L, index, value, shape_of(view, value, key, length), watch_below(view, key));
}

static int l_view_index(lua_State *L)
{
    const struct opp_view *view = opp_view_of(L, 1);
    int column;

    if (opp_view_is_array(view) && lua_type(L, 2) == LUA_TNUMBER) {
        lj_view_geti(L, 1, lua_tointeger(L, 2));
    } else if (view == NULL || opp_view_is_array(view) || lua_type(L, 2) != LUA_TSTRING) {
        lua_pushnil(L);
    } else if (view->kind == OPP_VIEW_OBJECT) {
        lj_push_member(L, 1, view, 2);
    } else {
        column = opp_rows_find(view->rows, lua_tostring(L, 2));
        if (column < 0)
            lua_pushnil(L);
        else
            lj_view_cell(L, view->rows, opp_rows_cell(view->rows, view->row, (size_t)column));
    }
    return 1;
}

static bool lj_next_index(lua_State *L, int index, const struct opp_view *view)
{
    lua_Integer i = lua_tointeger(L, -1) + 1;

    lua_pop(L, 1);
    if ((lua_Unsigned)i > opp_view_length(view))
        return false;
    lua_pushinteger(L, i);
    lj_view_geti(L, index, i);
    return true;
}

static bool lj_next_column(lua_State *L, const struct opp_view *view)
{
    int column = lua_type(L, -1) == LUA_TSTRING ? opp_rows_find(view->rows, lua_tostring(L, -1)) + 1 : 0;

    lua_pop(L, 1);
    while ((size_t)column < opp_rows_columns(view->rows) &&
           opp_rows_find(view->rows, opp_rows_column(view->rows, (size_t)column)) != column)
        column++; /* of columns with one name the first is the row's */
    if ((size_t)column >= opp_rows_columns(view->rows))
        return false;
    lua_pushstring(L, opp_rows_column(view->rows, (size_t)column));
    lj_view_cell(L, view->rows, opp_rows_cell(view->rows, view->row, (size_t)column));
    return true;
}

static bool lj_next_member(lua_State *L, int index, const struct opp_view *view)
{
    void *at;

    if (lua_type(L, -1) == LUA_TSTRING) {
        at = json_object_iter_at(view->json, lua_tostring(L, -1));
        at = at != NULL ? json_object_iter_next(view->json, at) : NULL;
    } else {
        at = json_object_iter(view->json);
    }
    lua_pop(L, 1);
    if (at == NULL)
        return false;
    lua_pushlstring(L, json_object_iter_key(at), json_object_iter_key_len(at));
    lj_push_member(L, index, view, -1);
    return true;
}

bool lj_view_next(lua_State *L, int index)
{
    const struct opp_view *view = opp_view_of(L, index);

    luaL_checkstack(L, 6, NULL);
    if (opp_view_is_array(view))
        return lj_next_index(L, index, view);
    return view->kind == OPP_VIEW_ROW ? lj_next_column(L, view) : lj_next_member(L, index, view);
}

static int l_view_len(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)opp_view_length(opp_view_of(L, 1)));
    return 1;
}

static int l_view_newindex(lua_State *L)
{
    return luaL_error(L, "what the host gives is read-only");
}

static int l_view_eq(lua_State *L)
{
    const struct opp_view *a = opp_view_of(L, 1);
    const struct opp_view *b = opp_view_of(L, 2);

    lua_pushboolean(L, a != NULL && b != NULL && a->kind == b->kind && a->json == b->json && a->rows == b->rows &&
                           a->row == b->row);
    return 1;
}

const luaL_Reg opp_view_methods[] = { { "__index", l_view_index },
                                      { "__len", l_view_len },
                                      { "__newindex", l_view_newindex },
                                      { "__eq", l_view_eq },
                                      { NULL, NULL } };
