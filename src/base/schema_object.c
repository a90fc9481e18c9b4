/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
    const struct schema_name *x = a, *y = b;
    const size_t shorter = x->length < y->length ? x->length : y->length;
    const int order = memcmp(x->text, y->text, shorter);

    return order != 0 ? order : (int)(x->length > y->length) - (int)(x->length < y->length);
}

static bool is_known(const struct schema_names *known, const char *text, size_t length)
{
    const struct schema_name wanted = { text, length };

    return known->count > 0 && bsearch(&wanted, known->all, known->count, sizeof wanted, compare_names) != NULL;
}

static const json_t *member(const json_t *object, const struct schema_name *name)
{
    return json_object_getn(object, name->text, name->length);
}

enum opp_code opp_schema_compile_properties(struct schema_compiler *c, const struct schema_place *at,
                                            struct schema_rule *rule)
{
    const size_t size = json_object_size(at->value);
    struct schema_property *all = opp_schema_room(c, size, sizeof *all);
    json_t *members = opp_schema_iterable(at->value);

    if (!json_is_object(at->value))
        return opp_schema_refuse(c, at->path, "must be an object of schemas");
    if (all == NULL)
        return OPP_E_MEMORY;
    rule->as.properties.all = all;
    rule->as.properties.count = 0;
    for (void *i = json_object_iter(members); i != NULL; i = json_object_iter_next(members, i)) {
        struct schema_property *property = &all[rule->as.properties.count++];
        const struct schema_path step = { at->path, json_object_iter_key(i), json_object_iter_key_len(i) };
        enum opp_code rc = opp_schema_node(c, json_object_iter_value(i), &step, &property->node);

        if (rc != OPP_OK)
            return rc;
        if (!opp_schema_copy_name(c, step.key, step.number, &property->name))
            return OPP_E_MEMORY;
    }
    return OPP_OK;
}

/* Only that they are schemas: a reference may lead there. */
enum opp_code opp_schema_compile_defs(struct schema_compiler *c, const struct schema_place *at,
                                      struct schema_rule *rule)
{
    return opp_schema_compile_properties(c, at, rule);
}

bool opp_schema_check_properties(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                 const struct schema_path *path)
{
    bool fits = true;

    for (size_t i = 0; i < rule->as.properties.count; i++) {
        const struct schema_property *property = &rule->as.properties.all[i];
        const struct schema_path step = { path, property->name.text, property->name.length };
        const json_t *held = member(value, &property->name);

        if (held == NULL || opp_schema_check(run, property->node, held, &step))
            continue;
        fits = false;
        if (opp_schema_settled(run))
            break;
    }
    return fits;
}

static enum opp_code known_names(struct schema_compiler *c, const json_t *properties, struct schema_names *out)
{
    struct schema_name *all = opp_schema_room(c, json_object_size(properties), sizeof *all);
    json_t *members = opp_schema_iterable(properties);
    size_t count = 0;

    if (all == NULL)
        return OPP_E_MEMORY;
    for (void *i = json_object_iter(members); i != NULL; i = json_object_iter_next(members, i))
        if (!opp_schema_copy_name(c, json_object_iter_key(i), json_object_iter_key_len(i), &all[count++]))
            return OPP_E_MEMORY;
    if (count > 0)
        qsort(all, count, sizeof *all, compare_names);
    *out = (struct schema_names){ all, count };
    return OPP_OK;
}

enum opp_code opp_schema_compile_additional(struct schema_compiler *c, const struct schema_place *at,
                                            struct schema_rule *rule)
{
    enum opp_code rc = opp_schema_node(c, at->value, at->path, &rule->as.additional.node);

    if (rc != OPP_OK)
        return rc;
    return known_names(c, json_object_get(at->object, "properties"), &rule->as.additional.known);
}

static bool check_additional(struct schema_run *run, const struct schema_rule *rule, const json_t *held,
                             const struct schema_path *step)
{
    if (rule->as.additional.node->never)
        return opp_schema_issue(run, step, rule->keyword->name, "is not a property that is known here");
    return opp_schema_check(run, rule->as.additional.node, held, step);
}

bool opp_schema_check_additional(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                 const struct schema_path *path)
{
    json_t *members = opp_schema_iterable(value);
    bool fits = true;

    for (void *i = json_object_iter(members); i != NULL; i = json_object_iter_next(members, i)) {
        const struct schema_path step = { path, json_object_iter_key(i), json_object_iter_key_len(i) };

        if (is_known(&rule->as.additional.known, step.key, step.number) ||
            check_additional(run, rule, json_object_iter_value(i), &step))
            continue;
        fits = false;
        if (opp_schema_settled(run))
            break;
    }
    return fits;
}

