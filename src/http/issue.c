/* SPDX-License-Identifier: MIT */
#include "http/issue.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define QUOTED_MAX_BYTES 64

/* Bytes of the name's beginning that may be quoted: whole characters of UTF-8. */
static size_t quoted_length(const char *name)
{
    size_t length = strnlen(name, QUOTED_MAX_BYTES + 1);

    if (length <= QUOTED_MAX_BYTES)
        return length;
    for (length = QUOTED_MAX_BYTES; length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80;)
        length--;
    return length;
}

/* RFC 6901, section 3; NULL when memory is out. */
static char *pointer_to(const char *name, size_t length)
{
    struct opp_buf buf = { 0 };

    opp_buf_char(&buf, '/');
    for (size_t i = 0; i < length; i++) {
        if (name[i] == '~')
            opp_buf_text(&buf, "~0");
        else if (name[i] == '/')
            opp_buf_text(&buf, "~1");
        else
            opp_buf_char(&buf, name[i]);
    }
    return opp_buf_take(&buf);
}

static json_t *named_issue(const char *code, const char *name, const char *message)
{
    size_t length = quoted_length(name);
    char *pointer = pointer_to(name, length);
    json_t *issue = pointer == NULL ? NULL
                                    : json_pack("[{s:s, s:[s%], s:s, s:s}]", "code", code, "path", name, length,
                                                "message", message, "pointer", pointer);

    free(pointer);
    return issue;
}

enum opp_code opp_issue(json_t **issues, const char *code, const char *name, const char *message, struct opp_err *err)
{
    json_t *made = name != NULL
                       ? named_issue(code, name, message)
                       : json_pack("[{s:s, s:[], s:s, s:s}]", "code", code, "path", "message", message, "pointer", "");

    if (made == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an issue");
    *issues = made;
    return opp_fail(err, OPP_E_VALIDATION, "%s", message);
}
