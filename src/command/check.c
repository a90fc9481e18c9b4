/* SPDX-License-Identifier: MIT */
#include "command/check.h"

#include "adapter/adapter.h"
#include "base/json.h"
#include "command/command.h"
#include "command/offline.h"
#include "core/policy_tools.h"
#include "policy/bundle.h"

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

static void print_finding(const struct opp_config *config, const json_t *finding, const char *kind)
{
    const char *file = opp_json_text(finding, "file"), *message = opp_json_text(finding, "message");
    json_int_t line = json_integer_value(json_object_get(finding, "line"));

    if (file[0] == '\0')
        printf("%s: %s%s\n", config->policies_dir, kind, message);
    else if (line > 0)
        printf("%s/%s:%" JSON_INTEGER_FORMAT ": %s%s\n", config->policies_dir, file, line, kind, message);
    else
        printf("%s/%s: %s%s\n", config->policies_dir, file, kind, message);
}

static void print_findings(const struct opp_config *config, const json_t *findings, const char *kind)
{
    json_t *finding;
    size_t i;

    json_array_foreach(findings, i, finding)
    {
        print_finding(config, finding, kind);
    }
}

static size_t count_failed(const json_t *tests)
{
    size_t failed = 0, i;
    json_t *test;

    json_array_foreach(tests, i, test) failed += opp_json_true(test, "ok") ? 0 : 1;
    return failed;
}

static void print_report(const struct opp_config *config, const struct opp_policy_report *report, size_t tools)
{
    print_findings(config, report->issues, "");
    print_findings(config, report->warnings, "warning: ");
    printf("The profile %s: %zu tools, %zu tests, %zu failed; %zu issues, %zu warnings.\n", config->profile, tools,
           json_array_size(report->tests), count_failed(report->tests), json_array_size(report->issues),
           json_array_size(report->warnings));
}

/* An adapter's mistake: err->where is its file:line. */
static void print_error(const struct opp_err *err)
{
    printf("%s%s%s\n", err->where, err->where[0] != '\0' ? ": " : "", err->message);
}

static enum opp_code check_policies(const struct opp_config *config, const struct opp_adapters *adapters,
                                    struct opp_err *err)
{
    struct opp_policy_report report = { 0 };
    struct opp_policy_tools tools = { 0 };
    enum opp_code rc = opp_policy_tools_list(adapters, &tools, err);

    if (rc == OPP_OK)
        rc = opp_policy_check(config->policies_dir, config->profile, &tools, &report, err);
    if (report.issues != NULL)
        print_report(config, &report, tools.count);
    else if (rc != OPP_OK)
        print_error(err);
    opp_policy_report_clear(&report);
    opp_policy_tools_free(&tools);
    return rc;
}

static enum opp_code check(const struct opp_config *config)
{
    struct opp_adapters *adapters = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc = opp_offline_adapters(config, &adapters, &err);

    if (rc == OPP_OK)
        rc = check_policies(config, adapters, &err);
    else
        print_error(&err);
    opp_adapters_close(adapters);
    return rc;
}

static int run(const json_t *args)
{
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };
    enum opp_code rc = opp_offline_config(&OPP_COMMAND_CHECK, args, &config, &err);

    if (rc != OPP_OK) {
        opp_config_clear(&config);
        return opp_command_failed(&err);
    }
    rc = check(&config);
    opp_config_clear(&config);
    return rc == OPP_OK && fflush(stdout) == 0 ? OPP_EXIT_OK : OPP_EXIT_FAILED;
}
