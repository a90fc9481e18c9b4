/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

bool opp_schema_charge(struct schema_run *run, size_t steps)
{
    run->steps += steps;
    return run->steps <= OPP_SCHEMA_STEPS_MAX || opp_schema_stop(run, OPP_E_LIMIT);
}

static bool check_rules(struct schema_run *run, const struct schema_node *node, const json_t *value,
                        const struct schema_path *path)
{
    const unsigned type = opp_schema_type_of(value);
    bool fits = true;

    for (size_t i = 0; i < node->count; i++) {
        const struct schema_rule *rule = &node->rules[i];

        if ((rule->keyword->types & type) == 0 || rule->keyword->check(run, rule, value, path))
            continue;
        fits = false;
        if (rule->keyword->decides || opp_schema_settled(run))
            break;
    }
    return fits;
}

bool opp_schema_check(struct schema_run *run, const struct schema_node *node, const json_t *value,
                      const struct schema_path *path)
{
    bool fits;

    if (!opp_schema_charge(run, 1))
        return false;
    if (run->depth >= OPP_SCHEMA_DEPTH_MAX)
        return opp_schema_stop(run, OPP_E_LIMIT);
    if (node->never)
        return opp_schema_issue(run, path, "false", "is not allowed here");
    run->depth++;
    fits = check_rules(run, node, value, path);
    run->depth--;
    return fits;
}

bool opp_schema_fits(struct schema_run *run, const struct schema_node *node, const json_t *value)
{
    bool fits;

    run->quiet++;
    fits = opp_schema_check(run, node, value, NULL);
    run->quiet--;
    return fits;
}

enum opp_code opp_schema_validate(const struct opp_schema *schema, const json_t *value, json_t **issues,
                                  struct opp_err *err)
{
    struct schema_run run = { .quiet = issues == NULL, .issues_max = OPP_SCHEMA_ISSUES_MAX };
    bool fits = opp_schema_check(&run, schema->root, value, NULL);

    pcre2_match_data_free(run.match);
    pcre2_match_context_free(run.context);
    if (run.code == OPP_OK && fits)
        return OPP_OK;
    if (run.code == OPP_OK && issues != NULL) {
        *issues = run.issues;
        run.issues = NULL;
    }
    json_decref(run.issues);
    if (run.code == OPP_E_LIMIT)
        return opp_fail(err, OPP_E_LIMIT, "The value takes too much work to check.");
    if (run.code != OPP_OK)
        return opp_fail(err, run.code, "%s", opp_code_message(run.code));
    return opp_fail(err, OPP_E_VALIDATION, "The value does not fit its schema.");
}
