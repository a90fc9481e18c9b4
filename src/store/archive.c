/* SPDX-License-Identifier: MIT */
#include "store/archive.h"

#include "base/date.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/reserve.h"
#include "base/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FORMAT "oppd-backup"
#define VERSION 1
#define MANIFEST "manifest.json"

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for an archive");
}

/* What the manifest says of a file. */
static json_t *entry_of(const struct opp_tar_member *member)
{
    char hash[OPP_HASH_HEX];

    opp_hash_hex(member->bytes, member->length, hash);
    return json_pack("{s:s, s:I, s:s}", "name", member->name, "bytes", (json_int_t)member->length, "sha256", hash);
}

static bool make_path(char path[PATH_MAX], const char *dir, const char *file)
{
    return snprintf(path, PATH_MAX, "%s/%s", dir, file) < PATH_MAX;
}

static enum opp_code add_file(int fd, const char *dir, const char *file, int64_t now_ms, json_t *files,
                              struct opp_err *err)
{
    struct opp_tar_member member = { .length = 0 };
    struct opp_file_map map = { 0 };
    char path[PATH_MAX];
    enum opp_code rc;

    if (!make_path(path, dir, file) || strlen(file) > OPP_TAR_NAME_MAX)
        return opp_fail(err, OPP_E_LIMIT, "the name %.60s... is too long for an archive", file);
    rc = opp_file_map(path, &map, err);
    if (rc != OPP_OK)
        return rc;
    memcpy(member.name, file, strlen(file));
    member.bytes = map.bytes;
    member.length = map.length;
    rc = opp_tar_add(fd, &member, now_ms / 1000, err);
    if (rc == OPP_OK && json_array_append_new(files, entry_of(&member)) != 0)
        rc = no_memory(err);
    opp_file_unmap(&map);
    return rc;
}

static enum opp_code add_manifest(int fd, const json_t *manifest, int64_t now_ms, struct opp_err *err)
{
    struct opp_tar_member member = { .name = MANIFEST };
    char *text = json_dumps(manifest, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    enum opp_code rc;

    if (text == NULL)
        return no_memory(err);
    member.bytes = text;
    member.length = strlen(text);
    rc = opp_tar_add(fd, &member, now_ms / 1000, err);
    opp_reserve_free(text);
    return rc == OPP_OK ? opp_tar_end(fd, err) : rc;
}

static enum opp_code write_all(int fd, const char *dir, const char *const *files, int64_t now_ms, json_t *manifest,
                               struct opp_err *err)
{
    json_t *entries = json_object_get(manifest, "files");
    enum opp_code rc = OPP_OK;

    for (const char *const *file = files; rc == OPP_OK && *file != NULL; file++)
        rc = add_file(fd, dir, *file, now_ms, entries, err);
    if (rc == OPP_OK)
        rc = add_manifest(fd, manifest, now_ms, err);
    if (rc == OPP_OK && fsync(fd) != 0)
        rc = opp_fail(err, OPP_E_IO, "cannot make the archive durable: %s", strerrordesc_np(errno));
    return rc;
}

static json_t *make_manifest(int64_t now_ms)
{
    char created_at[OPP_DATE_MAX];

    opp_date_format(now_ms, created_at);
    return json_pack("{s:s, s:i, s:s, s:s, s:[]}", "format", FORMAT, "version", VERSION, "oppd", OPP_VERSION,
                     "created_at", created_at, "files");
}

enum opp_code opp_archive_write(const char *path, const char *dir, const char *const *files, int64_t now_ms,
                                json_t **manifest, struct opp_err *err)
{
    json_t *made = make_manifest(now_ms);
    enum opp_code rc;
    int fd = -1;

    if (made == NULL)
        return no_memory(err);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        json_decref(made);
        return opp_fail(err, errno == EEXIST ? OPP_E_EXISTS : OPP_E_IO, "cannot make %s: %s", path,
                        strerrordesc_np(errno));
    }
    rc = write_all(fd, dir, files, now_ms, made, err);
    close(fd);
    if (rc == OPP_OK)
        rc = opp_file_sync_parent(path, err);
    if (rc != OPP_OK)
        unlink(path);
    else if (manifest != NULL)
        *manifest = json_incref(made);
    json_decref(made);
    return rc;
}

