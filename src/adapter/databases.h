/* SPDX-License-Identifier: MIT
 *
 * adapter/databases.h - the databases that adapters have declared, each a file with its one writer: a set that only
 * grows and outlives what was loaded.
 * May include: base.
 */
#ifndef OPP_ADAPTER_DATABASES_H
#define OPP_ADAPTER_DATABASES_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>

struct opp_backup;
struct opp_databases;

struct opp_databases_settings {
    const char *data_dir; /* where they are; NULL: make them in memory, to try what is declared */
    bool demo;            /* put the demo data into a database that is new */
    struct opp_log *log;
    struct opp_metrics *metrics; /* as of struct opp_writer_settings */
    size_t queue_max_bytes;
    void (*on_unknown)(const char *name, const char *message); /* see store/writer.h */
};

/* Gives an empty set; data_dir is lent until it is closed. OPP_E_MEMORY. */
enum opp_code opp_databases_new(const struct opp_databases_settings *settings, struct opp_databases **out,
                                struct opp_err *err);
/* Commits what is queued and ends the writers. Whatever has readers of them is closed. NULL allowed. */
void opp_databases_close(struct opp_databases *databases);
/* Commits what is queued for any of them and takes no more, see opp_writer_end: before the workers' loops are freed. */
void opp_databases_end(struct opp_databases *databases);

/* Adds all of them to a backup. OPP_E_MEMORY. */
enum opp_code opp_databases_backup(struct opp_databases *databases, struct opp_backup *backup, struct opp_err *err);

#endif
