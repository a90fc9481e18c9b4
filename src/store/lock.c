/* SPDX-License-Identifier: MIT */
#include "store/lock.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum opp_code opp_lock_dir(const char *dir, int *fd, struct opp_err *err)
{
    char path[PATH_MAX];
    enum opp_code rc = opp_file_make_dir(dir, 0700, err);
    int opened;

    if (rc != OPP_OK)
        return rc;
    if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path)
        return opp_fail(err, OPP_E_IO, "the path of the data directory is too long");
    opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (opened < 0)
        return opp_fail(err, OPP_E_IO, "cannot open %s: %s", path, strerror(errno));
    if (flock(opened, LOCK_EX | LOCK_NB) != 0) {
        close(opened);
        return opp_fail(err, OPP_E_EXISTS, "another oppd uses the data directory %s", dir);
    }
    *fd = opened;
    return OPP_OK;
}
