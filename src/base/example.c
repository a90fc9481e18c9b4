/* SPDX-License-Identifier: MIT */
#include "base/example.h"

#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX 16

static json_t *example(const json_t *schema, unsigned depth);

static json_t *example_object(const json_t *schema, unsigned depth)
{
    json_t *made = json_object(), *properties = json_object_get(schema, "properties"), *property;
    const char *name;

    json_object_foreach(properties, name, property)
    {
        if (json_object_set_new(made, name, example(property, depth + 1)) != 0) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

static json_t *example_array(const json_t *schema, unsigned depth)
{
    const json_t *items = json_object_get(schema, "items");
    json_t *made = json_array();

    if (json_is_object(items) && json_array_append_new(made, example(items, depth + 1)) != 0) {
        json_decref(made);
        return NULL;
    }
    return made;
}

/* What a schema names outright; NULL: nothing. */
static json_t *named(const json_t *schema)
{
    json_t *given = json_array_get(json_object_get(schema, "examples"), 0);

    if (given == NULL)
        given = json_object_get(schema, "const");
    return given != NULL ? given : json_array_get(json_object_get(schema, "enum"), 0);
}

static bool is(const char *type, const char *wanted)
{
    return type != NULL && strcmp(type, wanted) == 0;
}

static json_t *example(const json_t *schema, unsigned depth)
{
    const json_t *types = json_object_get(schema, "type");
    const char *type = json_string_value(json_is_array(types) ? json_array_get(types, 0) : types);
    json_t *given = named(schema);

    if (given != NULL)
        return json_deep_copy(given);
    if (depth < DEPTH_MAX && (is(type, "object") || json_object_get(schema, "properties") != NULL))
        return example_object(schema, depth);
    if (depth < DEPTH_MAX && is(type, "array"))
        return example_array(schema, depth);
    if (is(type, "integer") || is(type, "number"))
        return json_integer(1);
    if (is(type, "boolean"))
        return json_true();
    return is(type, "null") ? json_null() : json_string("…");
}

json_t *opp_example(const json_t *schema)
{
    return example(schema, 0);
}
