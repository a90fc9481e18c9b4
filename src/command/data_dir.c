/* SPDX-License-Identifier: MIT */
#include "command/data_dir.h"

#include "audit/checkpoint.h"
#include "store/db.h"
#include "store/lock.h"
#include "store/store.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool has(const char *dir, const char *file)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof path, "%s/%s", dir, file) < (int)sizeof path && access(path, F_OK) == 0;
}

static enum opp_code check_whole(const char *dir, struct opp_err *err)
{
    if (has(dir, OPP_DATA_DIR_UNFINISHED))
        return opp_fail(err, OPP_E_IO,
                        "%s is a part of a backup, whose restore did not end: empty it and restore again", dir);
    if (has(dir, OPP_AUDIT_KEY_FILE) && !has(dir, OPP_STORE_FILE))
        return opp_fail(err, OPP_E_IO,
                        "%s has an " OPP_AUDIT_KEY_FILE " and no " OPP_STORE_FILE ": the data of that gateway is "
                        "missing; restore a backup, or empty it to begin anew",
                        dir);
    return OPP_OK;
}

enum opp_code opp_data_dir_lock(const char *dir, int *fd, struct opp_err *err)
{
    int lock = -1;
    enum opp_code rc = opp_lock_dir(dir, &lock, err);

    if (rc != OPP_OK)
        return rc;
    rc = check_whole(dir, err);
    if (rc == OPP_OK)
        *fd = lock;
    else
        close(lock);
    return rc;
}

enum opp_code opp_data_dir_require(const char *dir, struct opp_err *err)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/" OPP_STORE_FILE, dir) < (int)sizeof path && opp_db_is_one(path))
        return OPP_OK;
    return opp_fail(err, OPP_E_IO, "there is no data of a gateway in %s", dir);
}

void opp_data_dir_blame(const char *dir, struct opp_err *err)
{
    struct opp_err told = { 0 };

    if (strncmp(err->message, "sqlite: ", 8) != 0)
        return;
    opp_fail(&told, err->code, "%.150s/" OPP_STORE_FILE ": %s", dir, err->message);
    *err = told;
}
