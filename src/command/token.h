/* SPDX-License-Identifier: MIT
 *
 * command/token.h - oppd token create: an admin token for a person, made while the gateway is stopped.
 * May include: command.
 */
#ifndef OPP_COMMAND_TOKEN_H
#define OPP_COMMAND_TOKEN_H

#include "command/args.h"

extern const struct opp_command OPP_COMMAND_TOKEN_CREATE;

#endif