/* The one check that needs memory for each member: a name is checked as the value it would be. */
bool opp_schema_check_property_names(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                     const struct schema_path *path)
{
    json_t *members = opp_schema_iterable(value);

    for (void *i = json_object_iter(members); i != NULL; i = json_object_iter_next(members, i)) {
        const struct schema_path step = { path, json_object_iter_key(i), json_object_iter_key_len(i) };
        json_t *name = json_stringn_nocheck(step.key, step.number);
        const bool fits = name != NULL && opp_schema_fits(run, rule->as.node, name);

        json_decref(name);
        if (name == NULL)
            return opp_schema_stop(run, OPP_E_MEMORY);
        if (!fits)
            return opp_schema_issue(run, &step, rule->keyword->name, "has a name that is not allowed");
    }
    return true;
}

static enum opp_code copy_names(struct schema_compiler *c, const json_t *list, const struct schema_path *path,
                                struct schema_names *out)
{
    const size_t count = json_array_size(list);
    struct schema_name *all = opp_schema_room(c, count, sizeof *all);

    if (!json_is_array(list))
        return opp_schema_refuse(c, path, "must list the names of properties");
    if (all == NULL)
        return OPP_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_array_get(list, i);

        if (!json_is_string(name))
            return opp_schema_refuse(c, path, "must list the names of properties");
        if (!opp_schema_copy_name(c, json_string_value(name), json_string_length(name), &all[i]))
            return OPP_E_MEMORY;
    }
    *out = (struct schema_names){ all, count };
    return OPP_OK;
}

enum opp_code opp_schema_compile_names(struct schema_compiler *c, const struct schema_place *at,
                                       struct schema_rule *rule)
{
    return copy_names(c, at->value, at->path, &rule->as.names);
}

bool opp_schema_check_required(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                               const struct schema_path *path)
{
    bool fits = true;

    for (size_t i = 0; i < rule->as.names.count; i++) {
        const struct schema_name *name = &rule->as.names.all[i];
        const struct schema_path step = { path, name->text, name->length };

        if (member(value, name) == NULL)
            fits = opp_schema_issue(run, &step, rule->keyword->name, "is required");
    }
    return fits;
}

enum opp_code opp_schema_compile_dependent(struct schema_compiler *c, const struct schema_place *at,
                                           struct schema_rule *rule)
{
    struct schema_dependency *all = opp_schema_room(c, json_object_size(at->value), sizeof *all);
    json_t *members = opp_schema_iterable(at->value);

    if (!json_is_object(at->value))
        return opp_schema_refuse(c, at->path, "must be an object of lists of names");
    if (all == NULL)
        return OPP_E_MEMORY;
    rule->as.dependencies.all = all;
    rule->as.dependencies.count = 0;
    for (void *i = json_object_iter(members); i != NULL; i = json_object_iter_next(members, i)) {
        struct schema_dependency *dependency = &all[rule->as.dependencies.count++];
        const struct schema_path step = { at->path, json_object_iter_key(i), json_object_iter_key_len(i) };
        enum opp_code rc = copy_names(c, json_object_iter_value(i), &step, &dependency->needs);

        if (rc != OPP_OK)
            return rc;
        if (!opp_schema_copy_name(c, step.key, step.number, &dependency->name))
            return OPP_E_MEMORY;
    }
    return OPP_OK;
}

bool opp_schema_check_dependent(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                const struct schema_path *path)
{
    bool fits = true;

    for (size_t i = 0; i < rule->as.dependencies.count; i++) {
        const struct schema_dependency *dependency = &rule->as.dependencies.all[i];
        const size_t needs = member(value, &dependency->name) != NULL ? dependency->needs.count : 0;

        for (size_t j = 0; j < needs; j++) {
            const struct schema_name *name = &dependency->needs.all[j];
            const struct schema_path step = { path, name->text, name->length };

            if (member(value, name) == NULL)
                fits = opp_schema_issue(run, &step, rule->keyword->name, "is required together with \"%.64s\"",
                                        dependency->name.text);
        }
    }
    return fits;
}

bool opp_schema_check_min_properties(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                     const struct schema_path *path)
{
    return json_object_size(value) >= rule->as.count ||
           opp_schema_issue(run, path, rule->keyword->name, "must have at least %zu propert%s", rule->as.count,
                            rule->as.count == 1 ? "y" : "ies");
}

bool opp_schema_check_max_properties(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                     const struct schema_path *path)
{
    return json_object_size(value) <= rule->as.count ||
           opp_schema_issue(run, path, rule->keyword->name, "must have at most %zu propert%s", rule->as.count,
                            rule->as.count == 1 ? "y" : "ies");
}
