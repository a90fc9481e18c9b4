/* SPDX-License-Identifier: MIT */
#include "command/check.h"

#include "adapter/databases.h"
#include "adapter/tool.h"
#include "adapter/upstream.h"
#include "base/json.h"
#include "command/command.h"
#include "command/offline.h"
#include "core/load.h"

#include <stdio.h>

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "profile", OPP_FLAG_TEXT, "NAME", "profile", "The policy profile; default." },
    { "policies", OPP_FLAG_TEXT, "DIR", "policies", "The directory of policy profiles; policies." },
    { "adapters", OPP_FLAG_TEXT, "DIR", "adapters", "The directory of adapters; adapters." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for what the flags do not say." },
};

const struct opp_command OPP_COMMAND_CHECK = {
    .name = "check",
    .summary = "Load adapters and a policy profile as serve would, and run the rules' tests; exit code 0 or 1.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .run = run,
};

/* dir is before what is below it; NULL: the file is told as it is. */
static void print_finding(const char *dir, const json_t *finding, const char *kind)
{
    const char *file = opp_json_text(finding, "file"), *message = opp_json_text(finding, "message");
    json_int_t line = json_integer_value(json_object_get(finding, "line"));

    printf("%s%s%s", dir != NULL ? dir : "", dir != NULL && file[0] != '\0' ? "/" : "", file);
    if (line > 0)
        printf(":%" JSON_INTEGER_FORMAT, line);
    printf(": %s%s\n", kind, message);
}

static void print_findings(const char *dir, const json_t *findings, const char *kind)
{
    json_t *finding;
    size_t i;

    json_array_foreach(findings, i, finding)
    {
        print_finding(dir, finding, kind);
    }
}

static size_t count_failed(const json_t *tests)
{
    size_t failed = 0, i;
    json_t *test;

    json_array_foreach(tests, i, test) failed += opp_json_true(test, "ok") ? 0 : 1;
    return failed;
}

static void print_report(const struct opp_config *config, const struct opp_load_report *report, size_t tools)
{
    const struct opp_policy_report *policies = &report->policies;

    print_findings(config->adapters_dir, report->adapters, "");
    if (policies->issues == NULL)
        return; /* without tools the rules were not looked at */
    print_findings(config->policies_dir, policies->issues, "");
    print_findings(config->policies_dir, policies->warnings, "warning: ");
    printf("The profile %s: %zu tools, %zu tests, %zu failed; %zu issues, %zu warnings.\n", config->profile, tools,
           json_array_size(policies->tests), count_failed(policies->tests),
           json_array_size(report->adapters) + json_array_size(policies->issues), json_array_size(policies->warnings));
}

static enum opp_code check(const struct opp_config *config, const struct opp_load_host *host, struct opp_err *err)
{
    struct opp_load_dirs dirs = { config->adapters_dir, config->policies_dir, config->profile };
    struct opp_load_report report = { 0 };
    struct opp_sources sources = { 0 };
    struct opp_loaded loaded = { 0 };
    enum opp_code rc = opp_load_read(&dirs, &sources, &report, err);

    if (rc == OPP_OK)
        rc = opp_load(&sources, host, &loaded, &report, err);
    print_report(config, &report, rc == OPP_OK ? opp_tool_count(loaded.adapters) : 0);
    opp_loaded_clear(&loaded);
    opp_load_report_clear(&report);
    return rc;
}

static int run(const json_t *args)
{
    struct opp_config config = { .workers = 0 };
    struct opp_databases *databases = NULL;
    struct opp_upstreams *upstreams = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc = opp_offline_config(&OPP_COMMAND_CHECK, args, &config, &err);

    if (rc != OPP_OK) {
        opp_config_clear(&config);
        return opp_command_failed(&err);
    }
    rc = opp_offline_databases(&databases, &err);
    if (rc == OPP_OK)
        rc = opp_offline_upstreams(&config, &upstreams, &err);
    if (rc == OPP_OK)
        rc = check(&config, &(struct opp_load_host){ databases, upstreams, NULL }, &err);
    opp_databases_close(databases);
    opp_upstreams_free(upstreams);
    opp_config_clear(&config);
    return opp_command_printed(rc == OPP_OK ? OPP_EXIT_OK : OPP_EXIT_FAILED);
}
