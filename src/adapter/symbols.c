/* SPDX-License-Identifier: MIT */
#include "adapter/marker.h"
#include "script/json_lua.h"
#include "script/json_walk.h"
#include "script/view.h"

#include <lua.h>
#include <string.h>

static enum opp_code give(struct opp_json_walk *walk, json_t *made, json_t **out)
{
    if (made == NULL)
        return opp_fail(walk->err, OPP_E_MEMORY, "no memory for an effect");
    *out = made;
    return OPP_OK;
}

/* Sets a member whose key is not to be taken for a symbol; takes value. Gives 0 on success. */
static int set_escaped(json_t *object, const char *key, size_t length, json_t *value)
{
    char small[256];
    json_t *escaped;
    int failed;

    if (length == 0 || key[0] != '$')
        return json_object_setn_new_nocheck(object, key, length, value);
    if (length + 1 < sizeof small) {
        small[0] = '$';
        memcpy(small + 1, key, length);
        return json_object_setn_new_nocheck(object, small, length + 1, value);
    }
    escaped = json_sprintf("$%.*s", (int)length, key);
    failed = escaped == NULL || json_object_set(object, json_string_value(escaped), value) != 0;
    json_decref(escaped);
    json_decref(value);
    return failed ? -1 : 0;
}

/* Gives value with its keys escaped, at any depth; as deep as the walk that has counted it. NULL: no memory. */
static json_t *escape(json_t *value)
{
    json_t *made, *child;
    const char *key;
    size_t i, length;

    if (json_is_array(value)) {
        made = json_array();
        json_array_foreach(value, i, child)
        {
            if (json_array_append_new(made, escape(child)) != 0)
                goto failed;
        }
        return made;
    }
    if (!json_is_object(value))
        return json_incref(value);
    made = json_object();
    json_object_keylen_foreach(value, key, length, child)
    {
        if (set_escaped(made, key, length, escape(child)) != 0)
            goto failed;
    }
    return made;
failed:
    json_decref(made);
    return NULL;
}

static enum opp_code convert_leaf(struct opp_json_walk *walk, int index, json_t **out)
{
    struct opp_err why = { 0 };
    json_t *value = NULL;
    enum opp_code rc = opp_script_to_json(walk->L, index, &value, &why);

    if (rc != OPP_OK)
        return rc == OPP_E_SCRIPT ? opp_walk_fail(walk, why.message) : opp_fail(walk->err, rc, "%s", why.message);
    rc = opp_walk_count_json(walk, value);
    if (rc == OPP_OK)
        rc = give(walk, escape(value), out);
    json_decref(value);
    return rc;
}

static enum opp_code convert_marker(struct opp_json_walk *walk, const struct opp_marker *marker, json_t **out)
{
    enum opp_code rc = opp_walk_count(walk, sizeof *marker);

    if (rc != OPP_OK)
        return rc;
    if (marker->kind == OPP_MARKER_NEW_ID)
        return give(
            walk,
            json_pack("{s:{s:i, s:s}}", "$new_id", "n", (int)marker->as.new_id.n, "prefix", marker->as.new_id.prefix),
            out);
    if (marker->kind != OPP_MARKER_FROM)
        return opp_walk_fail(walk, "a refusal or an effect is no JSON value");
    if (marker->as.from.field[0] == '\0')
        return give(walk, json_pack("{s:[s]}", "$from", marker->as.from.row), out);
    return give(walk, json_pack("{s:[s, s]}", "$from", marker->as.from.row, marker->as.from.field), out);
}

static enum opp_code convert_other(struct opp_json_walk *walk, int index, json_t **out)
{
    const struct opp_marker *marker = opp_marker_of(walk->L, index);

    return marker != NULL ? convert_marker(walk, marker, out) : convert_leaf(walk, index, out);
}

enum opp_code opp_symbols_to_json(lua_State *L, int index, json_t **out, struct opp_err *err)
{
    static const struct opp_json_conversion symbols = { .other = convert_other, .set = set_escaped };

    return opp_walk_to_json(L, index, &symbols, out, err);
}
