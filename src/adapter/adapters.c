/* SPDX-License-Identifier: MIT */
#include "adapter/adapter.h"
#include "adapter/facts.h"
#include "adapter/internal.h"
#include "base/file.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for an adapter");
}

/* Adds the directory's adapter if it is one. */
static enum opp_code add_adapter(struct opp_adapters *adapters, const char *dir, const char *name, struct opp_err *err)
{
    struct opp_adapter *grown, *adapter;
    char *path = NULL;
    bool is_one;

    if (asprintf(&path, "%s/%s/init.lua", dir, name) < 0)
        return no_memory(err);
    is_one = access(path, F_OK) == 0;
    free(path);
    if (!is_one)
        return OPP_OK;
    grown = realloc(adapters->list, (adapters->count + 1) * sizeof *grown);
    if (grown == NULL)
        return no_memory(err);
    adapters->list = grown;
    adapter = &grown[adapters->count++];
    *adapter = (struct opp_adapter){ .name = strdup(name) };
    if (adapter->name == NULL || asprintf(&adapter->dir, "%s/%s", dir, name) < 0) {
        adapter->dir = NULL;
        return no_memory(err);
    }
    return opp_sources_read(adapter, err);
}

static enum opp_code find_adapters(struct opp_adapters *adapters, const char *dir, struct opp_err *err)
{
    char **names = NULL;
    enum opp_code rc = opp_file_list(dir, "", &names, err);

    for (size_t i = 0; rc == OPP_OK && names[i] != NULL; i++)
        if (names[i][0] != '.')
            rc = add_adapter(adapters, dir, names[i], err);
    opp_names_free(names);
    return rc == OPP_E_ABSENT ? OPP_E_CONFIG : rc;
}

/* at says whose the tool is, and which. */
static enum opp_code add_tool(struct opp_adapters *adapters, const struct opp_tool *at, json_t *declared,
                              const char *where, struct opp_err *err)
{
    struct opp_tool_entry *grown = realloc(adapters->tools, (adapters->tool_count + 1) * sizeof *grown);
    struct opp_tool_entry *entry;
    enum opp_code rc;

    if (grown == NULL)
        return no_memory(err);
    adapters->tools = grown;
    entry = &grown[adapters->tool_count++];
    rc = opp_tool_entry_make(json_incref(declared), where, entry, err);
    entry->tool.adapter = at->adapter;
    entry->tool.adapter_index = at->adapter_index;
    entry->tool.tool_index = at->tool_index;
    return rc;
}

static enum opp_code add_tools(struct opp_adapters *adapters, size_t adapter, const json_t *declared,
                               const json_t *places, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    json_t *tool;
    size_t i;

    json_array_foreach(declared, i, tool)
    {
        struct opp_tool at = { .adapter = adapters->list[adapter].name, .adapter_index = adapter, .tool_index = i };

        rc = add_tool(adapters, &at, tool, json_string_value(json_array_get(places, i)), err);
        if (rc != OPP_OK)
            break;
    }
    return rc;
}

static bool has_file(const struct opp_adapter *adapter, const char *file)
{
    for (size_t i = 0; i < adapter->database_count; i++)
        if (strcmp(strrchr(adapter->databases[i].path, '/') + 1, file) == 0)
            return true;
    return false;
}

/* Two databases of one name could not tell whose receipts are asked for, and one file has one writer. */
static enum opp_code check_database(const struct opp_adapters *adapters, const char *name, const json_t *declared,
                                    const json_t *database, struct opp_err *err)
{
    const char *file = opp_json_text(database, "file"), *other;
    json_t *second;

    if (opp_databases_find(adapters, name) != NULL)
        return opp_fail(err, OPP_E_CONFIG, "the database '%s' is declared by two adapters", name);
    for (size_t i = 0; i < adapters->count; i++)
        if (has_file(&adapters->list[i], file))
            return opp_fail(err, OPP_E_CONFIG, "the database '%s': the file %s is another's", name, file);
    json_object_foreach((json_t *)(uintptr_t)declared, other, second)
    {
        if (strcmp(name, other) != 0 && strcmp(opp_json_text(second, "file"), file) == 0)
            return opp_fail(err, OPP_E_CONFIG, "the databases '%s' and '%s' are one file, %s", name, other, file);
    }
    return OPP_OK;
}

static enum opp_code check_databases(const struct opp_adapters *adapters, const json_t *declared, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    const char *name;
    json_t *database;

    json_object_foreach((json_t *)(uintptr_t)declared, name, database)
    {
        rc = check_database(adapters, name, declared, database, err);
        if (rc != OPP_OK)
            break;
    }
    return rc;
}

