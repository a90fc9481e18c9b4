/* SPDX-License-Identifier: MIT
 *
 * command/backup.h - oppd backup: everything of a data directory in one file, while the gateway runs or not.
 * May include: command.
 */
#ifndef OPP_COMMAND_BACKUP_H
#define OPP_COMMAND_BACKUP_H

#include "command/args.h"

extern const struct opp_command OPP_COMMAND_BACKUP;

#endif
