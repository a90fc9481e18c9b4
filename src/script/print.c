/* SPDX-License-Identifier: MIT */
#include "script/json_lua.h"

#include "base/jcs.h"
#include "base/json.h"
#include "script/json_walk.h"
#include "script/print_members.h"
#include "script/values.h"
#include "script/view_root.h"

#include <lua.h>

#include <string.h>

struct printer {
    struct opp_json_walk walk;
    const struct opp_script_print *options;
    const json_t *shape; /* of what is printed, or NULL */
    struct opp_buf *out;
};

static enum opp_code print(struct printer *p, int index);
static enum opp_code print_json(struct printer *p, const json_t *value);

/* Lends the text shown in place of a member, or NULL. */
static const char *replacement(const struct printer *p, const char *name)
{
    const char *const *pair = p->options->redacted;

    for (; pair != NULL && pair[0] != NULL; pair += 2)
        if (strcmp(pair[0], name) == 0)
            return pair[1];
    return NULL;
}

static enum opp_code print_scalar(struct printer *p, int index)
{
    lua_State *L = p->walk.L;
    enum opp_code rc;
    const char *text;
    size_t length;

    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        opp_buf_text(p->out, lua_toboolean(L, index) ? "true" : "false");
        return opp_walk_count(&p->walk, 0);
    case LUA_TNUMBER:
        rc = opp_walk_number(&p->walk, index);
        if (rc != OPP_OK)
            return rc;
        if (lua_isinteger(L, index))
            opp_jcs_integer(p->out, lua_tointeger(L, index));
        else
            opp_jcs_real(p->out, lua_tonumber(L, index));
        return OPP_OK;
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &length);
        rc = opp_walk_text(&p->walk, text, length);
        if (rc == OPP_OK)
            opp_jcs_string(p->out, text, length);
        return rc;
    default:
        if (!opp_view_is_null(L, index))
            return opp_walk_fail(&p->walk,
                                 lua_isnil(L, index) ? "nil is no JSON value" : "a function is no JSON value");
        opp_buf_text(p->out, "null");
        return opp_walk_count(&p->walk, 0);
    }
}

/* Whether the element on top, the i-th from 0, is a row behind the last that is printed. */
static bool is_beyond(const struct printer *p, size_t i)
{
    const struct opp_view *view = p->options->most > 0 && i >= p->options->most ? opp_view_of(p->walk.L, -1) : NULL;

    return view != NULL && view->kind == OPP_VIEW_ROW;
}

static enum opp_code print_elements(struct printer *p, int storage, size_t count)
{
    const json_t *shape = p->shape;
    enum opp_code rc = OPP_OK;
    bool beyond = false;

    p->shape = json_object_get(shape, "items");
    opp_buf_char(p->out, '[');
    for (size_t i = 0; i < count && rc == OPP_OK && !beyond; i++) {
        size_t mark = opp_walk_down(&p->walk, NULL, i);

        lua_rawgeti(p->walk.L, storage, (lua_Integer)i + 1);
        beyond = is_beyond(p, i);
        if (i > 0 && !beyond)
            opp_buf_char(p->out, ',');
        if (!beyond)
            rc = print(p, lua_gettop(p->walk.L));
        lua_pop(p->walk.L, 1);
        opp_walk_up(&p->walk, mark);
    }
    opp_buf_char(p->out, ']');
    p->shape = shape;
    return rc;
}

/* The pair on top of the stack. */
static enum opp_code print_member(struct printer *p, struct opp_members *members)
{
    size_t length, mark;
    const char *key = lua_tolstring(p->walk.L, -2, &length);
    const json_t *shape = p->shape;
    const char *instead;
    enum opp_code rc = opp_walk_text(&p->walk, key, length);

    if (rc != OPP_OK)
        return rc;
    opp_members_begin(members, key, length);
    instead = replacement(p, key);
    if (instead != NULL) {
        opp_buf_text(p->out, instead);
        return OPP_OK;
    }
    mark = opp_walk_down(&p->walk, key, 0);
    p->shape = json_object_get(json_object_get(shape, "properties"), key);
    rc = print(p, lua_gettop(p->walk.L));
    p->shape = shape;
    opp_walk_up(&p->walk, mark);
    return rc;
}

static enum opp_code print_members(struct printer *p, int storage, size_t count)
{
    struct opp_members members;
    enum opp_code rc = opp_members_start(&members, p->out, count, p->walk.err);

    if (rc != OPP_OK)
        return rc;
    lua_pushnil(p->walk.L);
    while (rc == OPP_OK && lua_next(p->walk.L, storage)) {
        rc = print_member(p, &members);
        lua_pop(p->walk.L, 1);
    }
    opp_members_finish(&members);
    return rc;
}

