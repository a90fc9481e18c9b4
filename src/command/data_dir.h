/* SPDX-License-Identifier: MIT
 *
 * command/data_dir.h - what must be so before a data directory is used, and before one is made of a backup.
 * May include: store, audit, base.
 */
#ifndef OPP_COMMAND_DATA_DIR_H
#define OPP_COMMAND_DATA_DIR_H

#include "base/error.h"

/* In a directory that is being made of a backup, until all of it is there and was checked. */
#define OPP_DATA_DIR_UNFINISHED "unfinished"

/* opp_lock_dir of a directory that is whole. OPP_E_IO: a restore of it did not end, or its audit key is there and the
 * database that the key was made for is not: to begin anew with an empty one would hide that. */
enum opp_code opp_data_dir_lock(const char *dir, int *fd, struct opp_err *err);

/* Whether a gateway's database is there, for commands that make none. OPP_E_IO: it is not. */
enum opp_code opp_data_dir_require(const char *dir, struct opp_err *err);

/* Puts the database's path before what SQLite said of it, for commands that read one. */
void opp_data_dir_blame(const char *dir, struct opp_err *err);

#endif
