/* SPDX-License-Identifier: MIT */
#include "adapter/lua_host.h"
#include "base/percent.h"
#include "script/sandbox.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <string.h>

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Counts the work of a function that looks at a text; lends the text. May jump. */
static const char *lj_check_text(lua_State *L, size_t *length)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    lj_script_charge(L, lua_rawlen(L, 1) / 16);
    return lua_tolstring(L, 1, length);
}

/* RFC 4648 section 4. */
static int l_base64_encode(lua_State *L)
{
    size_t length, at = 0;
    const unsigned char *in = (const unsigned char *)lj_check_text(L, &length);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, (length + 2) / 3 * 4);

    for (size_t i = 0; i < length; i += 3) {
        uint32_t three = (uint32_t)in[i] << 16;

        three |= i + 1 < length ? (uint32_t)in[i + 1] << 8 : 0;
        three |= i + 2 < length ? in[i + 2] : 0;
        out[at++] = base64_digits[three >> 18];
        out[at++] = base64_digits[three >> 12 & 63];
        out[at++] = i + 1 < length ? base64_digits[three >> 6 & 63] : '=';
        out[at++] = i + 2 < length ? base64_digits[three & 63] : '=';
    }
    luaL_pushresultsize(&buffer, at);
    return 1;
}

static int digit_of(char c)
{
    const char *found = c != '\0' ? strchr(base64_digits, c) : NULL;

    return found != NULL ? (int)(found - base64_digits) : -1;
}

/* Decodes without padding; what is left of the last digit must be zero. Gives the length, -1: it is no base64. */
static ptrdiff_t decode(const char *in, size_t length, char *out)
{
    uint32_t bits = 0;
    ptrdiff_t at = 0;
    unsigned held = 0;

    for (size_t i = 0; i < length; i++) {
        int digit = digit_of(in[i]);

        if (digit < 0)
            return -1;
        bits = (bits << 6 | (uint32_t)digit) & 0xfff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[at++] = (char)(bits >> held & 0xff);
        }
    }
    return (bits & ((1U << held) - 1)) == 0 ? at : -1;
}

/* Gives nil for what is no padded base64. */
static int l_base64_decode(lua_State *L)
{
    size_t length, digits;
    const char *in = lj_check_text(L, &length);
    luaL_Buffer buffer;
    ptrdiff_t made = -1;
    char *out;

    digits = length;
    while (digits > 0 && length - digits < 2 && in[digits - 1] == '=')
        digits--;
    out = luaL_buffinitsize(L, &buffer, length + 1);
    if (length % 4 == 0)
        made = decode(in, digits, out);
    luaL_pushresultsize(&buffer, made >= 0 ? (size_t)made : 0);
    if (made < 0)
        lua_pushnil(L);
    return 1;
}

static int l_url_encode(lua_State *L)
{
    size_t length;
    const char *in = lj_check_text(L, &length);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, length * 3);

    luaL_pushresultsize(&buffer, opp_percent_encode(in, length, "", out));
    return 1;
}

enum opp_code opp_encoding_install(struct opp_script *script, struct opp_err *err)
{
    static const struct opp_script_function base64[] = { { "encode", l_base64_encode },
                                                         { "decode", l_base64_decode },
                                                         { NULL, NULL } };
    static const struct opp_script_function url[] = { { "encode", l_url_encode }, { NULL, NULL } };
    enum opp_code rc = opp_sandbox_add(script, "base64", base64, err);

    return rc == OPP_OK ? opp_sandbox_add(script, "url", url, err) : rc;
}
