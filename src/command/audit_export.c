/* SPDX-License-Identifier: MIT */
#include "audit/trail_copy.h"
#include "base/date.h"
#include "base/json.h"
#include "command/audit.h"
#include "command/audit_time.h"
#include "command/command.h"
#include "command/data_dir.h"
#include "command/offline.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "since", OPP_FLAG_TEXT, "TIME", "since",
      "From the first row that is not older: 2026-11-22T09:00:00Z or 2026-11-22." },
    { "until", OPP_FLAG_TEXT, "TIME", "until", "Up to the last row that is older." },
    { "format", OPP_FLAG_TEXT, "jsonl|csv", "format",
      "jsonl, which oppd audit verify takes, or csv for spreadsheets; jsonl." },
    { "data", OPP_FLAG_TEXT, "DIR", "data", "The gateway's data directory; \"var\" if nothing says otherwise." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for its data directory." },
};

const struct opp_command OPP_COMMAND_AUDIT_EXPORT = {
    .name = "audit export",
    .summary = "Write the audit trail, or a part of it, to the standard output, also while the gateway runs.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .run = run,
};

static enum opp_code read_format(const json_t *args, enum opp_trail_format *out, struct opp_err *err)
{
    const char *format = opp_json_text(args, "format");

    if (format == NULL || strcmp(format, "jsonl") == 0)
        return OPP_OK;
    if (strcmp(format, "csv") != 0)
        return opp_fail_at(err, OPP_E_VALIDATION, "--format", "must be jsonl or csv");
    *out = OPP_TRAIL_CSV;
    return OPP_OK;
}

static enum opp_code copy_all(const char *data_dir, struct opp_trail_copy *copy, struct opp_err *err)
{
    struct opp_session *session = NULL;
    enum opp_code rc = opp_session_open_dir(data_dir, &session, err);

    while (rc == OPP_OK && !copy->done) {
        rc = opp_session_now(session, opp_trail_copy_piece, copy, err);
        if (rc == OPP_OK)
            rc = opp_trail_copy_write(copy, err);
    }
    opp_session_close(session);
    if (rc != OPP_OK)
        opp_data_dir_blame(data_dir, err);
    return rc;
}

static enum opp_code read_times(const json_t *args, struct opp_trail_copy *copy, struct opp_err *err)
{
    enum opp_code rc = opp_audit_time(args, "since", &copy->since_ms, err);

    if (rc == OPP_OK)
        rc = opp_audit_time(args, "until", &copy->until_ms, err);
    if (rc == OPP_OK && json_object_get(args, "until") != NULL && copy->until_ms <= copy->since_ms)
        rc = opp_fail_at(err, OPP_E_VALIDATION, "--until", "must be later than --since, or than 1970");
    return rc;
}

/* What is not in the output, beside it: a part that looks whole is worse than none. */
static int tell(const struct opp_trail_copy *copy)
{
    if (copy->cut)
        fprintf(stderr,
                "oppd: rows before row %lld are not in the database any more, and not in this: the files of oppd audit "
                "archive have them.\n",
                (long long)copy->from);
    if (copy->missing == 0)
        return OPP_EXIT_OK;
    fprintf(stderr,
            "oppd: from row %lld on rows are missing: if they were archived just now, export again; else oppd audit "
            "verify says more.\n",
            (long long)copy->missing);
    return OPP_EXIT_FAILED;
}

static int run(const json_t *args)
{
    struct opp_trail_copy copy = { .out = stdout };
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };
    enum opp_code rc = read_format(args, &copy.format, &err);

    if (rc == OPP_OK)
        rc = read_times(args, &copy, &err);
    if (rc == OPP_OK)
        rc = opp_offline_data(&OPP_COMMAND_AUDIT_EXPORT, args, &config, &err);
    if (rc == OPP_OK)
        rc = copy_all(config.data_dir, &copy, &err);
    opp_trail_copy_clear(&copy);
    opp_config_clear(&config);
    return rc == OPP_OK ? tell(&copy) : opp_command_failed(&err);
}
