/* SPDX-License-Identifier: MIT
 *
 * command/replay.h - `oppd replay`: what a profile would have decided in the recorded past, for people and for scripts.
 * May include: all.
 */
#ifndef OPP_COMMAND_REPLAY_H
#define OPP_COMMAND_REPLAY_H

#include "command/args.h"

#include <jansson.h>

extern const struct opp_command OPP_COMMAND_REPLAY;

/* Prints a report as core/tally.h gives it: a sentence, what could not be told, and a table of what differs. */
void opp_replay_print(const json_t *report);

#endif
