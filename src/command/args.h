/* SPDX-License-Identifier: MIT
 *
 * command/args.h - a command's flags, from a table: reading them, naming them in a refusal, and their help.
 * May include: base, command.
 */
#ifndef OPP_COMMAND_ARGS_H
#define OPP_COMMAND_ARGS_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum opp_flag_kind {
    OPP_FLAG_TEXT,
    OPP_FLAG_INTEGER,
    OPP_FLAG_LIST, /* one or more values; given again, it adds to the list */
    OPP_FLAG_SWITCH
};

struct opp_flag {
    const char *name; /* without the dashes */
    enum opp_flag_kind kind;
    const char *value;  /* what help calls the value; NULL for a switch */
    const char *member; /* where it goes in the result: "workers", "log.format" */
    const char *help;
};

struct opp_command {
    const char *name;    /* one or two words */
    const char *summary; /* one line */
    const struct opp_flag *flags;
    size_t flag_count;
    const char *operand; /* what help calls the one word that it needs besides, its member "operand"; NULL: none */
    bool operands;       /* there may be any number of them: a list, its member "operands" */
    int (*run)(const json_t *args); /* gives the exit code */
};

/* Gives an object of what the flags say (text, integers, arrays of text, true). Written --flag VALUE or --flag=VALUE;
 * the last of a repeated flag counts. OPP_E_VALIDATION: an unknown flag, a missing or wrong value; the message is the
 * whole line for the caller to print. OPP_E_MEMORY. */
enum opp_code opp_args_parse(const struct opp_command *command, int argc, char *const *argv, json_t **out,
                             struct opp_err *err);

/* Lends the flag that a JSON pointer of its result belongs to ("/roles/0": the roles); NULL: none. */
const struct opp_flag *opp_args_flag_at(const struct opp_command *command, const char *pointer);

/* Puts the flag in the place of a JSON pointer in err->where. */
void opp_args_blame(const struct opp_command *command, struct opp_err *err);

/* Appends the command's flags and what their values are called, each line indented. */
void opp_args_synopsis(const struct opp_command *command, struct opp_buf *out);

/* Appends what the command does and what each flag means. */
void opp_args_help(const struct opp_command *command, struct opp_buf *out);

#endif
