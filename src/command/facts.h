/* SPDX-License-Identifier: MIT
 *
 * command/facts.h - oppd facts: what rules may read of a tool's calls.
 * May include: command.
 */
#ifndef OPP_COMMAND_FACTS_H
#define OPP_COMMAND_FACTS_H

#include "command/args.h"

extern const struct opp_command OPP_COMMAND_FACTS;

#endif