static enum opp_code damaged(struct opp_err *err, const char *path, const char *problem)
{
    return opp_fail(err, OPP_E_VALIDATION, "%s: %s", path, problem);
}

/* A name of an archive becomes a path: it must lie in the directory, and hide nothing. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* Reads the members before the manifest into entries as the manifest should have them, and then the manifest. */
static enum opp_code read_members(const struct opp_file_map *map, const char *path, json_t *entries, json_t **manifest,
                                  struct opp_err *err)
{
    struct opp_tar_member member;
    size_t at = 0;

    for (;;) {
        enum opp_code rc = opp_tar_next(map->bytes, map->length, &at, &member, err);

        if (rc != OPP_OK)
            return rc == OPP_E_ABSENT ? damaged(err, path, "the archive has no manifest") : rc;
        if (strcmp(member.name, MANIFEST) == 0)
            return opp_json_parse(member.bytes, member.length, manifest, err);
        if (!is_plain_name(member.name))
            return damaged(err, path, "the archive has a file whose name is none of a data directory's");
        if (json_array_append_new(entries, entry_of(&member)) != 0)
            return no_memory(err);
    }
}

static enum opp_code check_manifest(const char *path, const json_t *manifest, const json_t *entries,
                                    struct opp_err *err)
{
    const char *format = opp_json_text(manifest, "format");

    if (format == NULL || strcmp(format, FORMAT) != 0)
        return damaged(err, path, "this is no backup of oppd");
    if (json_integer_value(json_object_get(manifest, "version")) != VERSION)
        return damaged(err, path, "the backup is of a newer oppd");
    if (!opp_json_equal(json_object_get(manifest, "files"), entries))
        return damaged(err, path, "what is in the archive is not what its manifest says; it is damaged");
    return OPP_OK;
}

static enum opp_code check_map(const struct opp_file_map *map, const char *path, json_t **manifest, struct opp_err *err)
{
    json_t *entries = json_array(), *read = NULL;
    enum opp_code rc = entries != NULL ? read_members(map, path, entries, &read, err) : no_memory(err);

    if (rc == OPP_OK)
        rc = check_manifest(path, read, entries, err);
    json_decref(entries);
    if (rc == OPP_OK)
        *manifest = read;
    else
        json_decref(read);
    return rc;
}

static enum opp_code write_members(const struct opp_file_map *map, const char *dir, struct opp_err *err)
{
    struct opp_tar_member member;
    char path[PATH_MAX];
    enum opp_code rc;
    size_t at = 0;

    for (;;) {
        rc = opp_tar_next(map->bytes, map->length, &at, &member, err);
        if (rc != OPP_OK || strcmp(member.name, MANIFEST) == 0)
            return rc;
        if (!make_path(path, dir, member.name))
            return opp_fail(err, OPP_E_IO, "the path of the data directory is too long");
        rc = opp_file_write(path, 0600, member.bytes, member.length, err);
        if (rc != OPP_OK)
            return rc;
    }
}

enum opp_code opp_archive_extract(const char *path, const char *dir, json_t **manifest, struct opp_err *err)
{
    struct opp_file_map map;
    json_t *read = NULL;
    enum opp_code rc = opp_file_map(path, &map, err);

    if (rc != OPP_OK)
        return rc;
    rc = check_map(&map, path, &read, err);
    if (rc == OPP_OK)
        rc = write_members(&map, dir, err);
    if (rc == OPP_OK)
        *manifest = read;
    else
        json_decref(read);
    opp_file_unmap(&map);
    return rc;
}
