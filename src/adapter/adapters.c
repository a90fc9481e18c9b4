/* SPDX-License-Identifier: MIT */
#include "adapter/adapter.h"
#include "adapter/facts.h"
#include "adapter/internal.h"
#include "adapter/lane.h"
#include "base/issue.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for an adapter");
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

/* Against an adapter that was loaded before. */
static enum opp_code check_other(const struct opp_adapter *adapter, const char *name, const char *file,
                                 struct opp_err *err)
{
    const char *other;
    json_t *database;

    json_object_foreach(adapter->declared, other, database)
    {
        if (strcmp(other, name) == 0)
            return opp_fail(err, OPP_E_CONFIG, "the database '%s' is declared by two adapters", name);
        if (strcmp(opp_json_text(database, "file"), file) == 0)
            return opp_fail(err, OPP_E_CONFIG, "the database '%s': the file %s is another's", name, file);
    }
    return OPP_OK;
}

/* Two databases of one name could not tell whose receipts are asked for, and one file has one writer. */
static enum opp_code check_database(const struct opp_adapters *adapters, const char *name, const json_t *declared,
                                    const json_t *database, struct opp_err *err)
{
    const char *file = opp_json_text(database, "file"), *other;
    enum opp_code rc = OPP_OK;
    json_t *second;

    for (size_t i = 0; rc == OPP_OK && i < adapters->count; i++)
        rc = check_other(&adapters->list[i], name, file, err);
    json_object_foreach((json_t *)(uintptr_t)declared, other, second)
    {
        if (rc == OPP_OK && strcmp(name, other) != 0 && strcmp(opp_json_text(second, "file"), file) == 0)
            rc = opp_fail(err, OPP_E_CONFIG, "the databases '%s' and '%s' are one file, %s", name, other, file);
    }
    return rc;
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

/* Runs the adapter's files once and takes what they declare. */
static enum opp_code load(struct opp_adapters *adapters, size_t index, struct opp_err *err)
{
    struct opp_adapter *adapter = &adapters->list[index];
    json_t *declared = NULL, *places = NULL, *databases;
    struct opp_lane *lane = NULL;
    enum opp_code rc = opp_lane_open(adapter, adapters->log, &lane, err);

    if (rc == OPP_OK)
        rc = opp_facts_read(lane, &declared, &places, err);
    opp_lane_close(lane);
    databases = json_object_get(declared, "databases");
    if (rc == OPP_OK)
        rc = check_name(adapter, declared, err);
    if (rc == OPP_OK)
        rc = add_tools(adapters, index, json_object_get(declared, "tools"), places, err);
    if (rc == OPP_OK)
        rc = check_databases(adapters, databases, err);
    if (rc == OPP_OK)
        adapter->declared = json_incref(databases);
    if (rc == OPP_OK)
        rc = opp_adapter_take_upstreams(adapter, json_object_get(declared, "upstreams"), err);
    json_decref(declared);
    json_decref(places);
    return rc;
}

/* What has no line of its own is in the file that declares it. */
static enum opp_code load_at(struct opp_adapters *adapters, size_t index, json_t *issues, struct opp_err *err)
{
    struct opp_err why = { 0 };
    char where[sizeof why.where];
    enum opp_code rc = load(adapters, index, &why);

    if (rc == OPP_OK)
        return OPP_OK;
    if (why.where[0] == '\0') {
        snprintf(where, sizeof where, "%.100s/init.lua", adapters->list[index].name);
        memcpy(why.where, where, sizeof why.where);
    }
    if (issues != NULL)
        json_array_append_new(issues, opp_issue_of(&why));
    return opp_fail_at(err, rc, why.where, "%s", why.message);
}

/* Each adapter's mistake is told, the first of them as the error. */
static enum opp_code load_all(struct opp_adapters *adapters, json_t *issues, struct opp_err *err)
{
    const struct opp_adapter_sources *sources = adapters->sources;
    enum opp_code rc = OPP_OK;

    adapters->list = calloc(sources->count + 1, sizeof *adapters->list);
    if (adapters->list == NULL)
        return no_memory(err);
    for (; adapters->count < sources->count && rc != OPP_E_MEMORY; adapters->count++) {
        const struct opp_adapter_files *files = &sources->list[adapters->count];
        enum opp_code loaded;

        adapters->list[adapters->count] = (struct opp_adapter){ .name = files->name, .files = files };
        loaded = load_at(adapters, adapters->count, issues, err);
        rc = rc == OPP_OK || loaded == OPP_E_MEMORY ? loaded : rc;
    }
    return rc;
}

static int compare_tools(const void *a, const void *b)
{
    return strcmp(((const struct opp_tool_entry *)a)->tool.name, ((const struct opp_tool_entry *)b)->tool.name);
}

static int compare_paths(const void *a, const void *b)
{
    const struct opp_tool *const *first = a, *const *second = b;

    return strcmp((*first)->path, (*second)->path);
}

static enum opp_code sort_tools(struct opp_adapters *adapters, struct opp_err *err)
{
    if (adapters->tool_count > 1)
        qsort(adapters->tools, adapters->tool_count, sizeof *adapters->tools, compare_tools);
    for (size_t i = 1; i < adapters->tool_count; i++) {
        const struct opp_tool_entry *second = &adapters->tools[i];
        const struct opp_tool *a = &adapters->tools[i - 1].tool, *b = &second->tool;

        if (strcmp(a->name, b->name) == 0)
            return opp_fail_at(err, OPP_E_CONFIG, second->where, "the tool %s is declared twice (adapters %s and %s)",
                               a->name, a->adapter, b->adapter);
    }
    return OPP_OK;
}

/* The protocol's own routes come first: a path below theirs would never be asked. */
static enum opp_code check_path(const struct opp_tool *tool, struct opp_err *err)
{
    static const char *const own[] = { "manifest", "preflight", "actions", "drafts" };
    const char *path = tool->path + sizeof OPP_READ_PREFIX;
    size_t length = strcspn(path, "/");

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strlen(own[i]) == length && strncmp(own[i], path, length) == 0)
            return opp_fail_at(err, OPP_E_CONFIG, ((const struct opp_tool_entry *)tool)->where,
                               "the tool %s: the path /%s is the protocol's own", tool->name, own[i]);
    return OPP_OK;
}

