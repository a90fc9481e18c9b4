/* SPDX-License-Identifier: MIT */
#include "command/args.h"

#include "command/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS_MAX 64
#define SYNOPSIS_COLUMNS 100
#define SYNOPSIS_INDENT "      "

/* The arguments that are still to be read. */
struct reader {
    const struct opp_command *command;
    int argc;
    char *const *argv;
    int next;
    json_t *result;
    struct opp_err *err;
};

static enum opp_code out_of_memory(struct reader *reader)
{
    return opp_fail(reader->err, OPP_E_MEMORY, "no memory to read the command line");
}

static const struct opp_flag *find_flag(const struct opp_command *command, const char *name, size_t length)
{
    for (size_t i = 0; i < command->flag_count; i++)
        if (strlen(command->flags[i].name) == length && memcmp(command->flags[i].name, name, length) == 0)
            return &command->flags[i];
    return NULL;
}

static enum opp_code refuse_unknown(struct reader *reader, const char *name, size_t length)
{
    const struct opp_command *command = reader->command;
    const char *names[FLAGS_MAX], *meant;
    char word[64];

    for (size_t i = 0; i < command->flag_count && i < FLAGS_MAX; i++)
        names[i] = command->flags[i].name;
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    meant = opp_nearest(word, names, command->flag_count < FLAGS_MAX ? command->flag_count : FLAGS_MAX);
    if (meant == NULL)
        return opp_fail(reader->err, OPP_E_VALIDATION, "there is no flag --%s; see oppd help %s", word, command->name);
    return opp_fail(reader->err, OPP_E_VALIDATION, "there is no flag --%s; did you mean --%s? See oppd help %s", word,
                    meant, command->name);
}

static enum opp_code refuse_value(struct reader *reader, const struct opp_flag *flag, const char *problem)
{
    return opp_fail(reader->err, OPP_E_VALIDATION, "--%s %s; see oppd help %s", flag->name, problem,
                    reader->command->name);
}

/* Puts value (taken) at a member that may lie in another: "log.format". */
static enum opp_code put(struct reader *reader, const char *member, json_t *value)
{
    const char *dot = strchr(member, '.');
    json_t *object = reader->result;

    if (value == NULL)
        return out_of_memory(reader);
    if (dot != NULL) {
        object = json_object_getn(reader->result, member, (size_t)(dot - member));
        if (object == NULL) {
            object = json_object();
            if (json_object_setn_new(reader->result, member, (size_t)(dot - member), object) != 0) {
                json_decref(value);
                return out_of_memory(reader);
            }
        }
        member = dot + 1;
    }
    return json_object_set_new(object, member, value) == 0 ? OPP_OK : out_of_memory(reader);
}

static enum opp_code put_integer(struct reader *reader, const struct opp_flag *flag, const char *text)
{
    char *end = NULL;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (isspace((unsigned char)text[0]) || end == text || *end != '\0' || errno != 0)
        return refuse_value(reader, flag, "needs a whole number");
    return put(reader, flag->member, json_integer(number));
}

static enum opp_code put_text(struct reader *reader, const struct opp_flag *flag, const char *text)
{
    json_t *value;

    if (flag->kind == OPP_FLAG_INTEGER)
        return put_integer(reader, flag, text);
    value = json_string(text);
    if (value == NULL)
        return refuse_value(reader, flag, "needs a value in UTF-8");
    return put(reader, flag->member, value);
}

static enum opp_code append(struct reader *reader, const struct opp_flag *flag, const char *text)
{
    json_t *list = json_object_get(reader->result, flag->member), *value = json_string(text);
    enum opp_code rc = OPP_OK;

    if (value == NULL)
        return refuse_value(reader, flag, "needs a value in UTF-8");
    if (list == NULL) {
        rc = put(reader, flag->member, json_array());
        list = json_object_get(reader->result, flag->member);
    }
    if (rc != OPP_OK) {
        json_decref(value);
        return rc;
    }
    return json_array_append_new(list, value) == 0 ? OPP_OK : out_of_memory(reader);
}

/* The next argument if it can be a value; what begins with a dash is the next flag. */
static const char *next_value(struct reader *reader)
{
    if (reader->next >= reader->argc || reader->argv[reader->next][0] == '-')
        return NULL;
    return reader->argv[reader->next++];
}

static enum opp_code read_value(struct reader *reader, const struct opp_flag *flag, const char *attached)
{
    char problem[64];
    const char *value = attached != NULL ? attached : next_value(reader);
    enum opp_code rc;

    if (value == NULL || value[0] == '\0') {
        snprintf(problem, sizeof problem, "needs a value: %s", flag->value);
        return refuse_value(reader, flag, problem);
    }
    if (flag->kind != OPP_FLAG_LIST)
        return put_text(reader, flag, value);
    rc = append(reader, flag, value);
    while (rc == OPP_OK && attached == NULL && (value = next_value(reader)) != NULL)
        rc = append(reader, flag, value);
    return rc;
}

static enum opp_code put_operand(struct reader *reader, const char *text)
{
    json_t *value = json_string(text);

