/* SPDX-License-Identifier: MIT */
#include "policy/bundle.h"

#include "policy/bundle_internal.h"
#include "policy/engine.h"
#include "policy/zone.h"

#include <stdlib.h>
#include <string.h>

static void bundle_free(struct opp_policy_bundle *bundle)
{
    opp_bundle_tools_free(bundle);
    opp_rules_free(&bundle->rules);
    opp_zones_free(bundle->zones);
    opp_policy_sources_free(bundle->sources);
    free(bundle);
}

struct opp_policy_bundle *opp_policy_bundle_ref(struct opp_policy_bundle *bundle)
{
    if (bundle != NULL)
        atomic_fetch_add_explicit(&bundle->references, 1, memory_order_relaxed);
    return bundle;
}

void opp_policy_bundle_unref(struct opp_policy_bundle *bundle)
{
    if (bundle != NULL && atomic_fetch_sub_explicit(&bundle->references, 1, memory_order_acq_rel) == 1)
        bundle_free(bundle);
}

/* Takes sources, also on failure. */
static enum opp_code make(struct opp_policy_sources *sources, struct opp_policy_bundle **out, struct opp_err *err)
{
    struct opp_policy_bundle *bundle = calloc(1, sizeof *bundle);

    if (bundle == NULL) {
        opp_policy_sources_free(sources);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a policy bundle");
    }
    atomic_init(&bundle->references, 1);
    bundle->sources = sources;
    *out = bundle;
    return opp_zones_new(NULL, &bundle->zones, err);
}

static enum opp_code make_report(struct opp_policy_report *report, struct opp_err *err)
{
    *report = (struct opp_policy_report){ json_array(), json_array(), json_array() };
    if (report->issues != NULL && report->warnings != NULL && report->tests != NULL)
        return OPP_OK;
    return opp_fail(err, OPP_E_MEMORY, "no memory for a report");
}

static enum opp_code finish(const struct opp_policy_loading *loading, struct opp_err *err)
{
    if (loading->starved)
        return opp_fail(err, OPP_E_MEMORY, "no memory to load the policies");
    if (loading->first.code == OPP_OK)
        return OPP_OK;
    return opp_fail_at(err, OPP_E_CONFIG, loading->first.where, "%s", loading->first.message);
}

static void try_rules(struct opp_policy_loading *loading)
{
    struct opp_policy_engine *engine = NULL;
    struct opp_err err = { 0 };

    if (opp_policy_engine_new(loading->bundle, &engine, &err) != OPP_OK) {
        opp_loading_error(loading, &err);
        return;
    }
    opp_bundle_check_fields(loading, engine);
    opp_bundle_run_tests(loading, engine);
    opp_policy_engine_free(engine);
}

static enum opp_code load(struct opp_policy_bundle *bundle, const struct opp_policy_tools *tools,
                          struct opp_policy_report *report, struct opp_err *err)
{
    struct opp_policy_loading loading = { .bundle = bundle, .report = report };

    opp_bundle_read_rules(&loading);
    if (!loading.starved)
        opp_bundle_index(&loading, tools);
    if (opp_loading_sound(&loading))
        try_rules(&loading);
    return finish(&loading, err);
}

enum opp_code opp_policy_bundle_new(struct opp_policy_sources *sources, const struct opp_policy_tools *tools,
                                    struct opp_policy_bundle **out, struct opp_policy_report *report,
                                    struct opp_err *err)
{
    struct opp_policy_bundle *bundle = NULL;
    struct opp_policy_report own = { 0 };
    enum opp_code rc = make(sources, &bundle, err);

    if (rc == OPP_OK)
        rc = make_report(&own, err);
    if (rc == OPP_OK)
        rc = load(bundle, tools, &own, err);
    if (rc == OPP_OK) {
        *out = bundle;
        bundle = NULL;
    }
    opp_policy_bundle_unref(bundle);
    if (report != NULL)
        *report = own;
    else
        opp_policy_report_clear(&own);
    return rc;
}

void opp_policy_bundle_number(struct opp_policy_bundle *bundle, int64_t generation)
{
    bundle->generation = generation;
}

int64_t opp_policy_bundle_generation(const struct opp_policy_bundle *bundle)
{
    return bundle->generation;
}

const char *opp_policy_bundle_profile(const struct opp_policy_bundle *bundle)
{
    return opp_policy_sources_profile(bundle->sources);
}

const struct opp_policy_sources *opp_policy_bundle_sources(const struct opp_policy_bundle *bundle)
{
    return bundle->sources;
}

size_t opp_policy_bundle_count(const struct opp_policy_bundle *bundle)
{
    return bundle->rules.count;
}

const char *opp_policy_bundle_rule(const struct opp_policy_bundle *bundle, size_t index)
{
    return opp_rule_name(&bundle->rules.list[index]);
}

bool opp_policy_bundle_speaks(const struct opp_policy_bundle *bundle, const char *tool)
{
    const struct opp_tool_rules *found = opp_bundle_tool(bundle, tool);

    for (int fn = 0; found != NULL && fn < OPP_RULE_FN_COUNT; fn++)
        if (found->by_function[fn].count > 0)
            return true;
    return false;
}

bool opp_policy_bundle_lists(const struct opp_policy_bundle *bundle, const char *tool)
{
    const struct opp_tool_rules *found = opp_bundle_tool(bundle, tool);

    return found != NULL && found->by_function[OPP_RULE_DISCOVER].count > 0;
}
