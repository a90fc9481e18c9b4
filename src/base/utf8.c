/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t opp_utf8_character(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
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

bool opp_utf8_valid(const char *bytes, size_t length)
{
    size_t size;

    for (size_t i = 0; i < length; i += size) {
        size = 8;
        if (length - i >= 8 && plain8(bytes + i))
            continue;
        size = opp_utf8_character(bytes + i, length - i);
        if (size == 0)
            return false;
    }
    return true;
}
