/* SPDX-License-Identifier: MIT */
#include "adapter/facts.h"

#include "adapter/facts_schema.h"
#include "base/jcs.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for a tool");
}

static void take_plain(const json_t *declared, struct opp_tool *tool)
{
    const char *risk = opp_json_text(declared, "risk");
    const json_t *rate = json_object_get(declared, "rate_limit");
    const json_t *range = json_object_get(declared, "range");

    tool->name = opp_json_text(declared, "name");
    tool->description = opp_json_text(declared, "description");
    tool->is_action = strcmp(opp_json_text(declared, "kind"), "action") == 0;
    if (risk != NULL)
        tool->risk = risk[0] == 'h' ? OPP_RISK_HIGH : risk[0] == 'm' ? OPP_RISK_MEDIUM : OPP_RISK_LOW;
    tool->confirm = opp_json_true(declared, "confirm");
    tool->exports = opp_json_true(declared, "export");
    tool->has_state = opp_json_true(declared, "state");
    tool->scopes = json_object_get(declared, "scopes");
    tool->input = json_object_get(declared, "input");
    tool->output = json_object_get(declared, "output");
    tool->facts = json_object_get(declared, "facts");
    tool->aliases = json_object_get(declared, "aliases");
    tool->sensitive = json_object_get(declared, "sensitive");
    tool->witness = json_object_get(declared, "witness");
    tool->rate_bucket = opp_json_text(rate, "bucket");
    tool->rate_per_minute = opp_json_integer(rate, "per_minute");
    tool->range_from = opp_json_text(range, "from");
    tool->range_to = opp_json_text(range, "to");
}

static enum opp_code take_route(const json_t *declared, struct opp_tool_entry *entry, struct opp_err *err)
{
    const char *path = opp_json_text(json_object_get(declared, "http"), "path");
    size_t size;

    if (entry->tool.is_action)
        path = "/actions";
    size = sizeof OPP_READ_PREFIX + strlen(path);
    entry->path = malloc(size);
    if (entry->path == NULL)
        return no_memory(err);
    snprintf(entry->path, size, OPP_READ_PREFIX "%s", path);
    entry->tool.path = entry->path;
    entry->tool.method = entry->tool.is_action ? "POST" : "GET";
    return OPP_OK;
}

/* Where it is declared, and what calls of it are recorded as. */
static enum opp_code take_names(const char *where, struct opp_tool_entry *entry, struct opp_err *err)
{
    if (asprintf(&entry->audit_action, "agent.%s", entry->tool.name) < 0) {
        entry->audit_action = NULL;
        return no_memory(err);
    }
    entry->tool.audit_action = entry->audit_action;
    entry->where = strdup(where != NULL ? where : "");
    return entry->where != NULL ? OPP_OK : no_memory(err);
}

/* Lends output's property that is an array of objects, and its name; NULL when there is not exactly one. */
static const json_t *find_list(const json_t *output, const char **name)
{
    json_t *properties = json_object_get(output, "properties");
    const json_t *found = NULL;
    const char *key;
    json_t *property;

    json_object_foreach(properties, key, property)
    {
        const json_t *items = json_object_get(property, "items");

        if (!json_is_object(json_object_get(items, "properties")))
            continue;
        if (found != NULL)
            return NULL;
        found = items;
        *name = key;
    }
    return found;
}

static void hide(struct opp_tool_entry *entry, const json_t *shown, const char *column)
{
    size_t at = 0;

    if (column == NULL || json_object_get(shown, column) != NULL)
        return;
    while (entry->hidden[at] != NULL)
        if (strcmp(entry->hidden[at++], column) == 0)
            return;
    entry->hidden[at] = column;
}

/* What the core needs of a row to check it, and the output does not name, is read and not sent. */
static enum opp_code take_rows(const json_t *declared, struct opp_tool_entry *entry, const char *where,
                               struct opp_err *err)
{
    struct opp_row_resource *rows = &entry->tool.rows;
    const json_t *declared_rows = json_object_get(declared, "rows"), *items, *shown;
    json_t *column;
    const char *kind;

    entry->hidden = calloc(4 + json_object_size(json_object_get(declared_rows, "parents")), sizeof *entry->hidden);
    if (entry->hidden == NULL)
        return no_memory(err);
    entry->tool.hidden = (const char *const *)entry->hidden;
    if (declared_rows == NULL)
        return OPP_OK;
    items = find_list(entry->tool.output, &entry->list);
    if (items == NULL)
        return opp_fail_at(err, OPP_E_CONFIG, where,
                           "%s: rows: its output must name one property that is an array of objects", entry->tool.name);
    shown = json_object_get(items, "properties");
    rows->kind = opp_json_text(declared_rows, "kind");
    rows->id = opp_json_text(declared_rows, "id");
    rows->org_id = opp_json_text(declared_rows, "org_id");
    rows->user_id = opp_json_text(declared_rows, "user_id");
    rows->parents = json_object_get(declared_rows, "parents");
    hide(entry, shown, rows->id);
    hide(entry, shown, rows->org_id);
    hide(entry, shown, rows->user_id);
    json_object_foreach((json_t *)(uintptr_t)rows->parents, kind, column)
    {
        hide(entry, shown, json_string_value(column));
    }
    return OPP_OK;
}

