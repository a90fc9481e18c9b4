/* SPDX-License-Identifier: MIT */
#include "policy/bundle_internal.h"
#include "policy/engine_internal.h"
#include "script/fields.h"

#include <lua.h>
#include <stdio.h>
#include <string.h>

struct fields {
    struct opp_policy_loading *loading;
    size_t rule;
    enum opp_rule_fn fn;
};

/* What a request has in some phase; in the phase discover no more than the first seven; a witness sees its own. */
static bool is_request_field(enum opp_rule_fn fn, const char *name)
{
    static const char *const all[] = { "phase",         "tool",    "app",     "key",     "actor",     "ip",
                                       "now",           "recent",  "payload", "state",   "resources", "impact",
                                       "justification", "execute", "draft",   "reviewer" };
    size_t first = fn == OPP_RULE_WITNESS ? 8 : 0;
    size_t end = fn == OPP_RULE_WITNESS ? 10 : fn == OPP_RULE_DISCOVER ? 7 : sizeof all / sizeof *all;

    for (size_t i = first; i < end; i++)
        if (strcmp(all[i], name) == 0)
            return true;
    return false;
}

/* Whether the shape says that there is no such field. */
static bool is_unknown(const json_t *shape, const struct opp_field_path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        const json_t *properties = json_object_get(shape, "properties");
        const json_t *more = json_object_get(shape, "additionalProperties");
        const json_t *next = json_object_get(properties, path->names[i]);

        if (next == NULL)
            return i > 0 && i + 1 == path->count && json_is_object(properties) && (more == NULL || json_is_false(more));
        shape = next;
    }
    return false;
}

static bool speaks_of(const struct fields *fields, const struct opp_tool_rules *tool)
{
    const struct opp_rule_numbers *numbers = &tool->by_function[fields->fn];

    for (size_t i = 0; i < numbers->count; i++)
        if (numbers->list[i] == fields->rule)
            return true;
    return false;
}

/* A field that one of the rule's tools may have is left to the rule: it may have looked which tool it is. */
static bool is_nowhere(const struct fields *fields, const struct opp_field_path *path)
{
    const struct opp_policy_bundle *bundle = fields->loading->bundle;
    bool any = false;

    for (size_t i = 0; i < bundle->tool_count; i++) {
        if (!speaks_of(fields, &bundle->tools[i]))
            continue;
        if (!is_unknown(bundle->tools[i].shape, path))
            return false;
        any = true;
    }
    return any;
}

static void check_field(void *arg, const struct opp_field_path *path, int line)
{
    const struct fields *fields = arg;
    const struct opp_rule *rule = &fields->loading->bundle->rules.list[fields->rule];
    char text[200] = "";

    for (size_t i = 0; i < path->count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ".%s", path->names[i]);
    if (path->count == 1 && !is_request_field(fields->fn, path->names[0]))
        opp_loading_issue(fields->loading, rule->file, line, "no request that %s is given has a field request%s",
                          opp_rule_fn_name(fields->fn), text);
    else if (path->count > 1 && is_nowhere(fields, path))
        opp_loading_issue(fields->loading, rule->file, line, "none of the rule's tools has request%s", text);
}

void opp_bundle_check_fields(struct opp_policy_loading *loading, struct opp_policy_engine *engine)
{
    struct opp_script *script = engine->lua->script;
    struct opp_err err = { 0 };

    for (size_t i = 0; i < engine->lua->rules.count; i++) {
        for (int fn = 0; fn < OPP_RULE_FN_COUNT; fn++) {
            struct fields fields = { loading, i, (enum opp_rule_fn)fn };

            if (engine->lua->rules.list[i].functions[fn] == 0)
                continue;
            opp_script_push(script, engine->lua->rules.list[i].functions[fn]);
            if (opp_script_each_field(script, check_field, &fields, &err) != OPP_OK)
                opp_loading_error(loading, &err);
            lua_pop(opp_script_lua(script), 1);
        }
    }
}
