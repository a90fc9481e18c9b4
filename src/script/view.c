/* SPDX-License-Identifier: MIT */
#include "script/view.h"

#include "script/kernel.h"
#include "script/view_root.h"

#include <lauxlib.h>
#include <lua.h>

#include <stdlib.h>

static const char null_key;
static const char view_key;
static const char holder_key;
static const char array_key;

static void root_free(struct opp_script *script, struct opp_view_root *root)
{
    *root->link = root->next;
    if (root->next != NULL)
        root->next->link = root->link;
    script->live -= root->held;
    json_decref(root->json);
    opp_rows_free(root->rows);
    free(root);
}

void opp_view_roots_free(struct opp_script *script)
{
    struct opp_view_root *next;

    for (struct opp_view_root *root = script->roots; root != NULL; root = next) {
        next = root->next;
        root_free(script, root);
    }
}

static int l_holder_gc(lua_State *L)
{
    struct opp_view_root **root = lua_touserdata(L, 1);

    if (*root != NULL)
        root_free(opp_script_of(L), *root);
    *root = NULL;
    return 0;
}

void opp_view_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&null_key);
}

bool opp_view_is_null(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TLIGHTUSERDATA && lua_touserdata(L, index) == &null_key;
}

const struct opp_view *opp_view_of(lua_State *L, int index)
{
    bool is;

    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return NULL;
    is = lua_topointer(L, -1) == opp_script_of(L)->view_metatable;
    lua_pop(L, 1);
    return is ? lua_touserdata(L, index) : NULL;
}

struct opp_rows *opp_view_rows(lua_State *L, int index, size_t *first, size_t *count)
{
    const struct opp_view *view = opp_view_of(L, index);

    if (view == NULL || view->rows == NULL)
        return NULL;
    *first = view->kind == OPP_VIEW_ROW ? view->row : 0;
    *count = view->kind == OPP_VIEW_ROW ? 1 : opp_rows_count(view->rows);
    return view->rows;
}

void lj_view_push(lua_State *L, struct opp_view view)
{
    struct opp_view *made = lua_newuserdatauv(L, sizeof *made, 1);

    *made = view;
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &view_key);
    lua_setmetatable(L, -2);
}

/* Pushes a holder with an empty root, already the script's to free. May jump. */
static struct opp_view_root *lj_push_root(lua_State *L)
{
    struct opp_script *script = opp_script_of(L);
    struct opp_view_root **holder;
    struct opp_view_root *root;

    luaL_checkstack(L, 6, NULL);
    holder = lua_newuserdatauv(L, sizeof(struct opp_view_root *), 0);
    *holder = NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &holder_key);
    lua_setmetatable(L, -2);
    root = calloc(1, sizeof *root);
    if (root == NULL) {
        script->starved = true;
        opp_budget_trip(script, OPP_E_MEMORY, "no memory for a view");
        lj_budget_raise(L);
        return NULL;
    }
    root->link = &script->roots;
    root->call = script->calls;
    root->next = script->roots;
    if (root->next != NULL)
        root->next->link = &root->next;
    script->roots = root;
    *holder = root;
    return root;
}

bool lj_view_push_scalar(lua_State *L, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(value), json_string_length(value));
        return true;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(value));
        return true;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(value));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(value));
        return true;
    case JSON_NULL:
        opp_view_push_null(L);
        return true;
    default:
        return false;
    }
}

enum opp_view_kind opp_view_kind_of(const json_t *value)
{
    return json_is_object(value) ? OPP_VIEW_OBJECT : OPP_VIEW_ARRAY;
}

void lj_view_json(lua_State *L, json_t *value, const struct opp_view_options *options)
{
    struct opp_view view = { .json = value };
    struct opp_view_root *root;

    if (lj_view_push_scalar(L, value))
        return;
    root = lj_push_root(L);
    root->json = json_incref(value);
    if (options != NULL && json_is_object(value)) {
        root->options = *options;
        view.hooks = root;
        view.shape = options->shape;
    }
    view.kind = opp_view_kind_of(value);
    lj_view_push(L, view);
}

/* Garbage may hold other rows: it is collected before the cap refuses. May jump. */
static void lj_view_of_rows(lua_State *L, struct opp_view view)
{
    struct opp_script *script = opp_script_of(L);
    size_t bytes = opp_rows_bytes(view.rows);
    struct opp_view_root *root = lj_push_root(L);

    if (!opp_budget_hold(script, bytes)) {
        lua_gc(L, LUA_GCCOLLECT);
        if (!opp_budget_hold(script, bytes)) {
            opp_budget_trip(script, OPP_E_LIMIT, "the script holds too many rows");
            lj_budget_raise(L);
        }
    }
    root->held = bytes;
    root->rows = opp_rows_ref(view.rows);
    lj_view_push(L, view);
}

void lj_view_rows(lua_State *L, struct opp_rows *rows)
{
    lj_view_of_rows(L, (struct opp_view){ .kind = OPP_VIEW_ROWS, .rows = rows });
}

void lj_view_row(lua_State *L, struct opp_rows *rows, size_t row)
{
    lj_view_of_rows(L, (struct opp_view){ .kind = OPP_VIEW_ROW, .rows = rows, .row = row });
}

void opp_view_push_array_metatable(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
}

void lj_view_register(lua_State *L)
{
    lua_createtable(L, 0, 5);
    luaL_setfuncs(L, opp_view_methods, 0);
    lua_pushliteral(L, "table");
    lua_setfield(L, -2, "__name");
    opp_script_of(L)->view_metatable = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &view_key);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_holder_gc);
    lua_setfield(L, -2, "__gc");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &holder_key);
    lua_newtable(L);
    opp_script_of(L)->array_metatable = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);
}
