/* SPDX-License-Identifier: MIT
 *
 * command/restore.h - oppd restore: a new data directory out of a backup.
 * May include: command.
 */
#ifndef OPP_COMMAND_RESTORE_H
#define OPP_COMMAND_RESTORE_H

#include "command/args.h"

extern const struct opp_command OPP_COMMAND_RESTORE;

#endif
