/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "policy/bundle_internal.h"
#include "policy/glob.h"

#include <stdlib.h>
#include <string.h>

void opp_bundle_tools_free(struct opp_policy_bundle *bundle)
{
    for (size_t i = 0; i < bundle->tool_count; i++) {
        struct opp_tool_rules *tool = &bundle->tools[i];

        for (int fn = 0; fn < OPP_RULE_FN_COUNT; fn++)
            free(tool->by_function[fn].list);
        json_decref(tool->tool);
        json_decref(tool->shape);
        free(tool->name);
    }
    free(bundle->tools);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct opp_tool_rules *)a)->name, ((const struct opp_tool_rules *)b)->name);
}

const struct opp_tool_rules *opp_bundle_tool(const struct opp_policy_bundle *bundle, const char *name)
{
    struct opp_tool_rules key = { .name = (char *)(uintptr_t)name };

    if (bundle->tool_count == 0)
        return NULL;
    return bsearch(&key, bundle->tools, bundle->tool_count, sizeof key, compare);
}

static json_t *known_fields(const char *const *names)
{
    json_t *properties = json_object();

    for (; *names != NULL && properties != NULL; names++)
        if (json_object_set_new(properties, *names, json_object()) != 0) {
            json_decref(properties);
            return NULL;
        }
    return json_pack("{s:o}", "properties", properties);
}

/* Every impact has a summary. */
static bool add_summary(json_t *facts)
{
    json_t *impact = json_object_get(json_object_get(facts, "impact"), "properties");

    return !json_is_object(impact) || json_object_get(impact, "summary") != NULL ||
           json_object_set_new(impact, "summary", json_object()) == 0;
}

static json_t *app_fields(void)
{
    static const char *const of_app[] = { "id", "name", "scope", "org_id", "scopes", "policy", NULL };
    static const char *const of_policy[] = { "network", "data", NULL };
    json_t *fields = known_fields(of_app);

    if (json_object_set_new(json_object_get(fields, "properties"), "policy", known_fields(of_policy)) == 0)
        return fields;
    json_decref(fields);
    return NULL;
}

static json_t *resource_fields(void)
{
    static const char *const of_resource[] = { "kind", "id", "org_id", "user_id", "parents", NULL };
    static const char *const of_parent[] = { "kind", "id", NULL };
    json_t *fields = known_fields(of_resource);
    json_t *parents = json_object_get(json_object_get(fields, "properties"), "parents");

    if (json_object_set_new(parents, "items", known_fields(of_parent)) == 0)
        return fields;
    json_decref(fields);
    return NULL;
}

/* What a rule may read of a request about the tool: the members that are known for sure, the tool's own facts. */
static json_t *make_shape(const struct opp_policy_tool *tool)
{
    static const char *const of_tool[] = { "name", "kind", "risk", "scopes", NULL };
    static const char *const of_key[] = { "id", "name", NULL };
    static const char *const of_actor[] = { "user_id", NULL };
    static const char *const of_draft[] = {
        "id", "created_at", "expires_at", "approvals_required", "approvals_given", "approved_by", NULL
    };
    static const char *const of_reviewer[] = { "user_id", "roles", NULL };
    const json_t *facts = json_object_get(tool->facts, "properties");
    json_t *known =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o}}", "tool", known_fields(of_tool), "app", app_fields(), "key",
                  known_fields(of_key), "actor", known_fields(of_actor), "draft", known_fields(of_draft), "reviewer",
                  known_fields(of_reviewer), "resources", "items", resource_fields());
    json_t *copied = json_is_object(facts) ? json_deep_copy(facts) : json_object();

    if (known != NULL && (copied == NULL || !add_summary(copied) || json_object_update_missing(known, copied) != 0)) {
        json_decref(known);
        known = NULL;
    }
    json_decref(copied);
    return json_pack("{s:o}", "properties", known);
}

static bool copy_tool(const struct opp_policy_tool *tool, struct opp_tool_rules *out)
{
    json_t *scopes = tool->scopes != NULL ? json_deep_copy(tool->scopes) : json_array();

    out->name = strdup(tool->name);
    out->tool = json_pack("{s:s, s:s, s:s, s:o}", "name", tool->name, "kind", tool->kind, "risk",
                          tool->risk != NULL ? tool->risk : "", "scopes", scopes);
    out->shape = make_shape(tool);
    return out->name != NULL && out->tool != NULL && out->shape != NULL;
}

static bool speaks_of(const struct opp_rule *rule, const char *tool)
{
    json_t *pattern;
    size_t i;

    json_array_foreach(opp_rule_tools(rule), i, pattern)
    {
        if (opp_glob(json_string_value(pattern), tool))
            return true;
    }
    return false;
}

static bool add_number(struct opp_rule_numbers *numbers, size_t rule)
{
    size_t *grown = realloc(numbers->list, (numbers->count + 1) * sizeof *grown);

    if (grown == NULL)
        return false;
    numbers->list = grown;
    grown[numbers->count++] = rule;
    return true;
}

static bool add_rules(const struct opp_rules *rules, struct opp_tool_rules *tool)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (!speaks_of(&rules->list[i], tool->name))
            continue;
        for (int fn = 0; fn < OPP_RULE_FN_COUNT; fn++)
            if (rules->list[i].functions[fn] != 0 && !add_number(&tool->by_function[fn], i))
                return false;
    }
    return true;
}

static void check_pattern(struct opp_policy_loading *loading, const struct opp_rule *rule, const char *pattern)
{
    const struct opp_policy_bundle *bundle = loading->bundle;

    for (size_t i = 0; i < bundle->tool_count; i++)
        if (opp_glob(pattern, bundle->tools[i].name))
            return;
    if (opp_glob_is_pattern(pattern))
        opp_loading_warn(loading, rule->file, rule->line, "the rule '%.80s' is about '%.80s', which no tool is called",
                         opp_rule_name(rule), pattern);
    else
        opp_loading_issue(
            loading, rule->file, rule->line,
            "the rule '%.80s' is about the tool '%.80s', which does not exist (optional = true allows it)",
            opp_rule_name(rule), pattern);
}

static void check_patterns(struct opp_policy_loading *loading, const struct opp_rule *rule)
{
    json_t *pattern;
    size_t i;

    if (rule->facts == NULL || opp_json_true(rule->facts, "optional"))
        return;
    json_array_foreach(opp_rule_tools(rule), i, pattern)
    {
        if (json_is_string(pattern))
            check_pattern(loading, rule, json_string_value(pattern));
    }
}

static bool copy_tools(struct opp_policy_bundle *bundle, const struct opp_policy_tools *tools)
{
    bundle->tools = calloc(tools->count + 1, sizeof *bundle->tools);
    if (bundle->tools == NULL)
        return false;
    for (size_t i = 0; i < tools->count; i++)
        if (!copy_tool(&tools->list[i], &bundle->tools[bundle->tool_count++]))
            return false;
    qsort(bundle->tools, bundle->tool_count, sizeof *bundle->tools, compare);
    return true;
}

void opp_bundle_index(struct opp_policy_loading *loading, const struct opp_policy_tools *tools)
{
    struct opp_policy_bundle *bundle = loading->bundle;

    if (!copy_tools(bundle, tools)) {
        loading->starved = true;
        return;
    }
    for (size_t i = 0; i < bundle->rules.count; i++)
        check_patterns(loading, &bundle->rules.list[i]);
    if (!opp_loading_sound(loading))
        return;
    for (size_t i = 0; i < bundle->tool_count; i++)
        if (!add_rules(&bundle->rules, &bundle->tools[i]))
            loading->starved = true;
}
