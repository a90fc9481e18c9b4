/* SPDX-License-Identifier: MIT */
#include "script/error_text.h"

#include "base/utf8.h"

#include <lua.h>

#include <stdio.h>
#include <string.h>

static void copy_clean(const char *from, size_t length, char text[OPP_ERROR_TEXT_BYTES])
{
    size_t used = 0;
    size_t size;

    for (size_t i = 0; i < length; i += size == 0 ? 1 : size) {
        size = opp_utf8_character(from + i, length - i);
        if (used + (size == 0 ? 1 : size) >= OPP_ERROR_TEXT_BYTES)
            break;
        if (size == 0 || (size == 1 && (unsigned char)from[i] < ' ')) {
            text[used++] = '?';
            continue;
        }
        memcpy(text + used, from + i, size);
        used += size;
    }
    text[used] = '\0';
}

const char *opp_error_text(lua_State *L, int index, char text[OPP_ERROR_TEXT_BYTES])
{
    const char *from;
    size_t length;

    if (lua_type(L, index) == LUA_TSTRING) {
        from = lua_tolstring(L, index, &length);
        copy_clean(from, length, text);
        return text;
    }
    snprintf(text, OPP_ERROR_TEXT_BYTES, "the script raised a value that is no text: %s",
             lua_typename(L, lua_type(L, index)));
    return text;
}
