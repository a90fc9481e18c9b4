/* SPDX-License-Identifier: MIT */
#include "audit/archive.h"
#include "audit/checkpoint.h"
#include "audit/notary.h"
#include "base/json.h"
#include "command/audit.h"
#include "command/audit_time.h"
#include "command/command.h"
#include "command/control.h"
#include "command/data_dir.h"
#include "command/offline.h"
#include "store/store.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "before", OPP_FLAG_TEXT, "TIME", "before",
      "Archive up to the newest checkpoint that was signed before: 2026-11-22T09:00:00Z or 2026-11-22." },
    { "data", OPP_FLAG_TEXT, "DIR", "data", "The gateway's data directory; \"var\" if nothing says otherwise." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for its data directory." },
};

const struct opp_command OPP_COMMAND_AUDIT_ARCHIVE = {
    .name = "audit archive",
    .summary = "Move the beginning of the audit trail into a new FILE; a gateway that runs goes on.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .operand = "FILE",
    .run = run,
};

/* What the archiving itself has left in the trail is signed when the notary stops. */
static enum opp_code archive_signed(struct opp_archive *archive, const struct opp_config *config,
                                    struct opp_clock *clock, struct opp_err *err)
{
    struct opp_notary_settings settings = { .store = archive->store,
                                            .dir = config->data_dir,
                                            .key = archive->key,
                                            .clock = clock,
                                            .file = config->checkpoint_file,
                                            .rows_max = INT64_MAX,
                                            .period_ms = INT32_MAX };
    struct opp_notary *notary = NULL;
    enum opp_code rc;

    archive->now_ms = opp_clock_now_ms(clock);
    rc = opp_audit_archive(archive, err);
    if (rc == OPP_OK && archive->to != 0)
        rc = opp_notary_start(&settings, &notary, err);
    opp_notary_stop(notary);
    return rc;
}

static enum opp_code archive_in(const struct opp_config *config, struct opp_archive *archive, struct opp_err *err)
{
    struct opp_offline_store offline = { .store = NULL };
    struct opp_sign_key *key = NULL;
    enum opp_code rc = opp_audit_key_open(config->data_dir, false, &key, NULL, err);

    if (rc == OPP_OK)
        rc = opp_offline_store_open(config->data_dir, &offline, err);
    archive->store = offline.store;
    archive->dir = config->data_dir;
    archive->key = key;
    if (rc == OPP_OK)
        rc = archive_signed(archive, config, offline.clock, err);
    opp_offline_store_close(&offline);
    opp_sign_key_free(key);
    return rc;
}

static enum opp_code archive_locked(const struct opp_config *config, struct opp_archive *archive, struct opp_err *err)
{
    int lock = -1;
    enum opp_code rc = opp_data_dir_require(config->data_dir, err);

    if (rc == OPP_OK)
        rc = opp_data_dir_lock(config->data_dir, &lock, err);
    if (rc != OPP_OK)
        return rc;
    rc = archive_in(config, archive, err);
    close(lock);
    return rc;
}

static void take_summary(struct opp_archive *archive, const json_t *summary)
{
    const char *hash = opp_json_text(summary, "hash");

    archive->from = json_integer_value(json_object_get(summary, "from"));
    archive->to = json_integer_value(json_object_get(summary, "to"));
    snprintf(archive->hash, sizeof archive->hash, "%s", hash != NULL ? hash : "");
}

/* The gateway that runs on the data does it, or we do. */
static enum opp_code make(const struct opp_config *config, struct opp_archive *archive, struct opp_err *err)
{
    struct opp_err unreached = { 0 };
    json_t *summary = NULL, *request = json_pack("{s:s, s:s, s:I}", "command", "archive", "path", archive->path,
                                                 "before", (json_int_t)archive->before_ms);
    enum opp_code rc;

    if (request == NULL)
        return opp_fail(err, OPP_E_VALIDATION, "the path is no UTF-8");
    rc = opp_control_ask(config->data_dir, request, &summary, &unreached);
    json_decref(request);
    if (rc == OPP_E_ABSENT)
        return archive_locked(config, archive, err);
    if (rc != OPP_OK)
        return opp_fail(err, rc, "%s", unreached.message);
    take_summary(archive, summary);
    json_decref(summary);
    return OPP_OK;
}

static int run(const json_t *args)
{
    char path[PATH_MAX];
    struct opp_archive archive = { .path = path, .by = "cli" };
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };
    enum opp_code rc = opp_audit_time(args, "before", &archive.before_ms, &err);

    if (rc == OPP_OK && json_object_get(args, "before") == NULL)
        rc = opp_fail_at(&err, OPP_E_VALIDATION, "--before", "is required");
    if (rc == OPP_OK)
        rc = opp_offline_data(&OPP_COMMAND_AUDIT_ARCHIVE, args, &config, &err);
    if (rc == OPP_OK)
        rc = opp_control_path(opp_json_text(args, "operand"), path, sizeof path, &err);
    if (rc == OPP_OK)
        rc = make(&config, &archive, &err);
    if (rc == OPP_OK && archive.to == 0)
        printf("There is nothing to archive: no checkpoint of these rows was signed before.\n");
    else if (rc == OPP_OK)
        printf("Rows %lld to %lld are in %s; the trail goes on behind hash %s.\n", (long long)archive.from,
               (long long)archive.to, archive.path, archive.hash);
    opp_config_clear(&config);
    return opp_command_printed(rc == OPP_OK ? OPP_EXIT_OK : opp_command_failed(&err));
}
