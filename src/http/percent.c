/* SPDX-License-Identifier: MIT */
#include "http/percent.h"

/* Bytes of the sequence at bytes, of which there are left; 0 if there is none. */
static size_t sequence_length(const unsigned char *bytes, size_t left)
{
    size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xc2 ? 0 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;

    if (bytes[0] > 0xf4 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    if (length > 2 && ((bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xed && bytes[1] > 0x9f) ||
                       (bytes[0] == 0xf0 && bytes[1] < 0x90) || (bytes[0] == 0xf4 && bytes[1] > 0x8f)))
        return 0; /* longer than needed, a surrogate, or beyond U+10FFFF */
    return length;
}

/* RFC 3629, section 4. */
static bool is_utf8(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + length;

    while (at < end) {
        size_t step = sequence_length(at, (size_t)(end - at));

        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

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
    return is_utf8(out, *out_length);
}