static enum opp_code collect_reads(struct opp_adapters *adapters, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    adapters->reads = calloc(adapters->tool_count + 1, sizeof(const struct opp_tool *));
    if (adapters->reads == NULL)
        return no_memory(err);
    for (size_t i = 0; rc == OPP_OK && i < adapters->tool_count; i++) {
        const struct opp_tool *tool = &adapters->tools[i].tool;

        if (tool->is_action)
            continue;
        adapters->reads[adapters->read_count++] = tool;
        rc = check_path(tool, err);
    }
    return rc;
}

static enum opp_code sort_reads(struct opp_adapters *adapters, struct opp_err *err)
{
    const struct opp_tool **reads = adapters->reads;

    if (adapters->read_count > 1)
        qsort(reads, adapters->read_count, sizeof(const struct opp_tool *), compare_paths);
    for (size_t i = 1; i < adapters->read_count; i++)
        if (compare_paths(&reads[i - 1], &reads[i]) == 0)
            return opp_fail_at(err, OPP_E_CONFIG, ((const struct opp_tool_entry *)reads[i])->where,
                               "the tools %s and %s have the same path %s", reads[i - 1]->name, reads[i]->name,
                               reads[i]->path);
    return OPP_OK;
}

/* What is between the tools of different adapters. */
static enum opp_code sort(struct opp_adapters *adapters, json_t *issues, struct opp_err *err)
{
    struct opp_err why = { 0 };
    enum opp_code rc = sort_tools(adapters, &why);

    if (rc == OPP_OK)
        rc = collect_reads(adapters, &why);
    if (rc == OPP_OK)
        rc = sort_reads(adapters, &why);
    if (rc == OPP_OK)
        return OPP_OK;
    if (issues != NULL)
        json_array_append_new(issues, opp_issue_of(&why));
    return opp_fail_at(err, rc, why.where, "%s", why.message);
}

enum opp_code opp_adapters_new(struct opp_adapter_sources *sources, struct opp_log *log, struct opp_adapters **out,
                               json_t *issues, struct opp_err *err)
{
    struct opp_adapters *adapters = calloc(1, sizeof *adapters);
    enum opp_code rc;

    if (adapters == NULL)
        return no_memory(err);
    adapters->log = log;
    adapters->sources = opp_adapter_sources_ref(sources);
    rc = load_all(adapters, issues, err);
    if (rc == OPP_OK)
        rc = sort(adapters, issues, err);
    if (rc == OPP_OK)
        *out = adapters;
    else
        opp_adapters_free(adapters);
    return rc;
}

void opp_adapters_free(struct opp_adapters *adapters)
{
    if (adapters == NULL)
        return;
    for (size_t i = 0; i < adapters->tool_count; i++)
        opp_tool_entry_free(&adapters->tools[i]);
    for (size_t i = 0; i < adapters->count; i++) {
        json_decref(adapters->list[i].declared);
        json_decref(adapters->list[i].declared_upstreams);
        free(adapters->list[i].databases);
        free(adapters->list[i].upstreams);
    }
    opp_adapter_sources_unref(adapters->sources);
    free(adapters->reads);
    free(adapters->tools);
    free(adapters->list);
    free(adapters);
}

struct opp_adapter_sources *opp_adapters_sources(const struct opp_adapters *adapters)
{
    return adapters->sources;
}
