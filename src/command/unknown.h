/* SPDX-License-Identifier: MIT
 *
 * command/unknown.h - leaving at once when it cannot be known whether a commit happened.
 * May include: base, command.
 */
#ifndef OPP_COMMAND_UNKNOWN_H
#define OPP_COMMAND_UNKNOWN_H

/* A writer's on_unknown: says so on stderr and ends the process with OPP_EXIT_UNKNOWN, acknowledging nothing more. The
 * next start finds out what happened. */
void opp_unknown_leave(const char *name, const char *message);

#endif
