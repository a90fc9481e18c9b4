/* SPDX-License-Identifier: MIT */
#include "store/db_rest.h"

#include "base/percent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The path is one that fits PATH_MAX. */
static void write_uri(const char *path, char uri[OPP_DB_URI_MAX])
{
    size_t length = (size_t)snprintf(uri, OPP_DB_URI_MAX, "file:");

    length += opp_percent_encode(path, strlen(path), "/", uri + length);
    snprintf(uri + length, OPP_DB_URI_MAX - length, "?immutable=1");
}

/* Of the directory that the file is in. */
static bool may_write_beside(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');

    snprintf(dir, sizeof dir, "%.*s", slash != NULL ? (int)(slash - path + 1) : 1, slash != NULL ? path : ".");
    return access(dir, W_OK) == 0;
}

bool opp_db_rests(const char *path, char uri[OPP_DB_URI_MAX])
{
    char log[PATH_MAX];

    if (snprintf(log, sizeof log, "%s-wal", path) >= (int)sizeof log || may_write_beside(path) ||
        access(log, F_OK) == 0 || errno != ENOENT)
        return false;
    write_uri(path, uri);
    return true;
}