static bool is_array(const struct printer *p, const struct opp_json_shape *shape)
{
    const char *type = shape->count == 0 ? opp_json_text(p->shape, "type") : NULL;

    return shape->array || (type != NULL && strcmp(type, "array") == 0);
}

/* Leaves the stack to its caller to restore. */
static enum opp_code print_table(struct printer *p, int index)
{
    struct opp_json_shape shape = { 0 };
    enum opp_code rc;
    int storage;

    opp_value_push_storage(p->walk.L, index);
    storage = lua_gettop(p->walk.L);
    rc = opp_walk_shape(&p->walk, index, storage, &shape);
    if (rc == OPP_OK)
        rc = opp_walk_count(&p->walk, 0);
    if (rc != OPP_OK)
        return rc;
    return is_array(p, &shape) ? print_elements(p, storage, shape.count) : print_members(p, storage, shape.count);
}

static enum opp_code print_rows(struct printer *p, const struct opp_view *view)
{
    struct opp_rows_view shown = { .redacted = p->options->redacted, .most = p->options->most };
    bool one = view->kind == OPP_VIEW_ROW;
    size_t before = p->out->length;
    enum opp_code rc = OPP_OK;
    const char *inexact;

    if (p->options->on_rows != NULL)
        rc = p->options->on_rows(p->options->arg, view->rows, one ? view->row : 0, one ? 1 : opp_rows_count(view->rows),
                                 &shown, p->walk.err);
    if (rc != OPP_OK)
        return rc;
    inexact =
        one ? opp_rows_print_row(view->rows, view->row, &shown, p->out) : opp_rows_print(view->rows, &shown, p->out);
    return inexact != NULL ? opp_walk_inexact(&p->walk, inexact) : opp_walk_count(&p->walk, p->out->length - before);
}

static enum opp_code print_json_object(struct printer *p, const json_t *object)
{
    struct opp_members members;
    enum opp_code rc = opp_members_start(&members, p->out, json_object_size(object), p->walk.err);
    const char *key, *instead;
    json_t *value;

    if (rc != OPP_OK)
        return rc;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        opp_members_begin(&members, key, strlen(key));
        instead = replacement(p, key);
        if (instead != NULL)
            opp_buf_text(p->out, instead);
        else
            rc = print_json(p, value);
        if (rc != OPP_OK)
            break;
    }
    opp_members_finish(&members);
    return rc;
}

static enum opp_code print_json_array(struct printer *p, const json_t *array)
{
    enum opp_code rc = OPP_OK;
    json_t *value;
    size_t i;

    opp_buf_char(p->out, '[');
    json_array_foreach(array, i, value)
    {
        if (i > 0)
            opp_buf_char(p->out, ',');
        rc = print_json(p, value);
        if (rc != OPP_OK)
            return rc;
    }
    opp_buf_char(p->out, ']');
    return rc;
}

/* Host JSON that has been counted; only names to redact make it worth a walk of our own. */
static enum opp_code print_json(struct printer *p, const json_t *value)
{
    bool redacts = p->options->redacted != NULL && p->options->redacted[0] != NULL;

    if (redacts && json_is_object(value))
        return print_json_object(p, value);
    if (redacts && json_is_array(value))
        return print_json_array(p, value);
    opp_jcs_write(p->out, value);
    return OPP_OK;
}

static enum opp_code print_view(struct printer *p, const struct opp_view *view)
{
    enum opp_code rc;

    if (view->rows != NULL)
        return print_rows(p, view);
    opp_view_note_all(opp_script_of(p->walk.L), view);
    rc = opp_walk_count_json(&p->walk, view->json);
    return rc == OPP_OK ? print_json(p, view->json) : rc;
}

static enum opp_code print(struct printer *p, int index)
{
    lua_State *L = p->walk.L;
    const struct opp_view *view = opp_view_of(L, index);
    int top = lua_gettop(L);
    enum opp_code rc;

    if (view == NULL && lua_type(L, index) != LUA_TTABLE)
        return print_scalar(p, index);
    rc = opp_walk_enter(&p->walk);
    if (rc != OPP_OK)
        return rc;
    rc = view != NULL ? print_view(p, view) : print_table(p, index);
    lua_settop(L, top);
    opp_walk_leave(&p->walk);
    return rc;
}

enum opp_code opp_script_print(lua_State *L, int index, struct opp_buf *out, const struct opp_script_print *options,
                               struct opp_err *err)
{
    static const struct opp_script_print none;
    struct printer p = { .options = options != NULL ? options : &none, .out = out };
    enum opp_code rc;

    p.shape = p.options->shape;
    opp_walk_start(&p.walk, L, err);
    rc = print(&p, lua_absindex(L, index));
    return rc == OPP_OK ? opp_buf_check(out, err) : rc;
}
