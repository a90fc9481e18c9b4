/* SPDX-License-Identifier: MIT
 *
 * command/check.h - oppd check: would the gateway load these policies and adapters?
 * May include: command.
 */
#ifndef OPP_COMMAND_CHECK_H
#define OPP_COMMAND_CHECK_H

#include "command/args.h"

extern const struct opp_command OPP_COMMAND_CHECK;

#endif
