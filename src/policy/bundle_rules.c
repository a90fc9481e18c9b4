/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "policy/bundle_internal.h"
#include "policy/lua_state.h"
#include "script/globals.h"

#include <lua.h>
#include <string.h>

#define NAME_MAX_BYTES 200

const char *opp_rule_name(const struct opp_rule *rule)
{
    const char *name = opp_json_text(rule->facts, "name");

    return name != NULL ? name : "";
}

const json_t *opp_rule_tools(const struct opp_rule *rule)
{
    return json_object_get(rule->facts, "tools");
}

static void check_name(struct opp_policy_loading *loading, size_t number)
{
    const struct opp_rules *rules = &loading->bundle->rules;
    const struct opp_rule *rule = &rules->list[number];
    const char *name = opp_rule_name(rule);

    if (*name == '\0' || strlen(name) > NAME_MAX_BYTES) {
        opp_loading_issue(loading, rule->file, rule->line, "a rule needs a name, text of at most %d bytes",
                          NAME_MAX_BYTES);
        return;
    }
    for (size_t i = 0; i < number; i++)
        if (strcmp(opp_rule_name(&rules->list[i]), name) == 0)
            opp_loading_issue(loading, rule->file, rule->line, "there is another rule named '%.120s', in %.60s", name,
                              rules->list[i].file);
}

static void check_tools(struct opp_policy_loading *loading, const struct opp_rule *rule)
{
    const json_t *tools = opp_rule_tools(rule);
    json_t *tool;
    size_t i;

    if (!json_is_array(tools) || json_array_size(tools) == 0) {
        opp_loading_issue(loading, rule->file, rule->line, "a rule needs tools, a list of names or globs: { \"*\" }");
        return;
    }
    json_array_foreach(tools, i, tool)
    {
        if (json_string_length(tool) == 0 || json_string_length(tool) > NAME_MAX_BYTES)
            opp_loading_issue(loading, rule->file, rule->line, "element %zu of tools is no tool's name", i + 1);
    }
}

static bool has_function(const struct opp_rule *rule)
{
    for (int fn = 0; fn < OPP_RULE_FN_COUNT; fn++)
        if (rule->functions[fn] != 0)
            return true;
    return false;
}

static void check_rule(struct opp_policy_loading *loading, size_t number)
{
    const struct opp_rule *rule = &loading->bundle->rules.list[number];
    const char *field;
    json_t *value;

    check_name(loading, number);
    check_tools(loading, rule);
    json_object_foreach(rule->facts, field, value)
    {
        if (strcmp(field, "optional") == 0 ? !json_is_boolean(value)
                                           : strcmp(field, "name") != 0 && strcmp(field, "tools") != 0)
            opp_loading_issue(loading, rule->file, rule->line,
                              "a rule has no field '%.80s' like this: name, tools, optional, discover, decide, window, "
                              "witness, tests",
                              field);
    }
    if (!has_function(rule))
        opp_loading_issue(loading, rule->file, rule->line,
                          "the rule '%.100s' says nothing: it has no discover, decide, window or witness",
                          opp_rule_name(rule));
}

struct file_check {
    struct opp_policy_loading *loading;
    const char *file;
};

static void report_global(void *arg, const char *name, int line, bool assigned)
{
    const struct file_check *check = arg;

    if (assigned)
        opp_loading_issue(check->loading, check->file, line, "the global '%s' cannot be assigned: use a local", name);
    else
        opp_loading_issue(check->loading, check->file, line, "the global '%s' is not defined", name);
}

/* Compiles a file, also one that nobody requires, so that what is wrong with it is found now; says whether it is
 * sound. */
static bool check_file(struct opp_policy_loading *loading, struct opp_policy_lua *lua,
                       const struct opp_policy_file *file)
{
    struct file_check check = { loading, file->name };
    struct opp_err err = { 0 };
    size_t before = json_array_size(loading->report->issues);
    enum opp_code rc;

    opp_script_begin(lua->script);
    rc = opp_script_load(lua->script, file->bytes, file->length, file->name, &err);
    if (rc == OPP_OK) {
        rc = opp_script_check_globals(lua->script, report_global, &check, &err);
        lua_pop(opp_script_lua(lua->script), 1);
    }
    if (rc != OPP_OK)
        opp_loading_error(loading, &err);
    return json_array_size(loading->report->issues) == before;
}

static void read_file(struct opp_policy_loading *loading, struct opp_policy_lua *lua,
                      const struct opp_policy_file *file)
{
    struct opp_err err = { 0 };

    if (!check_file(loading, lua, file) || !opp_rule_file(file->name))
        return;
    if (opp_rules_read(lua, file, true, &err) != OPP_OK)
        opp_loading_error(loading, &err);
}

static void seal(struct opp_policy_loading *loading, struct opp_policy_lua *lua)
{
    struct opp_err err = { 0 };

    if (opp_rules_seal(lua, &err) != OPP_OK)
        opp_loading_error(loading, &err);
    loading->bundle->rules = lua->rules;
    lua->rules = (struct opp_rules){ 0 };
}

static void read_about(struct opp_policy_loading *loading)
{
    struct opp_policy_bundle *bundle = loading->bundle;
    struct opp_err err = { 0 };

    if (opp_policy_profile_read(bundle->sources, opp_policy_sources_profile(bundle->sources), &bundle->about, &err) !=
        OPP_OK)
        opp_loading_error(loading, &err);
}

void opp_bundle_read_rules(struct opp_policy_loading *loading)
{
    struct opp_policy_bundle *bundle = loading->bundle;
    struct opp_policy_lua *lua = NULL;
    struct opp_err err = { 0 };

    read_about(loading);
    if (opp_policy_lua_new(bundle->sources, bundle->zones, &lua, &err) != OPP_OK) {
        opp_loading_error(loading, &err);
        return;
    }
    for (size_t i = 0; i < opp_policy_sources_count(bundle->sources) && !opp_script_tripped(lua->script); i++)
        read_file(loading, lua, opp_policy_sources_at(bundle->sources, i));
    if (!opp_script_tripped(lua->script))
        seal(loading, lua);
    opp_policy_lua_free(lua);
    for (size_t i = 0; i < bundle->rules.count; i++)
        if (bundle->rules.list[i].facts != NULL)
            check_rule(loading, i);
}