/* Compiles a schema that may be absent; kept may be NULL when only its validity matters. */
static enum opp_code compile(const struct opp_tool_entry *entry, const char *field, const char *where,
                             struct opp_schema **kept, struct opp_err *err)
{
    const json_t *document = json_object_get(entry->declared, field);
    struct opp_schema *schema = NULL;
    struct opp_err why = { 0 };
    enum opp_code rc;

    if (document == NULL)
        return OPP_OK;
    rc = opp_schema_compile(document, &schema, &why);
    if (rc != OPP_OK)
        return opp_fail_at(err, rc == OPP_E_MEMORY ? rc : OPP_E_CONFIG, where, "%s: %s%s: %s", entry->tool.name, field,
                           why.where, why.message);
    if (kept != NULL)
        *kept = schema;
    else
        opp_schema_free(schema);
    return OPP_OK;
}

/* What each kind of tool must have, and what it cannot have. */
static enum opp_code check_kind(const json_t *declared, const char *where, struct opp_err *err)
{
    static const char *const action_needs[] = { "resources", "execute", NULL };
    static const char *const action_has_no[] = { "read", "http", "rows", NULL };
    static const char *const read_needs[] = { "read", "http", NULL };
    static const char *const read_has_no[] = { "execute", "check", "impact", "state", "export", NULL };
    bool is_action = strcmp(opp_json_text(declared, "kind"), "action") == 0;
    const char *const *needs = is_action ? action_needs : read_needs;
    const char *const *has_no = is_action ? action_has_no : read_has_no;
    const char *name = opp_json_text(declared, "name"), *kind = opp_json_text(declared, "kind");

    for (; *needs != NULL; needs++)
        if (json_object_get(declared, *needs) == NULL)
            return opp_fail_at(err, OPP_E_CONFIG, where, "%s: a tool of kind %s needs '%s'", name, kind, *needs);
    for (; *has_no != NULL; has_no++)
        if (json_object_get(declared, *has_no) != NULL)
            return opp_fail_at(err, OPP_E_CONFIG, where, "%s: a tool of kind %s has no '%s'", name, kind, *has_no);
    if (json_object_get(declared, "witness") != NULL && json_object_get(declared, "state") == NULL)
        return opp_fail_at(err, OPP_E_CONFIG, where, "%s: a witness is of a state, and there is none", name);
    return OPP_OK;
}

static enum opp_code show(struct opp_tool *tool, struct opp_err *err)
{
    tool->shown = json_pack("{s:s, s:s, s:s, s:O}", "name", tool->name, "kind", tool->is_action ? "action" : "read",
                            "risk", opp_risk_name(tool->risk), "scopes", tool->scopes);
    return tool->shown != NULL ? OPP_OK : no_memory(err);
}

/* A tool that names no input takes any object. */
static enum opp_code complete(json_t *declared, struct opp_err *err)
{
    if (json_object_get(declared, "input") != NULL)
        return OPP_OK;
    return json_object_set_new(declared, "input", json_pack("{s:s}", "type", "object")) == 0 ? OPP_OK : no_memory(err);
}

enum opp_code opp_tool_entry_make(json_t *declared, const char *where, struct opp_tool_entry *entry,
                                  struct opp_err *err)
{
    const char *name = opp_json_text(declared, "name");
    enum opp_code rc;

    *entry = (struct opp_tool_entry){ .declared = declared };
    rc = opp_facts_check(opp_facts_tool_schema, declared, where, name != NULL ? name : "a tool without a name", err);
    if (rc == OPP_OK)
        rc = check_kind(declared, where, err);
    if (rc == OPP_OK)
        rc = complete(declared, err);
    if (rc != OPP_OK)
        return rc;
    take_plain(declared, &entry->tool);
    rc = show(&entry->tool, err);
    if (rc == OPP_OK)
        rc = compile(entry, "input", where, &entry->input_schema, err);
    entry->tool.input_schema = entry->input_schema;
    if (rc == OPP_OK)
        rc = compile(entry, "output", where, NULL, err);
    if (rc == OPP_OK)
        rc = compile(entry, "facts", where, NULL, err);
    if (rc == OPP_OK)
        rc = take_names(where, entry, err);
    if (rc == OPP_OK)
        rc = take_route(declared, entry, err);
    return rc == OPP_OK ? take_rows(declared, entry, where, err) : rc;
}

void opp_tool_entry_free(struct opp_tool_entry *entry)
{
    free(entry->hidden);
    free(entry->path);
    free(entry->audit_action);
    free(entry->where);
    opp_schema_free(entry->input_schema);
    json_decref(entry->tool.shown);
    json_decref(entry->declared);
    *entry = (struct opp_tool_entry){ 0 };
}
