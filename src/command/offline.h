/* SPDX-License-Identifier: MIT
 *
 * command/offline.h - what commands that start no gateway have in common: the configuration, and databases without
 * their data.
 * May include: all.
 */
#ifndef OPP_COMMAND_OFFLINE_H
#define OPP_COMMAND_OFFLINE_H

#include "base/error.h"
#include "command/args.h"
#include "command/config.h"

struct opp_databases;

/* opp_config_load of what --config and the command's other flags say; a flag's mistake is named by the flag. */
enum opp_code opp_offline_config(const struct opp_command *command, const json_t *args, struct opp_config *out,
                                 struct opp_err *err);

/* opp_config_load of what --config and --data say, for a command whose other flags are its own. */
enum opp_code opp_offline_data(const struct opp_command *command, const json_t *args, struct opp_config *out,
                               struct opp_err *err);

/* Gives a set whose databases are made in memory, so that what adapters declare can be tried. OPP_E_MEMORY. */
enum opp_code opp_offline_databases(struct opp_databases **out, struct opp_err *err);

#endif