    if (value == NULL)
        return opp_fail(reader->err, OPP_E_VALIDATION, "%s needs a value in UTF-8; see oppd help %s",
                        reader->command->operand, reader->command->name);
    if (!reader->command->operands)
        return put(reader, "operand", value);
    if (json_object_get(reader->result, "operands") == NULL &&
        json_object_set_new(reader->result, "operands", json_array()) != 0) {
        json_decref(value);
        return out_of_memory(reader);
    }
    return json_array_append_new(json_object_get(reader->result, "operands"), value) == 0 ? OPP_OK
                                                                                          : out_of_memory(reader);
}

static enum opp_code check_operand(struct reader *reader)
{
    const struct opp_command *command = reader->command;

    if (command->operand == NULL || command->operands || json_object_get(reader->result, "operand") != NULL)
        return OPP_OK;
    return opp_fail(reader->err, OPP_E_VALIDATION, "oppd %s needs a %s; see oppd help %s", command->name,
                    command->operand, command->name);
}

static enum opp_code read_flag(struct reader *reader)
{
    const char *text = reader->argv[reader->next++];
    const struct opp_flag *flag;
    const char *equals;
    size_t length;

    if (strncmp(text, "--", 2) != 0 && reader->command->operand != NULL &&
        json_object_get(reader->result, "operand") == NULL)
        return put_operand(reader, text);
    if (strncmp(text, "--", 2) != 0)
        return opp_fail(reader->err, OPP_E_VALIDATION, "\"%.64s\" is not expected here; see oppd help %s", text,
                        reader->command->name);
    text += 2;
    equals = strchr(text, '=');
    length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    flag = find_flag(reader->command, text, length);
    if (flag == NULL)
        return refuse_unknown(reader, text, length);
    if (flag->kind != OPP_FLAG_SWITCH)
        return read_value(reader, flag, equals != NULL ? equals + 1 : NULL);
    if (equals != NULL)
        return refuse_value(reader, flag, "takes no value");
    return put(reader, flag->member, json_true());
}

enum opp_code opp_args_parse(const struct opp_command *command, int argc, char *const *argv, json_t **out,
                             struct opp_err *err)
{
    struct reader reader = { .command = command, .argc = argc, .argv = argv, .result = json_object(), .err = err };
    enum opp_code rc = reader.result != NULL ? OPP_OK : out_of_memory(&reader);

    while (rc == OPP_OK && reader.next < argc)
        rc = read_flag(&reader);
    if (rc == OPP_OK)
        rc = check_operand(&reader);
    if (rc == OPP_OK)
        *out = reader.result;
    else
        json_decref(reader.result);
    return rc;
}

/* Whether the pointer is that of the member or of something in it. */
static bool is_at(const char *member, const char *pointer)
{
    if (*pointer != '/')
        return false;
    pointer++;
    while (*member != '\0' && (*member == *pointer || (*member == '.' && *pointer == '/'))) {
        member++;
        pointer++;
    }
    return *member == '\0' && (*pointer == '\0' || *pointer == '/');
}

const struct opp_flag *opp_args_flag_at(const struct opp_command *command, const char *pointer)
{
    for (size_t i = 0; i < command->flag_count; i++)
        if (is_at(command->flags[i].member, pointer))
            return &command->flags[i];
    return NULL;
}

void opp_args_blame(const struct opp_command *command, struct opp_err *err)
{
    const struct opp_flag *flag = opp_args_flag_at(command, err->where);

    if (flag != NULL)
        snprintf(err->where, sizeof err->where, "--%s", flag->name);
}

void opp_args_synopsis(const struct opp_command *command, struct opp_buf *out)
{
    size_t column = 0;

    for (size_t i = 0; i < command->flag_count; i++) {
        const struct opp_flag *flag = &command->flags[i];
        size_t width = strlen(flag->name) + (flag->value != NULL ? strlen(flag->value) : 0) + sizeof " [-- …]";

        if (column == 0 || column + width > SYNOPSIS_COLUMNS) {
            opp_buf_text(out, column == 0 ? SYNOPSIS_INDENT : "\n" SYNOPSIS_INDENT);
            column = sizeof SYNOPSIS_INDENT;
        }
        opp_buf_format(out, " [--%s%s%s%s]", flag->name, flag->value != NULL ? " " : "",
                       flag->value != NULL ? flag->value : "", flag->kind == OPP_FLAG_LIST ? "…" : "");
        column += width;
    }
    if (column > 0)
        opp_buf_char(out, '\n');
}

void opp_args_help(const struct opp_command *command, struct opp_buf *out)
{
    opp_buf_format(out, "oppd %s%s%s%s%s%s\n%s\n", command->name, command->operand != NULL ? " " : "",
                   command->operands ? "[" : "", command->operand != NULL ? command->operand : "",
                   command->operands ? "…]" : "", command->flag_count > 0 ? " [flag…]" : "", command->summary);
    for (size_t i = 0; i < command->flag_count; i++) {
        const struct opp_flag *flag = &command->flags[i];
        const char *more = flag->kind == OPP_FLAG_LIST ? "…" : "";

        if (flag->kind == OPP_FLAG_SWITCH)
            opp_buf_format(out, "\n  --%s\n      %s\n", flag->name, flag->help);
        else
            opp_buf_format(out, "\n  --%s %s%s\n      %s\n", flag->name, flag->value, more, flag->help);
    }
}
