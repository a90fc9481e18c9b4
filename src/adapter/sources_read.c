/* SPDX-License-Identifier: MIT */
#include "adapter/internal.h"
#include "adapter/sources.h"
#include "base/file.h"
#include "base/utf8.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define PATH_BYTES 4096

/* Where the reading is: name is below dir, and the part after its adapter's directory begins at below. */
struct reading {
    struct opp_adapter_sources *sources;
    const char *dir;
    char adapter[256];
};

static bool ends_in(const char *name, const char *suffix)
{
    size_t length = strlen(name), wanted = strlen(suffix);

    return length > wanted && strcmp(name + length - wanted, suffix) == 0;
}

/* The path of a file of the adapter. OPP_E_CONFIG: it is too long. */
static enum opp_code path_of(const struct reading *reading, const char *name, char path[PATH_BYTES],
                             struct opp_err *err)
{
    if (snprintf(path, PATH_BYTES, "%s/%s/%s", reading->dir, reading->adapter, name) < PATH_BYTES)
        return OPP_OK;
    return opp_fail_at(err, OPP_E_CONFIG, reading->adapter, "the adapter has too long a path");
}

/* What an operator is told is the file below the adapters' directory. */
static enum opp_code blame(const struct reading *reading, const char *name, enum opp_code rc, const struct opp_err *why,
                           struct opp_err *err)
{
    char where[PATH_BYTES]; /* what is cut is cut between characters, by opp_fail_at */

    if (rc == OPP_E_ABSENT || rc == OPP_E_LIMIT)
        rc = OPP_E_CONFIG;
    snprintf(where, sizeof where, "%s%s%s", reading->adapter, *name != '\0' ? "/" : "", name);
    return opp_fail_at(err, rc, where, "%s", why->message);
}

static enum opp_code fail_below(const struct reading *reading, const char *name, const char *message,
                                struct opp_err *err)
{
    struct opp_err why = { 0 };

    return blame(reading, name, opp_fail(&why, OPP_E_CONFIG, "%s", message), &why, err);
}

static enum opp_code add_file(struct reading *reading, const char *path, const char *name, struct opp_err *err)
{
    struct opp_err why = { 0 };
    char *bytes = NULL;
    size_t length = 0;
    enum opp_code rc = opp_file_read(path, OPP_ADAPTER_FILE_MAX, &bytes, &length, &why);

    if (rc != OPP_OK)
        opp_file_hide_path(&why, path, "it");
    else
        rc = opp_sources_add_file(reading->sources, name, bytes, length, &why);
    return rc == OPP_OK ? OPP_OK : blame(reading, name, rc, &why, err);
}

static enum opp_code read_below(struct reading *reading, const char *below, int depth, struct opp_err *err);

/* name is relative to the adapter's directory. */
static enum opp_code read_entry(struct reading *reading, const char *name, int depth, struct opp_err *err)
{
    char path[PATH_BYTES];
    struct stat about;
    enum opp_code rc = path_of(reading, name, path, err);

    if (rc != OPP_OK)
        return rc;
    if (stat(path, &about) != 0)
        return fail_below(reading, name, "it cannot be looked at", err);
    if (S_ISDIR(about.st_mode))
        return read_below(reading, name, depth + 1, err);
    return ends_in(name, ".lua") || ends_in(name, ".sql") ? add_file(reading, path, name, err) : OPP_OK;
}

static enum opp_code read_below(struct reading *reading, const char *below, int depth, struct opp_err *err)
{
    char path[PATH_BYTES], name[PATH_BYTES];
    struct opp_err why = { 0 };
    char **names = NULL;
    enum opp_code rc = path_of(reading, below, path, err);

    if (rc == OPP_OK && depth > DEPTH_MAX)
        rc = opp_fail_at(err, OPP_E_CONFIG, reading->adapter, "the adapter has directories nested too deep");
    if (rc == OPP_OK && (rc = opp_file_list(path, "", &names, &why)) != OPP_OK) {
        opp_file_hide_path(&why, path, "it");
        rc = blame(reading, below, rc, &why, err);
    }
    for (size_t i = 0; rc == OPP_OK && names[i] != NULL; i++) {
        if (names[i][0] == '.')
            continue;
        if (!opp_utf8_valid(names[i], strlen(names[i])))
            rc = fail_below(reading, below, "the name of a file is not UTF-8 text", err);
        else if ((size_t)snprintf(name, sizeof name, "%s%s%s", below, *below != '\0' ? "/" : "", names[i]) >=
                 sizeof name)
            rc = opp_fail_at(err, OPP_E_CONFIG, reading->adapter, "the adapter has too long a path");
        else
            rc = read_entry(reading, name, depth, err);
    }
    opp_names_free(names);
    return rc;
}

/* Adds the directory's adapter if it is one. */
static enum opp_code read_adapter(struct reading *reading, const char *name, struct opp_err *err)
{
    char path[PATH_BYTES];
    enum opp_code rc;

    if ((size_t)snprintf(reading->adapter, sizeof reading->adapter, "%s", name) >= sizeof reading->adapter)
        return opp_fail(err, OPP_E_CONFIG, "the name of an adapter is too long");
    if (!opp_utf8_valid(name, strlen(name)))
        return opp_fail(err, OPP_E_CONFIG, "the name of an adapter is not UTF-8 text");
    rc = path_of(reading, "init.lua", path, err);
    if (rc != OPP_OK || faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return rc; /* a link that leads nowhere is an adapter that cannot be read, not one that is not there */
    rc = opp_sources_add_adapter(reading->sources, name, err);
    return rc == OPP_OK ? read_below(reading, "", 0, err) : rc;
}

enum opp_code opp_adapter_sources_read(const char *dir, struct opp_adapter_sources **out, struct opp_err *err)
{
    struct reading reading = { .sources = opp_sources_new(), .dir = dir };
    char **names = NULL;
    enum opp_code rc;

    if (reading.sources == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the adapters' files");
    rc = opp_file_list(dir, "", &names, err);
    for (size_t i = 0; rc == OPP_OK && names[i] != NULL; i++)
        if (names[i][0] != '.')
            rc = read_adapter(&reading, names[i], err);
    if (rc == OPP_OK)
        rc = opp_sources_seal(reading.sources, err);
    opp_names_free(names);
    if (rc == OPP_OK)
        *out = reading.sources;
    else
        opp_adapter_sources_unref(reading.sources);
    return rc == OPP_E_ABSENT ? OPP_E_CONFIG : rc;
}
