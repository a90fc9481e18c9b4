/* SPDX-License-Identifier: MIT */
#include "http/percent.h"

#include "base/utf8.h"

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
