/* SPDX-License-Identifier: MIT */
#include "command/command.h"

#include "base/reserve.h"
#include "command/args.h"
#include "command/audit.h"
#include "command/backup.h"
#include "command/check.h"
#include "command/config_reference.h"
#include "command/evidence.h"
#include "command/facts.h"
#include "command/nearest.h"
#include "command/replay.h"
#include "command/restore.h"
#include "command/serve.h"
#include "command/token.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int run_help(const json_t *args);
static int run_version(const json_t *args);

static const struct opp_command HELP = { .name = "help",
                                         .summary = "This text; with a command, its flags.",
                                         .run = run_help };
static const struct opp_command VERSION = { .name = "version", .summary = "The version of oppd.", .run = run_version };
static const struct opp_command *const COMMANDS[] = {
    &OPP_COMMAND_SERVE,
    &OPP_COMMAND_CHECK,
    &OPP_COMMAND_FACTS,
    &OPP_COMMAND_REPLAY,
    &OPP_COMMAND_TOKEN_CREATE,
    &OPP_COMMAND_AUDIT_VERIFY,
    &OPP_COMMAND_AUDIT_EXPORT,
    &OPP_COMMAND_AUDIT_ARCHIVE,
    &OPP_COMMAND_EVIDENCE_VERIFY,
    &OPP_COMMAND_EVIDENCE,
    &OPP_COMMAND_BACKUP,
    &OPP_COMMAND_RESTORE,
    &HELP,
    &VERSION,
    NULL,
};

#define COMMANDS_MAX 16

int opp_command_exit(const struct opp_err *err)
{
    return err->code == OPP_E_VALIDATION || err->code == OPP_E_CONFIG ? OPP_EXIT_USAGE : OPP_EXIT_FAILED;
}

int opp_command_failed(const struct opp_err *err)
{
    fprintf(stderr, "oppd: %s%s%s\n", err->where, err->where[0] != '\0' ? ": " : "", err->message);
    return opp_command_exit(err);
}

int opp_command_printed(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    fprintf(stderr, "oppd: cannot write to the standard output\n");
    return OPP_EXIT_FAILED;
}

static int print(struct opp_buf *text)
{
    struct opp_err err = { 0 };
    int code = OPP_EXIT_OK;

    if (opp_buf_check(text, &err) == OPP_OK)
        fwrite(text->bytes, 1, text->length, stdout);
    else
        code = opp_command_failed(&err);
    opp_buf_free(text);
    return opp_command_printed(code);
}

static void add_help(struct opp_buf *text)
{
    opp_buf_text(text, "oppd - a gateway between software agents and the systems they act on\n\n");
    for (const struct opp_command *const *command = COMMANDS; *command != NULL; command++) {
        opp_buf_format(text, "  oppd %-14s %s\n", (*command)->name, (*command)->summary);
        opp_args_synopsis(*command, text);
    }
    opp_buf_text(text, "\noppd help COMMAND lists a command's flags, oppd help config every setting of oppd.yaml.\n"
                       "Exit codes: 0 done, 1 failed, 2 a flag, a setting, an adapter or a policy is wrong,\n"
                       "70 the disk did not confirm a commit, and only the next start can tell whether it happened,\n"
                       "87 memory ran out where a library cannot go on.\n");
}

static int run_help(const json_t *args)
{
    struct opp_buf text = { 0 };

    (void)args;
    add_help(&text);
    return print(&text);
}

static int run_version(const json_t *args)
{
    (void)args;
    puts("oppd " OPP_VERSION);
    return opp_command_printed(OPP_EXIT_OK);
}

static int print_command_help(const struct opp_command *command)
{
    struct opp_buf text = { 0 };

    opp_args_help(command, &text);
    return print(&text);
}

/* How many of the arguments are the command's name; 0: they are not. */
static int words_of(const struct opp_command *command, int argc, char *const *argv)
{
    const char *space = strchr(command->name, ' ');
    size_t first = space != NULL ? (size_t)(space - command->name) : strlen(command->name);

    if (argc < 1 || strlen(argv[0]) != first || memcmp(argv[0], command->name, first) != 0)
        return 0;
    if (space == NULL)
        return 1;
    return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static const struct opp_command *find_command(int argc, char *const *argv, int *words)
{
    for (const struct opp_command *const *command = COMMANDS; *command != NULL; command++) {
        *words = words_of(*command, argc, argv);
        if (*words > 0)
            return *command;
    }
    return NULL;
}

static int refuse_command(int argc, char *const *argv)
{
    const char *names[COMMANDS_MAX], *meant = NULL;
    char asked[64];
    size_t count = 0;

    for (const struct opp_command *const *command = COMMANDS; *command != NULL && count < COMMANDS_MAX; command++)
        names[count++] = (*command)->name;
    if (argc > 1) {
        snprintf(asked, sizeof asked, "%s %s", argv[0], argv[1]);
        meant = opp_nearest(asked, names, count);
    }
    for (size_t i = 0; meant == NULL && i < count; i++)
        if (strncmp(names[i], argv[0], strlen(argv[0])) == 0 && names[i][strlen(argv[0])] == ' ')
            meant = names[i];
    if (meant == NULL)
        meant = opp_nearest(argv[0], names, count);
    if (meant != NULL)
        fprintf(stderr, "oppd: there is no command \"%.64s\"; did you mean \"%s\"? See oppd help\n", argv[0], meant);
    else
        fprintf(stderr, "oppd: there is no command \"%.64s\"; see oppd help\n", argv[0]);
    return OPP_EXIT_USAGE;
}

/* oppd help, oppd help serve, oppd help config. */
static int help_about(int argc, char *const *argv)
{
    const struct opp_command *command;
    struct opp_buf text = { 0 };
    struct opp_err err = { 0 };
    int words = 0;

    if (argc == 0)
        return run_help(NULL);
    if (strcmp(argv[0], "config") == 0)
        return opp_config_reference(&text, &err) == OPP_OK ? print(&text) : opp_command_failed(&err);
    command = find_command(argc, argv, &words);
    return command != NULL ? print_command_help(command) : refuse_command(argc, argv);
}

static bool asks_for_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

static int run_command(const struct opp_command *command, int argc, char *const *argv)
{
    struct opp_err err = { 0 };
    json_t *args = NULL;
    int code;

    for (int i = 0; i < argc; i++)
        if (asks_for_help(argv[i]))
            return print_command_help(command);
    if (opp_args_parse(command, argc, argv, &args, &err) != OPP_OK)
        return opp_command_failed(&err);
    code = command->run(args);
    json_decref(args);
    return code;
}

int opp_command_main(int argc, char *const *argv)
{
    const struct opp_command *command;
    struct opp_buf text = { 0 };
    int words = 0;

    opp_reserve_install();
    if (argc < 2) {
        add_help(&text);
        if (opp_buf_check(&text, NULL) == OPP_OK)
            fwrite(text.bytes, 1, text.length, stderr);
        opp_buf_free(&text);
        return OPP_EXIT_USAGE;
    }
    if (asks_for_help(argv[1]))
        return run_help(NULL);
    if (strcmp(argv[1], "--version") == 0)
        return run_version(NULL);
    command = find_command(argc - 1, argv + 1, &words);
    if (command == NULL)
        return refuse_command(argc - 1, argv + 1);
    if (command == &HELP && argc > 2 && !asks_for_help(argv[2]))
        return help_about(argc - 2, argv + 2);
    return run_command(command, argc - 1 - words, argv + 1 + words);
}
