/* SPDX-License-Identifier: MIT */
#include "core/load.h"

#include "adapter/adapter.h"
#include "adapter/sources.h"
#include "base/issue.h"
#include "base/jcs.h"
#include "core/policy_tools.h"

void opp_sources_clear(struct opp_sources *sources)
{
    opp_adapter_sources_unref(sources->adapters);
    opp_policy_sources_free(sources->policies);
    *sources = (struct opp_sources){ 0 };
}

enum opp_code opp_sources_hash(const struct opp_sources *sources, char sha256[OPP_HASH_HEX], struct opp_err *err)
{
    json_t *hashes = json_pack("{s:s, s:s}", "adapters", opp_adapter_sources_sha256(sources->adapters), "policies",
                               opp_policy_sources_sha256(sources->policies));
    enum opp_code rc = hashes != NULL ? opp_jcs_hash(hashes, sha256, err)
                                      : opp_fail(err, OPP_E_MEMORY, "no memory for a generation's hash");

    json_decref(hashes);
    return rc;
}

void opp_load_report_clear(struct opp_load_report *report)
{
    json_decref(report->adapters);
    opp_policy_report_clear(&report->policies);
    *report = (struct opp_load_report){ 0 };
}

json_t *opp_load_issues(const struct opp_load_report *report)
{
    json_t *issues = report->adapters != NULL ? json_copy(report->adapters) : json_array();

    if (report->policies.issues != NULL && json_array_extend(issues, report->policies.issues) != 0) {
        json_decref(issues);
        return NULL;
    }
    return issues;
}

/* What could not even be read is an issue like the others. */
static enum opp_code tell(json_t **issues, enum opp_code rc, const struct opp_err *why, struct opp_err *err)
{
    if (*issues == NULL)
        *issues = json_array();
    json_array_append_new(*issues, opp_issue_of(why));
    return opp_fail_at(err, rc, why->where, "%s", why->message);
}

enum opp_code opp_load_read(const struct opp_load_dirs *dirs, struct opp_sources *out, struct opp_load_report *report,
                            struct opp_err *err)
{
    struct opp_sources sources = { 0 };
    struct opp_err why = { 0 };
    enum opp_code rc = opp_adapter_sources_read(dirs->adapters, &sources.adapters, &why);

    if (rc != OPP_OK)
        return tell(&report->adapters, rc, &why, err);
    rc = opp_policy_sources_read(dirs->policies, dirs->profile, &sources.policies, &why);
    if (rc != OPP_OK) {
        opp_sources_clear(&sources);
        return tell(&report->policies.issues, rc, &why, err);
    }
    *out = sources;
    return OPP_OK;
}

void opp_loaded_clear(struct opp_loaded *loaded)
{
    opp_policy_bundle_unref(loaded->bundle);
    opp_adapters_free(loaded->adapters);
    *loaded = (struct opp_loaded){ 0 };
}

/* Takes policies. */
static enum opp_code load_rules(struct opp_policy_sources *policies, struct opp_loaded *loaded,
                                struct opp_policy_report *report, struct opp_err *err)
{
    struct opp_policy_tools tools = { 0 };
    enum opp_code rc = opp_policy_tools_list(loaded->adapters, &tools, err);

    if (rc != OPP_OK) {
        opp_policy_sources_free(policies);
        return rc;
    }
    rc = opp_policy_bundle_new(policies, &tools, &loaded->bundle, report, err);
    opp_policy_tools_free(&tools);
    return rc;
}

enum opp_code opp_load(struct opp_sources *sources, const struct opp_load_host *host, struct opp_loaded *out,
                       struct opp_load_report *report, struct opp_err *err)
{
    struct opp_loaded loaded = { 0 };
    enum opp_code rc = opp_sources_hash(sources, loaded.sha256, err);

    report->adapters = json_array();
    if (rc == OPP_OK)
        rc = opp_adapters_new(sources->adapters, host->log, &loaded.adapters, report->adapters, err);
    if (rc == OPP_OK)
        rc = opp_adapters_bind(loaded.adapters, host->upstreams, report->adapters, err);
    if (rc == OPP_OK) {
        rc = load_rules(sources->policies, &loaded, &report->policies, err);
        sources->policies = NULL;
    }
    if (rc == OPP_OK)
        rc = opp_adapters_connect(loaded.adapters, host->databases, sources->stored, report->adapters, err);
    opp_sources_clear(sources);
    if (rc == OPP_OK)
        *out = loaded;
    else
        opp_loaded_clear(&loaded);
    return rc;
}
