/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A longer key is cut between two characters: what a client sent is not sent back whole. */
static size_t quoted_length(const struct schema_path *step)
{
    size_t length = step->number;

    if (length <= OPP_SCHEMA_QUOTE_MAX)
        return length;
    length = OPP_SCHEMA_QUOTE_MAX;
    while (length > 0 && ((unsigned char)step->key[length] & 0xC0) == 0x80)
        length--;
    return length;
}

static void add_token(const struct schema_path *step, struct opp_buf *out)
{
    const size_t length = quoted_length(step);

    for (size_t i = 0; i < length; i++) {
        if (step->key[i] == '~' || step->key[i] == '/')
            opp_buf_text(out, step->key[i] == '~' ? "~0" : "~1");
        else
            opp_buf_char(out, step->key[i]);
    }
}

/* RFC 6901 3. A path is at most as long as validation is deep. */
void opp_schema_pointer(const struct schema_path *path, struct opp_buf *out)
{
    if (path == NULL)
        return;
    opp_schema_pointer(path->up, out);
    opp_buf_char(out, '/');
    if (path->key != NULL)
        add_token(path, out);
    else
        opp_buf_format(out, "%zu", path->number);
}

static int add_steps(const struct schema_path *path, json_t *steps)
{
    if (path == NULL)
        return 0;
    if (add_steps(path->up, steps) != 0)
        return -1;
    if (path->key != NULL)
        return json_array_append_new(steps, json_stringn(path->key, quoted_length(path)));
    return json_array_append_new(steps, json_integer((json_int_t)path->number));
}

static json_t *issue_of(const struct schema_path *path, const char *code, const char *message)
{
    struct opp_buf pointer = { 0 };
    json_t *steps = json_array();
    json_t *issue = NULL;

    opp_schema_pointer(path, &pointer);
    if (steps != NULL && add_steps(path, steps) == 0 && !pointer.failed)
        issue = json_pack("{s:s, s:s, s:O, s:s%}", "code", code, "message", message, "path", steps, "pointer",
                          pointer.length > 0 ? pointer.bytes : "", pointer.length);
    json_decref(steps);
    opp_buf_free(&pointer);
    return issue;
}

static bool is_full(const struct schema_run *run)
{
    return json_array_size(run->issues) >= run->issues_max;
}

bool opp_schema_settled(const struct schema_run *run)
{
    return run->quiet > 0 || run->code != OPP_OK || is_full(run);
}

bool opp_schema_issue(struct schema_run *run, const struct schema_path *path, const char *code, const char *format, ...)
{
    char message[512];
    json_t *issue;
    va_list args;

    if (opp_schema_settled(run))
        return false;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (run->issues == NULL)
        run->issues = json_array();
    issue = issue_of(path, code, message);
    if (json_array_append_new(run->issues, issue) != 0) /* takes the issue in any case */
        return opp_schema_stop(run, OPP_E_MEMORY);
    return false;
}

bool opp_schema_stop(struct schema_run *run, enum opp_code code)
{
    if (run->code == OPP_OK)
        run->code = code;
    return false;
}
