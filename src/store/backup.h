/* SPDX-License-Identifier: MIT
 *
 * store/backup.h - copies of several databases as they are at one moment, made while their writers go on.
 * May include: base, store.
 *
 * SQLite's backup API copies some pages at a time, on the writer's own connection and between its batches, so that no
 * write waits for more than one step and what is written meanwhile goes into the copy too. When little is missing, each
 * writer in turn copies the rest and rests until all have: nothing that one database says happened is missing in
 * another's copy. Adapters' databases are added first and the gateway's last: an effect that is in a copy has its
 * claim, and with it its key, in the gateway's.
 */
#ifndef OPP_STORE_BACKUP_H
#define OPP_STORE_BACKUP_H

#include "base/error.h"

#include <stdatomic.h>

struct opp_backup;
struct opp_writer;

/* Gives a backup whose copies will be files of directory dir. cancel, lent until it is freed, ends it when set; may be
 * NULL. */
enum opp_code opp_backup_new(const char *dir, const atomic_bool *cancel, struct opp_backup **out, struct opp_err *err);

/* Adds the database that writer writes, to be copied to this file. OPP_E_MEMORY. */
enum opp_code opp_backup_add(struct opp_backup *backup, const char *file, struct opp_writer *writer,
                             struct opp_err *err);

/* Makes the copies; once, on a thread that is no writer's. They are not durable yet. OPP_E_UNAVAILABLE: the disk, or it
 * was canceled; OPP_E_MEMORY. */
enum opp_code opp_backup_run(struct opp_backup *backup, struct opp_err *err);

/* Lends the names of the files, ended by NULL, in the order in which they were added. */
const char *const *opp_backup_files(const struct opp_backup *backup);

/* The writers must still run. The files stay. */
void opp_backup_free(struct opp_backup *backup);

#endif
