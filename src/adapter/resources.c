/* SPDX-License-Identifier: MIT */
#include "adapter/resources.h"

#include <string.h>

static bool is_text(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) > 0;
}

static bool is_text_or_none(const json_t *value)
{
    return value == NULL || json_is_null(value) || is_text(value);
}

/* Whether an object has no other members than those. */
static bool has_only(const json_t *object, const char *const *names)
{
    json_t *iterated = (json_t *)(uintptr_t)object; /* jansson's iterators are not const */
    const char *key;
    json_t *value;

    json_object_foreach(iterated, key, value)
    {
        const char *const *name = names;

        while (*name != NULL && strcmp(*name, key) != 0)
            name++;
        if (*name == NULL)
            return false;
    }
    return true;
}

static const char *check_parents(const json_t *parents)
{
    static const char *const names[] = { "kind", "id", NULL };
    json_t *parent;
    size_t i;

    if (parents == NULL)
        return NULL;
    if (json_is_object(parents) && json_object_size(parents) == 0)
        return NULL; /* Lua's {} */
    if (!json_is_array(parents))
        return "parents is an array of { kind, id }";
    json_array_foreach(parents, i, parent)
    {
        if (!json_is_object(parent) || !has_only(parent, names) || !is_text(json_object_get(parent, "kind")) ||
            !is_text(json_object_get(parent, "id")))
            return "parents is an array of { kind, id }";
    }
    return NULL;
}

static const char *check_one(const json_t *resource)
{
    static const char *const names[] = { "kind", "id", "org_id", "user_id", "parents", NULL };

    if (!json_is_object(resource))
        return "a resource is { kind, id, org_id, user_id, parents }";
    if (!has_only(resource, names))
        return "a resource has no other fields than kind, id, org_id, user_id and parents";
    if (!is_text(json_object_get(resource, "kind")) || !is_text(json_object_get(resource, "id")))
        return "a resource has a kind and an id, both text";
    if (!is_text_or_none(json_object_get(resource, "org_id")) || !is_text_or_none(json_object_get(resource, "user_id")))
        return "org_id and user_id are text or null";
    return check_parents(json_object_get(resource, "parents"));
}

const char *opp_resources_check(const json_t *resources, bool at_least_one)
{
    const char *wrong = NULL;
    json_t *resource;
    size_t i;

    if (json_is_object(resources) && json_object_size(resources) == 0)
        return at_least_one ? "an action touches at least one resource" : "none is array{}";
    if (!json_is_array(resources))
        return "it gives an array of resources";
    if (at_least_one && json_array_size(resources) == 0)
        return "an action touches at least one resource";
    json_array_foreach(resources, i, resource)
    {
        wrong = check_one(resource);
        if (wrong != NULL)
            break;
    }
    return wrong;
}
