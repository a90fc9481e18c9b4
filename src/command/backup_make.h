/* SPDX-License-Identifier: MIT
 *
 * command/backup_make.h - one backup: the databases copied, what else a data directory holds, all in one file.
 * May include: audit, store, base.
 */
#ifndef OPP_COMMAND_BACKUP_MAKE_H
#define OPP_COMMAND_BACKUP_MAKE_H

#include "base/error.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>

struct opp_backup;

struct opp_backup_job {
    const char *data_dir;
    const char *path; /* of the new file; copies are made beside it first */
    int64_t now_ms;
    const atomic_bool *cancel;                                                       /* may be NULL */
    enum opp_code (*add)(void *arg, struct opp_backup *backup, struct opp_err *err); /* adds the databases */
    void *arg;
};

/* Gives the manifest of what was written (see store/archive.h). OPP_E_EXISTS: path is there already. OPP_E_IO,
 * OPP_E_UNAVAILABLE, OPP_E_MEMORY: path is not. */
enum opp_code opp_backup_make(const struct opp_backup_job *job, json_t **manifest, struct opp_err *err);

#endif
