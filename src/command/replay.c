/* SPDX-License-Identifier: MIT */
#include "command/replay.h"

#include "adapter/databases.h"
#include "adapter/upstream.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/json.h"
#include "base/reserve.h"
#include "command/command.h"
#include "command/offline.h"
#include "core/load.h"
#include "core/replay.h"
#include "core/tally.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_DIFFERENT 1 /* so that a script can be stopped by it */
#define EXIT_UNKNOWN 2

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "profile", OPP_FLAG_TEXT, "NAME", "profile", "The policy profile; default." },
    { "since", OPP_FLAG_TEXT, "TIME", "since",
      "The first moment that counts: RFC 3339, a day (2026-03-06), or how long ago (7d, 12h)." },
    { "limit", OPP_FLAG_INTEGER, "N", "limit", "At most so many decisions, the newest." },
    { "json", OPP_FLAG_SWITCH, NULL, "json", "Print the report as JSON." },
    { "data", OPP_FLAG_TEXT, "DIR", "data", "The gateway's data directory; var. It is only read, also while it runs." },
    { "policies", OPP_FLAG_TEXT, "DIR", "policies", "The directory of policy profiles; policies." },
    { "adapters", OPP_FLAG_TEXT, "DIR", "adapters", "The directory of adapters; adapters." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for what the flags do not say." },
};

const struct opp_command OPP_COMMAND_REPLAY = {
    .name = "replay",
    .summary = "Judge the decision log by a policy profile; exit code 0: no difference, 1: differences, 2: unknown.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .run = run,
};

/* "7d": so long ago. */
static bool read_ago(const char *text, int64_t now_ms, int64_t *out)
{
    char *unit = NULL;
    long long count = strtoll(text, &unit, 10);
    int64_t unit_ms = strcmp(unit, "d") == 0 ? OPP_DAY_MS : strcmp(unit, "h") == 0 ? OPP_DAY_MS / 24 : 0;

    if (unit == text || unit_ms == 0 || count < 0 || count > 100000)
        return false;
    *out = now_ms - count * unit_ms;
    return true;
}

static enum opp_code read_since(const char *text, int64_t now_ms, int64_t *out, struct opp_err *err)
{
    if (text == NULL || read_ago(text, now_ms, out) || opp_date_parse(text, out, NULL) == OPP_OK ||
        opp_date_parse_day(text, out, NULL) == OPP_OK)
        return OPP_OK;
    return opp_fail_at(err, OPP_E_VALIDATION, "--since", "must be an RFC 3339 time, a day, or how long ago (7d, 12h)");
}

static enum opp_code read_args(const json_t *args, struct opp_replay *replay, struct opp_config *config,
                               struct opp_err *err)
{
    static const char *const own[] = { "since", "limit", "json" };
    json_t *flags = json_copy((json_t *)(uintptr_t)args);
    struct opp_clock *clock = NULL;
    enum opp_code rc = opp_clock_new(&clock, err);

    if (rc == OPP_OK) {
        replay->now_ms = opp_clock_now_ms(clock);
        rc = read_since(opp_json_text(args, "since"), replay->now_ms, &replay->since_ms, err);
    }
    opp_clock_free(clock);
    replay->limit = json_integer_value(json_object_get(args, "limit"));
    if (rc == OPP_OK && json_object_get(args, "limit") != NULL && replay->limit < 1)
        rc = opp_fail_at(err, OPP_E_VALIDATION, "--limit", "must be above 0");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        json_object_del(flags, own[i]);
    if (rc == OPP_OK)
        rc = opp_offline_config(&OPP_COMMAND_REPLAY, flags, config, err);
    json_decref(flags);
    replay->data_dir = config->data_dir;
    return rc;
}

static enum opp_code load(const struct opp_config *config, const struct opp_load_host *host, struct opp_loaded *out,
                          struct opp_err *err)
{
    struct opp_load_dirs dirs = { config->adapters_dir, config->policies_dir, config->profile };
    struct opp_load_report report = { 0 };
    struct opp_sources sources = { 0 };
    enum opp_code rc = opp_load_read(&dirs, &sources, &report, err);

    if (rc == OPP_OK)
        rc = opp_load(&sources, host, out, &report, err);
    opp_load_report_clear(&report);
    return rc;
}

/* Gives the report. */
static enum opp_code judge(struct opp_replay *replay, const struct opp_loaded *loaded, json_t **out,
                           struct opp_err *err)
{
    struct opp_replay_progress progress = { 0 };
    struct opp_tally *tally = NULL;
    enum opp_code rc = opp_session_open_dir(replay->data_dir, &replay->executions, err);

    replay->bundle = loaded->bundle;
    if (rc == OPP_OK)
        rc = opp_replay_run(replay, &progress, &tally, err);
    if (rc == OPP_OK && (*out = opp_tally_report(tally, NULL)) == NULL)
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for a report");
    opp_tally_free(tally);
    opp_session_close(replay->executions);
    return rc;
}

static bool differs(const json_t *report)
{
    return json_array_size(json_object_get(report, "differences")) > 0 ||
           json_integer_value(json_object_get(report, "others")) > 0 ||
           json_integer_value(json_object_get(report, "errors")) > 0;
}

static int print(const json_t *report, bool as_json)
{
    char *text = as_json ? json_dumps(report, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(10)) : NULL;

    if (as_json && text == NULL)
        return EXIT_UNKNOWN;
    if (as_json)
        puts(text);
    else
        opp_replay_print(report);
    opp_reserve_free(text);
    if (opp_command_printed(OPP_EXIT_OK) != OPP_EXIT_OK)
        return EXIT_UNKNOWN;
    return differs(report) ? EXIT_DIFFERENT : OPP_EXIT_OK;
}

static int run(const json_t *args)
{
    struct opp_config config = { .workers = 0 };
    struct opp_databases *databases = NULL;
    struct opp_upstreams *upstreams = NULL;
    struct opp_loaded loaded = { 0 };
    struct opp_replay replay = { .limit = 0 };
    struct opp_err err = { 0 };
    json_t *report = NULL;
    enum opp_code rc = read_args(args, &replay, &config, &err);
    int code;

    if (rc == OPP_OK)
        rc = opp_offline_databases(&databases, &err);
    if (rc == OPP_OK)
        rc = opp_offline_upstreams(&config, &upstreams, &err);
    if (rc == OPP_OK)
        rc = load(&config, &(struct opp_load_host){ databases, upstreams, NULL }, &loaded, &err);
    if (rc == OPP_OK)
        rc = judge(&replay, &loaded, &report, &err);
    if (rc != OPP_OK)
        opp_command_failed(&err);
    code = rc == OPP_OK ? print(report, opp_json_true(args, "json")) : EXIT_UNKNOWN;
    json_decref(report);
    opp_loaded_clear(&loaded);
    opp_databases_close(databases);
    opp_upstreams_free(upstreams);
    opp_config_clear(&config);
    return code;
}