static enum opp_code check_name(const struct opp_adapter *adapter, const json_t *declared, struct opp_err *err)
{
    const char *name = opp_json_text(declared, "name");

    if (strcmp(name, adapter->name) == 0)
        return OPP_OK;
    return opp_fail(err, OPP_E_CONFIG, "the adapter in the directory %s calls itself %s", adapter->name, name);
}

/* Runs the adapter's files once, takes what they declare and opens its databases. */
static enum opp_code load(struct opp_adapters *adapters, size_t index, const struct opp_adapters_settings *settings,
                          struct opp_err *err)
{
    struct opp_adapter *adapter = &adapters->list[index];
    json_t *declared = NULL, *places = NULL;
    struct opp_lane *lane = NULL;
    enum opp_code rc = opp_lane_open(adapter, adapters->log, &lane, err);

    if (rc == OPP_OK)
        rc = opp_facts_read(lane, &declared, &places, err);
    opp_lane_close(lane);
    if (rc == OPP_OK)
        rc = check_name(adapter, declared, err);
    if (rc == OPP_OK)
        rc = add_tools(adapters, index, json_object_get(declared, "tools"), places, err);
    if (rc == OPP_OK)
        rc = check_databases(adapters, json_object_get(declared, "databases"), err);
    if (rc == OPP_OK)
        rc = opp_databases_open(adapter, declared, settings, err);
    json_decref(declared);
    json_decref(places);
    return rc;
}

static int compare_tools(const void *a, const void *b)
{
    return strcmp(((const struct opp_tool_entry *)a)->tool.name, ((const struct opp_tool_entry *)b)->tool.name);
}

static enum opp_code check_route(const struct opp_adapters *adapters, const struct opp_tool *tool, size_t before,
                                 struct opp_err *err)
{
    for (size_t i = 0; i < before && !tool->is_action; i++) {
        const struct opp_tool *other = &adapters->tools[i].tool;

        if (!other->is_action && strcmp(other->path, tool->path) == 0)
            return opp_fail(err, OPP_E_CONFIG, "the tools %s and %s have the same path %s", other->name, tool->name,
                            tool->path);
    }
    return OPP_OK;
}

static enum opp_code sort_tools(struct opp_adapters *adapters, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    if (adapters->tool_count > 1)
        qsort(adapters->tools, adapters->tool_count, sizeof *adapters->tools, compare_tools);
    for (size_t i = 1; i < adapters->tool_count && rc == OPP_OK; i++) {
        const struct opp_tool *a = &adapters->tools[i - 1].tool, *b = &adapters->tools[i].tool;

        if (strcmp(a->name, b->name) == 0)
            return opp_fail(err, OPP_E_CONFIG, "the tool %s is declared twice (adapters %s and %s)", a->name,
                            a->adapter, b->adapter);
        rc = check_route(adapters, b, i, err);
    }
    return rc;
}

enum opp_code opp_adapters_open(const struct opp_adapters_settings *settings, struct opp_adapters **out,
                                struct opp_err *err)
{
    struct opp_adapters *adapters = calloc(1, sizeof *adapters);
    struct opp_err why = { 0 };
    enum opp_code rc;

    if (adapters == NULL)
        return no_memory(err);
    adapters->log = settings->log;
    rc = find_adapters(adapters, settings->dir, &why);
    for (size_t i = 0; i < adapters->count && rc == OPP_OK; i++)
        rc = load(adapters, i, settings, &why);
    if (rc == OPP_OK)
        rc = sort_tools(adapters, &why);
    if (rc != OPP_OK) {
        opp_adapters_close(adapters);
        return opp_fail_at(err, rc, why.where, "%s", why.message);
    }
    *out = adapters;
    return OPP_OK;
}

void opp_adapters_close(struct opp_adapters *adapters)
{
    if (adapters == NULL)
        return;
    for (size_t i = 0; i < adapters->count; i++)
        opp_databases_close(&adapters->list[i]);
    for (size_t i = 0; i < adapters->tool_count; i++)
        opp_tool_entry_free(&adapters->tools[i]);
    for (size_t i = 0; i < adapters->count; i++) {
        opp_sources_free(&adapters->list[i]);
        free(adapters->list[i].name);
        free(adapters->list[i].dir);
    }
    free(adapters->tools);
    free(adapters->list);
    free(adapters);
}
