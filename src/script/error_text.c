/* SPDX-License-Identifier: MIT */
#include "script/error_text.h"

#include <lua.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The length of the character that begins at bytes, 0 when it is none. */
static size_t character(const unsigned char *bytes, size_t length)
{
    unsigned char first = bytes[0];
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first == 0 || (first >= 0x80 && first < 0xc2) || first > 0xf4 || size > length)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && bytes[1] < 0xa0) || (first == 0xed && bytes[1] > 0x9f)) /* too long; a surrogate */
        return 0;
    if ((first == 0xf0 && bytes[1] < 0x90) || (first == 0xf4 && bytes[1] > 0x8f)) /* too long; beyond U+10FFFF */
        return 0;
    return size;
}

/* Whether each of eight bytes is ASCII and none is NUL: then no byte borrows from the next. */
static bool plain8(const char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return ((word | (word - ones)) & highs) == 0;
}

bool opp_text_is_utf8(const char *bytes, size_t length)
{
    size_t size;

    for (size_t i = 0; i < length; i += size) {
        size = 8;
        if (length - i >= 8 && plain8(bytes + i))
            continue;
        size = character((const unsigned char *)bytes + i, length - i);
        if (size == 0)
            return false;
    }
    return true;
}

static void copy_clean(const char *from, size_t length, char text[OPP_ERROR_TEXT_BYTES])
{
    size_t used = 0;
    size_t size;

    for (size_t i = 0; i < length; i += size == 0 ? 1 : size) {
        size = character((const unsigned char *)from + i, length - i);
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
