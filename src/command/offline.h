/* SPDX-License-Identifier: MIT
 *
 * command/offline.h - what commands that start no gateway have in common: the configuration, the gateway's store, and
 * databases without their data.
 * May include: all.
 */
#ifndef OPP_COMMAND_OFFLINE_H
#define OPP_COMMAND_OFFLINE_H

#include "base/error.h"
#include "command/args.h"
#include "command/config.h"

struct opp_clock;
struct opp_databases;
struct opp_store;
struct opp_upstreams;

/* opp_config_load of what --config and the command's other flags say; a flag's mistake is named by the flag. */
enum opp_code opp_offline_config(const struct opp_command *command, const json_t *args, struct opp_config *out,
                                 struct opp_err *err);

/* opp_config_load of what --config and --data say, for a command whose other flags are its own. */
enum opp_code opp_offline_data(const struct opp_command *command, const json_t *args, struct opp_config *out,
                               struct opp_err *err);

/* The gateway's store and its clock, while no gateway has them. */
struct opp_offline_store {
    struct opp_store *store;
    struct opp_clock *clock;
    int fresh; /* it was made now */
};

/* Opens the store of a data directory whose lock the caller holds; made where there is none, and brought to this
 * program's schema. To be closed also after a failure. Codes as opp_store_open; OPP_E_MEMORY. */
enum opp_code opp_offline_store_open(const char *data_dir, struct opp_offline_store *out, struct opp_err *err);
void opp_offline_store_close(struct opp_offline_store *offline);

/* Gives a set whose databases are made in memory, so that what adapters declare can be tried. OPP_E_MEMORY. */
enum opp_code opp_offline_databases(struct opp_databases **out, struct opp_err *err);

/* Gives the upstreams that are configured, NULL where there are none: for what adapters declare, without the files and
 * credentials that a gateway would send requests with. Codes as opp_upstreams_new. */
enum opp_code opp_offline_upstreams(const struct opp_config *config, struct opp_upstreams **out, struct opp_err *err);

#endif
