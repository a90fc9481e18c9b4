/* SPDX-License-Identifier: MIT
 *
 * command/serve.h - oppd serve: the gateway, from its start until a signal ends it.
 * May include: command.
 */
#ifndef OPP_COMMAND_SERVE_H
#define OPP_COMMAND_SERVE_H

#include "command/args.h"

extern const struct opp_command OPP_COMMAND_SERVE;

#endif
