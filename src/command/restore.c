/* SPDX-License-Identifier: MIT */
#include "command/restore.h"

#include "audit/audit.h"
#include "audit/verify.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/json.h"
#include "command/audit_terms.h"
#include "command/command.h"
#include "command/config.h"
#include "command/data_dir.h"
#include "command/offline.h"
#include "command/unknown.h"
#include "store/archive.h"
#include "store/db.h"
#include "store/lock.h"
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "data", OPP_FLAG_TEXT, "DIR", "data", "The new data directory, absent or empty; \"var\" if nothing says so." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for its data directory." },
};

const struct opp_command OPP_COMMAND_RESTORE = {
    .name = "restore",
    .summary = "Make a new data directory of a backup, after checking all of it.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .operand = "FILE",
    .run = run,
};

static enum opp_code check_empty(const char *dir, bool *absent, struct opp_err *err)
{
    struct opp_err why = { 0 };
    char **names = NULL;
    enum opp_code rc = opp_file_list(dir, "", &names, &why);

    *absent = rc == OPP_E_ABSENT;
    if (*absent)
        return OPP_OK;
    if (rc != OPP_OK)
        return opp_fail(err, rc, "%s", why.message);
    if (names[0] != NULL)
        rc = opp_fail(err, OPP_E_EXISTS, "%s is not empty; a backup becomes a new data directory", dir);
    opp_names_free(names);
    return rc;
}

/* Nobody shall start a gateway on a part of a backup. */
static void empty(const char *dir, bool remove_too)
{
    char **names = NULL, path[PATH_MAX];

    if (opp_file_list(dir, "", &names, NULL) != OPP_OK)
        return;
    for (char **name = names; *name != NULL; name++)
        if (snprintf(path, sizeof path, "%s/%s", dir, *name) < (int)sizeof path)
            unlink(path);
    opp_names_free(names);
    if (remove_too)
        rmdir(dir);
}

static enum opp_code check_database(const char *dir, const char *file, struct opp_err *err)
{
    struct opp_err why = { 0 };
    struct opp_db *db = NULL;
    char path[PATH_MAX];
    enum opp_code rc;

    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return opp_fail(err, OPP_E_IO, "the path of the data directory is too long");
    if (!opp_db_is_one(path))
        return OPP_OK;
    rc = opp_db_open(path, OPP_DB_WRITER, &db, &why);
    if (rc == OPP_OK)
        rc = opp_db_check(db, &why);
    opp_db_close(db);
    return rc == OPP_OK ? OPP_OK : opp_fail(err, rc, "the database %s of the backup is damaged: %s", file, why.message);
}

static enum opp_code check_databases(const char *dir, const json_t *manifest, struct opp_err *err)
{
    const json_t *files = json_object_get(manifest, "files");
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < json_array_size(files); i++)
        rc = check_database(dir, opp_json_text(json_array_get(files, i), "name"), err);
    return rc;
}

struct recording {
    const json_t *manifest;
    int64_t now_ms;
};

static enum opp_code verify_all(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_verify_all(arg, tx, err);
}

/* Checkpoints that were kept elsewhere, of rows after the backup, will not fit what is written from here on: a row says
 * why. */
