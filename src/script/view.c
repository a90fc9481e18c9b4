/* SPDX-License-Identifier: MIT */
#include "script/view.h"

#include "script/kernel.h"
#include "script/view_root.h"

#include <lauxlib.h>
#include <lua.h>

#include <stdlib.h>

/* What a tree of views holds. On the C heap and in the script's list, so that a finalizer that Lua could not run for
 * lack of stack costs memory until the state is freed and nothing else. */
struct opp_view_root {
    struct opp_view_root *next;
    struct opp_view_root **link;
    json_t *json;
    struct opp_rows *rows;
    size_t held;   /* bytes counted as the state's */
    uint64_t call; /* the script's call that it was made in: the tracker may be gone in a later one */
    struct opp_view_options options;
};

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
    while (script->roots != NULL)
        root_free(script, script->roots);
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

json_t *opp_view_json(lua_State *L, int index)
{
    const struct opp_view *view = opp_view_of(L, index);

    return view != NULL ? view->json : NULL;
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

/* Pushes a view whose holder is on top, and takes that away. May jump. */
static struct opp_view *lj_push_view(lua_State *L, struct opp_view view)
{
    struct opp_view *made = lua_newuserdatauv(L, sizeof *made, 1);

    *made = view;
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &view_key);
    lua_setmetatable(L, -2);
    return made;
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

static bool push_scalar(lua_State *L, const json_t *value)
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

static enum opp_view_kind kind_of(const json_t *value)
{
    return json_is_object(value) ? OPP_VIEW_OBJECT : OPP_VIEW_ARRAY;
}

void lj_view_json(lua_State *L, json_t *value, const struct opp_view_options *options)
{
    struct opp_view view = { .json = value };
    struct opp_view_root *root;

    if (push_scalar(L, value))
        return;
    root = lj_push_root(L);
    root->json = json_incref(value);
    if (options != NULL && json_is_object(value)) {
        root->options = *options;
        view.hooks = root;
    }
    view.kind = kind_of(value);
    lj_push_view(L, view);
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
    lj_push_view(L, view);
}

void lj_view_rows(lua_State *L, struct opp_rows *rows)
{
    lj_view_of_rows(L, (struct opp_view){ .kind = OPP_VIEW_ROWS, .rows = rows });
}

void lj_view_row(lua_State *L, struct opp_rows *rows, size_t row)
{
    lj_view_of_rows(L, (struct opp_view){ .kind = OPP_VIEW_ROW, .rows = rows, .row = row });
}

/* Pushes a member or element of the view at index. May jump. */
static void lj_push_json(lua_State *L, int index, json_t *value)
{
    if (value == NULL) {
        lua_pushnil(L);
        return;
    }
    if (push_scalar(L, value))
        return;
    lua_getiuservalue(L, index, 1);
    lj_push_view(L, (struct opp_view){ .kind = kind_of(value), .json = value });
}

static void lj_push_cell(lua_State *L, const struct opp_view *view, size_t column)
{
    const struct opp_cell *cell = opp_rows_cell(view->rows, view->row, column);

    switch (cell->type) {
    case OPP_CELL_INTEGER:
        lua_pushinteger(L, cell->as.integer);
        break;
    case OPP_CELL_REAL:
        lua_pushnumber(L, cell->as.real);
        break;
    case OPP_CELL_TEXT:
        lua_pushlstring(L, opp_rows_text(view->rows, cell), cell->as.text.length);
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
        lj_push_json(L, index, json_array_get(view->json, (size_t)i - 1));
    } else {
        lua_getiuservalue(L, index, 1);
        lj_push_view(L, (struct opp_view){ .kind = OPP_VIEW_ROW, .rows = view->rows, .row = (size_t)i - 1 });
    }
}

static void note_read(struct opp_script *script, const struct opp_view_root *root, const char *key)
{
    if (root->options.on_read != NULL && root->call == script->calls)
        root->options.on_read(root->options.arg, key);
}

void opp_view_note_all(struct opp_script *script, const struct opp_view *view)
{
    const char *key;
    json_t *value;

    if (view->hooks == NULL)
        return;
    json_object_foreach(view->json, key, value) note_read(script, view->hooks, key);
}

/* Pushes the member of an object view that a key names. May jump. */
static void lj_push_member(lua_State *L, int index, const struct opp_view *view, int key_index)
{
    size_t length;
    const char *key = lua_tolstring(L, key_index, &length);
    json_t *value = json_object_getn(view->json, key, length);

    if (view->hooks != NULL) {
        note_read(opp_script_of(L), view->hooks, key);
        if (value == NULL && view->hooks->options.strict)
            luaL_error(L, "there is no field '%s' here", key);
    }
    lj_push_json(L, index, value);
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
            lj_push_cell(L, view, (size_t)column);
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
    if ((size_t)column >= opp_rows_columns(view->rows))
        return false;
    lua_pushstring(L, opp_rows_column(view->rows, (size_t)column));
    lj_push_cell(L, view, (size_t)column);
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

void opp_view_push_array_metatable(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
}

void lj_view_register(lua_State *L)
{
    static const luaL_Reg methods[] = { { "__index", l_view_index },
                                        { "__len", l_view_len },
                                        { "__newindex", l_view_newindex },
                                        { "__eq", l_view_eq },
                                        { NULL, NULL } };

    lua_createtable(L, 0, 5);
    luaL_setfuncs(L, methods, 0);
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
