/* SPDX-License-Identifier: MIT
 *
 * command/audit.h - oppd audit verify, export and archive.
 * May include: command.
 */
#ifndef OPP_COMMAND_AUDIT_H
#define OPP_COMMAND_AUDIT_H

#include "command/args.h"

extern const struct opp_command OPP_COMMAND_AUDIT_VERIFY, OPP_COMMAND_AUDIT_EXPORT, OPP_COMMAND_AUDIT_ARCHIVE;

#endif
