/* SPDX-License-Identifier: MIT
 *
 * command/command.h - which command was asked for, the help that lists them, and how a command says what went wrong.
 * May include: base, command.
 */
#ifndef OPP_COMMAND_COMMAND_H
#define OPP_COMMAND_COMMAND_H

#include "base/error.h"

enum opp_exit {
    OPP_EXIT_OK = 0,
    OPP_EXIT_FAILED = 1,  /* what was asked for could not be done */
    OPP_EXIT_USAGE = 2,   /* a flag, the configuration, an adapter or a policy is wrong */
    OPP_EXIT_UNKNOWN = 70 /* a commit whose outcome cannot be known; resolved at the next start */
};

/* Runs the command that the arguments name and gives its exit code. */
int opp_command_main(int argc, char *const *argv);

/* The exit code that belongs to what went wrong. */
int opp_command_exit(const struct opp_err *err);
/* Says on stderr what went wrong, in one line; gives opp_command_exit of it. */
int opp_command_failed(const struct opp_err *err);
/* Gives code once what was printed is written, which everything that prints ends with; where it cannot be, says so and
 * gives OPP_EXIT_FAILED. */
int opp_command_printed(int code);

#endif
