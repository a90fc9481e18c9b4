/* SPDX-License-Identifier: MIT */
#include "command/backup.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "command/backup_make.h"
#include "command/backup_serve.h"
#include "command/command.h"
#include "command/config.h"
#include "command/control.h"
#include "command/data_dir.h"
#include "command/offline.h"
#include "command/unknown.h"
#include "store/backup.h"
#include "store/db.h"
#include "store/store.h"
#include "store/writer.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "data", OPP_FLAG_TEXT, "DIR", "data", "The gateway's data directory; \"var\" if nothing says otherwise." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for its data directory." },
};

const struct opp_command OPP_COMMAND_BACKUP = {
    .name = "backup",
    .summary = "Copy all data into one new file, of mode 0600; a gateway that runs goes on.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .operand = "FILE",
    .run = run,
};

/* The databases of a gateway that does not run, each with a writer for the time of the backup. */
struct stopped {
    const char *data_dir;
    struct opp_writer **writers;
    size_t count;
};

static enum opp_code add_one(struct stopped *stopped, struct opp_backup *backup, const char *file, struct opp_err *err)
{
    struct opp_writer_settings settings = { .name = file, .on_unknown = opp_unknown_leave };
    struct opp_writer **grown = reallocarray(stopped->writers, stopped->count + 1, sizeof(struct opp_writer *));
    struct opp_db *db = NULL;
    char path[PATH_MAX];
    enum opp_code rc;

    if (grown == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a backup");
    stopped->writers = grown;
    snprintf(path, sizeof path, "%s/%s", stopped->data_dir, file);
    rc = opp_db_open(path, OPP_DB_WRITER, &db, err);
    if (rc == OPP_OK)
        rc = opp_writer_start(db, &settings, &grown[stopped->count], err);
    if (rc != OPP_OK)
        return rc;
    return opp_backup_add(backup, file, grown[stopped->count++], err);
}

/* Whichever adapters these belong to, loaded or not. What a gateway observes of rules on trial is no part of a backup.
 */
static bool is_adapters_database(const char *data_dir, const char *file)
{
    char path[PATH_MAX];

    if (strcmp(file, OPP_STORE_FILE) == 0 || strcmp(file, "decisions.db") == 0 ||
        snprintf(path, sizeof path, "%s/%s", data_dir, file) >= (int)sizeof path)
        return false;
    return opp_db_is_one(path);
}

static enum opp_code add_stopped(void *arg, struct opp_backup *backup, struct opp_err *err)
{
    struct stopped *stopped = arg;
    char **names = NULL;
    enum opp_code rc = opp_file_list(stopped->data_dir, "", &names, err);

    for (char **name = names; rc == OPP_OK && *name != NULL; name++)
        if (is_adapters_database(stopped->data_dir, *name))
            rc = add_one(stopped, backup, *name, err);
    opp_names_free(names);
    return rc == OPP_OK ? add_one(stopped, backup, OPP_STORE_FILE, err) : rc;
}

static enum opp_code make_locked(const char *data_dir, const char *path, json_t **summary, struct opp_err *err)
{
    struct stopped stopped = { .data_dir = data_dir };
    struct opp_backup_job job = { .data_dir = data_dir, .path = path, .add = add_stopped, .arg = &stopped };
    struct opp_clock *clock = NULL;
    json_t *manifest = NULL;
    enum opp_code rc = opp_clock_new(&clock, err);

    if (rc == OPP_OK) {
        job.now_ms = opp_clock_now_ms(clock);
        rc = opp_backup_make(&job, &manifest, err);
    }
    for (size_t i = 0; i < stopped.count; i++)
        opp_writer_stop(stopped.writers[i]);
    free(stopped.writers);
    opp_clock_free(clock);
    *summary = rc == OPP_OK ? opp_backup_summary(manifest) : NULL;
    json_decref(manifest);
    return rc;
}

static enum opp_code make_stopped(const char *data_dir, const char *path, json_t **summary, struct opp_err *err)
{
    int lock = -1;
    enum opp_code rc = opp_data_dir_require(data_dir, err);

    if (rc == OPP_OK)
        rc = opp_data_dir_lock(data_dir, &lock, err);
    if (rc != OPP_OK)
        return rc;
    rc = make_locked(data_dir, path, summary, err);
    close(lock);
    return rc;
}

static enum opp_code make(const char *data_dir, const char *path, json_t **summary, struct opp_err *err)
{
    struct opp_err unreached = { 0 };
    json_t *request = json_pack("{s:s, s:s}", "command", "backup", "path", path);
    enum opp_code rc;

    if (request == NULL)
        return opp_fail(err, OPP_E_VALIDATION, "the path is no UTF-8");
    rc = opp_control_ask(data_dir, request, summary, &unreached);
    json_decref(request);
    if (rc == OPP_E_ABSENT)
        return make_stopped(data_dir, path, summary, err);
    return rc == OPP_OK ? OPP_OK : opp_fail(err, rc, "%s", unreached.message);
}

static int run(const json_t *args)
{
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };
    json_t *summary = NULL;
    char path[PATH_MAX];
    enum opp_code rc = opp_offline_config(&OPP_COMMAND_BACKUP, args, &config, &err);

    if (rc == OPP_OK)
        rc = opp_control_path(opp_json_text(args, "operand"), path, sizeof path, &err);
    if (rc == OPP_OK)
        rc = make(config.data_dir, path, &summary, &err);
    if (rc == OPP_OK)
        printf("%s: %d files, %" JSON_INTEGER_FORMAT " bytes, as of %s\n", path,
               (int)json_integer_value(json_object_get(summary, "files")),
               json_integer_value(json_object_get(summary, "bytes")), opp_json_text(summary, "created_at"));
    json_decref(summary);
    opp_config_clear(&config);
    return opp_command_printed(rc == OPP_OK ? OPP_EXIT_OK : opp_command_failed(&err));
}
