/* SPDX-License-Identifier: MIT */
#include "base/percent.h"

#include "base/utf8.h"

#include <string.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int opp_percent_byte(const char *text)
{
    int high = digit(text[1]), low = high < 0 ? -1 : digit(text[2]);

    return low < 0 ? -1 : high << 4 | low;
}

bool opp_percent_decode(const char *text, size_t length, bool plus, char *out, size_t *out_length)
{
    char *to = out;

    for (const char *at = text; at < text + length; at++) {
        int byte = (unsigned char)*at;

        if (*at == '%') {
            byte = opp_percent_byte(at);
            at += 2;
        } else if (*at == '+' && plus) {
            byte = ' ';
        }
        if (byte <= 0)
            return false;
        *to++ = (char)byte;
    }
    *to = '\0';
    *out_length = (size_t)(to - out);
    return opp_utf8_valid(out, *out_length);
}

size_t opp_percent_encode(const char *text, size_t length, const char *also, char *out)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";
    char *to = out;

    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\0' && (strchr(unreserved, text[i]) != NULL || strchr(also, text[i]) != NULL)) {
            *to++ = text[i];
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)text[i] >> 4];
        *to++ = hex[(unsigned char)text[i] & 15];
    }
    return (size_t)(to - out);
}
