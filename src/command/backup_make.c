/* SPDX-License-Identifier: MIT */
#include "command/backup_make.h"

#include "audit/checkpoint.h"
#include "base/file.h"
#include "store/archive.h"
#include "store/backup.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a data directory holds besides databases and is not made anew by a start. */
static const char *const PLAIN_FILES[] = { OPP_AUDIT_KEY_FILE };
#define PLAIN_COUNT (sizeof PLAIN_FILES / sizeof *PLAIN_FILES)
#define WHOLE "backup.tar" /* in the folder, until it has its name */
#define PLAIN_MAX_BYTES ((size_t)1024 * 1024)

/* A folder beside the new file, so that there is room for the copies where there is to be room for the whole. */
static enum opp_code make_folder(const char *path, char folder[PATH_MAX], struct opp_err *err)
{
    if (snprintf(folder, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
        return opp_fail(err, OPP_E_IO, "the path %.100s... is too long", path);
    if (access(path, F_OK) == 0)
        return opp_fail(err, OPP_E_EXISTS, "%s is there already", path);
    if (mkdtemp(folder) == NULL)
        return opp_fail(err, OPP_E_IO, "cannot make files beside %s: %s", path, strerrordesc_np(errno));
    return OPP_OK;
}

static void remove_folder(const char *folder)
{
    char **names = NULL, path[PATH_MAX];

    if (opp_file_list(folder, "", &names, NULL) != OPP_OK)
        return;
    for (char **name = names; *name != NULL; name++)
        if (snprintf(path, sizeof path, "%s/%s", folder, *name) < (int)sizeof path)
            unlink(path);
    opp_names_free(names);
    rmdir(folder);
}

/* Copies one plain file if there is one. */
static enum opp_code copy_plain(const char *data_dir, const char *file, const char *folder, bool *there,
                                struct opp_err *err)
{
    char path[PATH_MAX], *bytes = NULL;
    struct opp_err why = { 0 };
    size_t length = 0;
    enum opp_code rc;

    *there = false;
    if (snprintf(path, sizeof path, "%s/%s", data_dir, file) >= (int)sizeof path)
        return opp_fail(err, OPP_E_IO, "the path of the data directory is too long");
    rc = opp_file_read(path, PLAIN_MAX_BYTES, &bytes, &length, &why);
    if (rc == OPP_E_ABSENT)
        return OPP_OK;
    if (rc == OPP_OK && snprintf(path, sizeof path, "%s/%s", folder, file) < (int)sizeof path)
        rc = opp_file_write(path, 0600, bytes, length, &why);
    free(bytes);
    *there = rc == OPP_OK;
    return rc == OPP_OK ? OPP_OK : opp_fail(err, rc, "%s", why.message);
}

static enum opp_code write_archive(const struct opp_backup_job *job, const char *whole, const char *folder,
                                   const struct opp_backup *backup, json_t **manifest, struct opp_err *err)
{
    const char *const *databases = opp_backup_files(backup);
    const char **files;
    size_t count = 0;
    enum opp_code rc = OPP_OK;
    bool there;

    while (databases[count] != NULL)
        count++;
    files = calloc(PLAIN_COUNT + count + 1, sizeof *files);
    if (files == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a backup");
    memcpy(files, databases, count * sizeof *files);
    for (size_t i = 0; rc == OPP_OK && i < PLAIN_COUNT; i++) {
        rc = copy_plain(job->data_dir, PLAIN_FILES[i], folder, &there, err);
        if (there)
            files[count++] = PLAIN_FILES[i];
    }
    if (rc == OPP_OK)
        rc = opp_archive_write(whole, folder, files, job->now_ms, manifest, err);
    free(files);
    return rc;
}

/* A file that has the backup's name is whole, whenever we end. */
static enum opp_code write_whole(const struct opp_backup_job *job, const char *folder, const struct opp_backup *backup,
                                 json_t **manifest, struct opp_err *err)
{
    char whole[PATH_MAX];
    json_t *made = NULL;
    enum opp_code rc;

    if (snprintf(whole, sizeof whole, "%s/" WHOLE, folder) >= (int)sizeof whole)
        return opp_fail(err, OPP_E_IO, "the path %.100s... is too long", job->path);
    rc = write_archive(job, whole, folder, backup, &made, err);
    if (rc == OPP_OK)
        rc = opp_file_rename_new(whole, job->path, err);
    if (rc == OPP_OK)
        *manifest = made;
    else
        json_decref(made);
    return rc;
}

enum opp_code opp_backup_make(const struct opp_backup_job *job, json_t **manifest, struct opp_err *err)
{
    struct opp_backup *backup = NULL;
    char folder[PATH_MAX];
    enum opp_code rc = make_folder(job->path, folder, err);

    if (rc != OPP_OK)
        return rc;
    rc = opp_backup_new(folder, job->cancel, &backup, err);
    if (rc == OPP_OK)
        rc = job->add(job->arg, backup, err);
    if (rc == OPP_OK)
        rc = opp_backup_run(backup, err);
    if (rc == OPP_OK)
        rc = write_whole(job, folder, backup, manifest, err);
    opp_backup_free(backup);
    remove_folder(folder);
    return rc;
}