static enum opp_code record(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct recording *recording = arg;
    json_t *details = json_pack("{s:O?}", "asOf", json_object_get(recording->manifest, "created_at"));
    char request_id[OPP_ID_MAX];
    struct opp_audit_event event = { .action = "backup.restore",
                                     .status = "success",
                                     .performed_by_user_id = "cli",
                                     .request_id = request_id,
                                     .details = details,
                                     .created_at = recording->now_ms };
    enum opp_code rc;

    if (details == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an audit row");
    opp_id_make(request_id, "req_", recording->now_ms);
    rc = opp_audit_append(tx, &event, err);
    json_decref(details);
    return rc;
}

/* Brings the gateway's database to this program's schema, too. */
static enum opp_code verify(const char *dir, const json_t *manifest, struct opp_verify *verify, struct opp_err *err)
{
    struct recording recording = { .manifest = manifest };
    struct opp_offline_store offline;
    enum opp_code rc = opp_offline_store_open(dir, &offline, err);

    if (rc == OPP_OK && offline.fresh)
        rc = opp_fail(err, OPP_E_VALIDATION, "the backup has no database of the gateway");
    if (rc == OPP_OK)
        rc = opp_store_now(offline.store, verify_all, verify, err);
    if (rc == OPP_OK && verify->chain.first_bad == 0) {
        recording.now_ms = opp_clock_now_ms(offline.clock);
        rc = opp_store_now(offline.store, record, &recording, err);
    }
    opp_offline_store_close(&offline);
    return rc;
}

/* With the checkpoints that the key in the directory has signed. */
static enum opp_code check_trail(const char *dir, const json_t *manifest, int64_t *rows, struct opp_err *err)
{
    struct opp_audit_terms terms = { .checkpoints = NULL };
    struct opp_verify checked = { .first = 0 };
    const struct opp_chain *chain = &checked.chain;
    enum opp_code rc = opp_audit_terms_load(NULL, NULL, dir, &terms, err);

    checked.terms = terms.terms;
    if (rc == OPP_OK)
        rc = verify(dir, manifest, &checked, err);
    if (rc == OPP_OK && chain->first_bad != 0)
        rc = opp_fail(err, OPP_E_VALIDATION, "the backup's audit trail does not hold. Row %" PRId64 ": %.150s",
                      chain->first_bad, chain->why);
    *rows = chain->rows;
    opp_verify_clear(&checked);
    opp_audit_terms_clear(&terms);
    return rc;
}

/* Whoever ends us in between leaves the mark, and with it nothing that a gateway would start on. */
static enum opp_code mark(const char *dir, char marker[PATH_MAX], struct opp_err *err)
{
    static const char says[] = "A restore of a backup has begun here and not ended.\n";

    if (snprintf(marker, PATH_MAX, "%s/" OPP_DATA_DIR_UNFINISHED, dir) >= PATH_MAX)
        return opp_fail(err, OPP_E_IO, "the path of the data directory is too long");
    return opp_file_write(marker, 0600, says, sizeof says - 1, err);
}

static enum opp_code unmark(const char *marker, struct opp_err *err)
{
    return unlink(marker) == 0 ? opp_file_sync_parent(marker, err)
                               : opp_fail(err, OPP_E_IO, "cannot remove %s: %s", marker, strerrordesc_np(errno));
}

static enum opp_code fill(const char *path, const char *dir, int64_t *rows, json_t **manifest, struct opp_err *err)
{
    char marker[PATH_MAX];
    enum opp_code rc = mark(dir, marker, err);

    if (rc == OPP_OK)
        rc = opp_archive_extract(path, dir, manifest, err);
    if (rc == OPP_OK)
        rc = check_databases(dir, *manifest, err);
    if (rc == OPP_OK)
        rc = check_trail(dir, *manifest, rows, err);
    if (rc == OPP_OK)
        rc = unmark(marker, err);
    return rc;
}

/* Who does not get the lock leaves the directory alone: what is in it now is another's. */
static enum opp_code restore(const char *path, const char *dir, int64_t *rows, json_t **manifest, struct opp_err *err)
{
    bool absent = false;
    int lock = -1;
    enum opp_code rc = check_empty(dir, &absent, err);

    if (rc == OPP_OK)
        rc = opp_lock_dir(dir, &lock, err);
    if (rc != OPP_OK)
        return rc;
    rc = fill(path, dir, rows, manifest, err);
    if (rc != OPP_OK)
        empty(dir, absent);
    close(lock);
    return rc;
}

static int run(const json_t *args)
{
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };
    json_t *manifest = NULL;
    int64_t rows = 0;
    enum opp_code rc = opp_offline_config(&OPP_COMMAND_RESTORE, args, &config, &err);

    if (rc == OPP_OK)
        rc = restore(opp_json_text(args, "operand"), config.data_dir, &rows, &manifest, &err);
    if (rc == OPP_OK)
        printf("%s: %zu files as of %s; the audit trail holds, %" PRId64 " rows\n", config.data_dir,
               json_array_size(json_object_get(manifest, "files")), opp_json_text(manifest, "created_at"), rows);
    json_decref(manifest);
    opp_config_clear(&config);
    return opp_command_printed(rc == OPP_OK ? OPP_EXIT_OK : opp_command_failed(&err));
}
