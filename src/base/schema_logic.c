/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

enum opp_code opp_schema_compile_one(struct schema_compiler *c, const struct schema_place *at, struct schema_rule *rule)
{
    return opp_schema_node(c, at->value, at->path, &rule->as.node);
}

enum opp_code opp_schema_compile_list(struct schema_compiler *c, const struct schema_place *at,
                                      struct schema_rule *rule)
{
    const size_t count = json_array_size(at->value);
    const struct schema_node **all;
    enum opp_code rc = OPP_OK;

    if (count == 0)
        return opp_schema_refuse(c, at->path, "must be a list of schemas");
    all = opp_schema_room(c, count, sizeof(struct schema_node *));
    if (all == NULL)
        return OPP_E_MEMORY;
    for (size_t i = 0; i < count && rc == OPP_OK; i++) {
        const struct schema_path step = { at->path, NULL, i };

        rc = opp_schema_node(c, json_array_get(at->value, i), &step, &all[i]);
    }
    rule->as.nodes.all = all;
    rule->as.nodes.count = count;
    return rc;
}

static enum opp_code branch_of(struct schema_compiler *c, const struct schema_place *at, const char *name,
                               const struct schema_node **out)
{
    const struct schema_path step = { at->path->up, name, 4 };
    const json_t *value = json_object_get(at->object, name);

    *out = NULL;
    return value != NULL ? opp_schema_node(c, value, &step, out) : OPP_OK;
}

enum opp_code opp_schema_compile_if(struct schema_compiler *c, const struct schema_place *at, struct schema_rule *rule)
{
    enum opp_code rc = opp_schema_node(c, at->value, at->path, &rule->as.branch.when);

    if (rc == OPP_OK)
        rc = branch_of(c, at, "then", &rule->as.branch.then);
    if (rc == OPP_OK)
        rc = branch_of(c, at, "else", &rule->as.branch.otherwise);
    return rc;
}

/* Without "if" a branch says nothing, but it must be a schema, and a reference may lead into it. */
enum opp_code opp_schema_compile_branch(struct schema_compiler *c, const struct schema_place *at,
                                        struct schema_rule *rule)
{
    return json_object_get(at->object, "if") != NULL ? OPP_OK : opp_schema_compile_one(c, at, rule);
}

bool opp_schema_check_if(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                         const struct schema_path *path)
{
    const struct schema_node *node =
        opp_schema_fits(run, rule->as.branch.when, value) ? rule->as.branch.then : rule->as.branch.otherwise;

    return node == NULL || opp_schema_check(run, node, value, path);
}

bool opp_schema_check_all(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                          const struct schema_path *path)
{
    bool fits = true;

    for (size_t i = 0; i < rule->as.nodes.count; i++) {
        if (opp_schema_check(run, rule->as.nodes.all[i], value, path))
            continue;
        fits = false;
        if (opp_schema_settled(run))
            break;
    }
    return fits;
}

bool opp_schema_check_not(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                          const struct schema_path *path)
{
    return !opp_schema_fits(run, rule->as.node, value) ||
           opp_schema_issue(run, path, rule->keyword->name, "must not be of the form that is excluded");
}

/* The only alternative that takes the value's type; NULL if there is none, or more than one. */
static const struct schema_node *only_candidate(const struct schema_rule *rule, unsigned type)
{
    const struct schema_node *found = NULL;

    for (size_t i = 0; i < rule->as.nodes.count; i++) {
        const struct schema_node *node = rule->as.nodes.all[i];

        if ((node->types & type) == 0 || node->never)
            continue;
        if (found != NULL)
            return NULL;
        found = node;
    }
    return found;
}

static unsigned types_of(const struct schema_rule *rule)
{
    unsigned types = 0;

    for (size_t i = 0; i < rule->as.nodes.count; i++)
        types |= rule->as.nodes.all[i]->never ? 0 : rule->as.nodes.all[i]->types;
    return types;
}

/* One issue, whatever the alternatives are: the one thing to change where that is known. */
static bool say_none(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                     const struct schema_path *path)
{
    const struct schema_node *candidate = only_candidate(rule, opp_schema_type_of(value));
    const size_t max = run->issues_max;
    char words[128];

    if (opp_schema_settled(run))
        return false;
    if ((types_of(rule) & opp_schema_type_of(value)) == 0) {
        opp_schema_type_words(types_of(rule), words, sizeof words);
        return opp_schema_issue(run, path, rule->keyword->name, words[0] != '\0' ? "must be %s" : "is not allowed%s",
                                words);
    }
    if (candidate == NULL)
        return opp_schema_issue(run, path, rule->keyword->name, "must have one of the %zu forms that are allowed",
                                rule->as.nodes.count);
    run->issues_max = json_array_size(run->issues) + 1;
    opp_schema_check(run, candidate, value, path);
    run->issues_max = max;
    return false;
}

bool opp_schema_check_any(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                          const struct schema_path *path)
{
    for (size_t i = 0; i < rule->as.nodes.count; i++)
        if (opp_schema_fits(run, rule->as.nodes.all[i], value))
            return true;
    return say_none(run, rule, value, path);
}

bool opp_schema_check_one(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                          const struct schema_path *path)
{
    size_t fitting = 0;

    for (size_t i = 0; i < rule->as.nodes.count && fitting < 2; i++)
        fitting += opp_schema_fits(run, rule->as.nodes.all[i], value);
    if (fitting == 1)
        return true;
    if (fitting == 0)
        return say_none(run, rule, value, path);
    return opp_schema_issue(run, path, rule->keyword->name, "must have exactly one of the %zu forms, and has two",
                            rule->as.nodes.count);
}
