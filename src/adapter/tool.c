/* SPDX-License-Identifier: MIT */
#include "adapter/tool.h"

#include "adapter/internal.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

const char *opp_risk_name(enum opp_risk risk)
{
    static const char *const names[] = { "low", "medium", "high" };

    return names[risk];
}

size_t opp_tool_count(const struct opp_adapters *adapters)
{
    return adapters->tool_count;
}

const struct opp_tool *opp_tool_at(const struct opp_adapters *adapters, size_t index)
{
    return &adapters->tools[index].tool;
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const struct opp_tool_entry *)entry)->tool.name);
}

const struct opp_tool *opp_tool_find(const struct opp_adapters *adapters, const char *name)
{
    const struct opp_tool_entry *found = adapters->tool_count > 0 ? bsearch(name, adapters->tools, adapters->tool_count,
                                                                            sizeof *adapters->tools, compare_name)
                                                                  : NULL;

    return found != NULL ? &found->tool : NULL;
}

static int compare_path(const void *path, const void *tool)
{
    return strcmp(path, (*(const struct opp_tool *const *)tool)->path);
}

const struct opp_tool *opp_tool_find_read(const struct opp_adapters *adapters, const char *path)
{
    const struct opp_tool *const *found =
        bsearch(path, adapters->reads, adapters->read_count, sizeof(const struct opp_tool *), compare_path);

    return found != NULL ? *found : NULL;
}

/* Moves what an alias holds to the field that it stands for. */
static enum opp_code move_alias(json_t *payload, const char *alias, const char *name, struct opp_err *err)
{
    json_t *given = json_object_get(payload, alias), *there = json_object_get(payload, name);
    char where[sizeof err->where] = "/";

    if (given == NULL || strcmp(alias, name) == 0)
        return OPP_OK;
    if (there != NULL && !opp_json_equal(given, there)) {
        strncat(where, alias, sizeof where - 2);
        return opp_fail_at(err, OPP_E_VALIDATION, where, "%s and %s are the same field and differ", alias, name);
    }
    if (json_object_set(payload, name, given) != 0)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a payload");
    json_object_del(payload, alias);
    return OPP_OK;
}

enum opp_code opp_tool_normalise(const struct opp_tool *tool, const json_t *payload, json_t **out, struct opp_err *err)
{
    json_t *aliases = (json_t *)(uintptr_t)tool->aliases; /* jansson's iterators are not const */
    json_t *made = json_copy((json_t *)(uintptr_t)payload);
    enum opp_code rc = OPP_OK;
    const char *alias;
    json_t *name;

    if (made == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a payload");
    json_object_foreach(aliases, alias, name)
    {
        rc = move_alias(made, alias, json_string_value(name), err);
        if (rc != OPP_OK)
            break;
    }
    if (rc == OPP_OK)
        *out = made;
    else
        json_decref(made);
    return rc;
}
