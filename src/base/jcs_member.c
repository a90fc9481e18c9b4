/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"

#include <string.h>

void opp_jcs_member(struct opp_buf *out, const char *name)
{
    size_t length = strlen(name);
    char *room = opp_buf_room(out, length + 4);

    if (room == NULL)
        return;
    if (out->length > 0 && room[-1] != '{')
        *room++ = ',';
    *room++ = '"';
    memcpy(room, name, length);
    room += length;
    *room++ = '"';
    *room++ = ':';
    out->length = (size_t)(room - out->bytes);
}

void opp_jcs_member_text(struct opp_buf *out, const char *name, const char *text)
{
    opp_jcs_member(out, name);
    if (text != NULL)
        opp_jcs_string(out, text, strlen(text));
    else
        opp_buf_add(out, "null", 4);
}

void opp_jcs_member_json(struct opp_buf *out, const char *name, const json_t *value)
{
    opp_jcs_member(out, name);
    if (value != NULL)
        opp_jcs_write(out, value);
    else
        opp_buf_add(out, "null", 4);
}

void opp_jcs_member_bool(struct opp_buf *out, const char *name, bool value)
{
    opp_jcs_member(out, name);
    opp_buf_text(out, value ? "true" : "false");
}

void opp_jcs_member_integer(struct opp_buf *out, const char *name, int64_t value)
{
    opp_jcs_member(out, name);
    opp_jcs_integer(out, value);
}
