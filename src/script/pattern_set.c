/* SPDX-License-Identifier: MIT */
#include "script/pattern_set.h"

/* The C locale's classes, whatever locale the process has. */
static bool is_lower(unsigned char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(unsigned char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_alpha(unsigned char c)
{
    return is_lower(c) || is_upper(c);
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool is_graph(unsigned char c)
{
    return c > ' ' && c < 0x7f;
}

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_hex(unsigned char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_control(unsigned char c)
{
    return c < ' ' || c == 0x7f;
}

static bool class_takes(unsigned char class, unsigned char c)
{
    bool in;

    switch (is_upper(class) ? class + ('a' - 'A') : class) {
    case 'a':
        in = is_alpha(c);
        break;
    case 'c':
        in = is_control(c);
        break;
    case 'd':
        in = is_digit(c);
        break;
    case 'g':
        in = is_graph(c);
        break;
    case 'l':
        in = is_lower(c);
        break;
    case 'p':
        in = is_graph(c) && !is_alpha(c) && !is_digit(c);
        break;
    case 's':
        in = is_space(c);
        break;
    case 'u':
        in = is_upper(c);
        break;
    case 'w':
        in = is_alpha(c) || is_digit(c);
        break;
    case 'x':
        in = is_hex(c);
        break;
    case 'z': /* as Lua has it still */
        in = c == '\0';
        break;
    default:
        return class == c;
    }
    return in != is_upper(class);
}

/* The first byte of a set is its own even if it is ']'. */
static size_t set_end(const char *pattern, size_t length, size_t at, const char **why)
{
    size_t i = at + 1;

    if (i < length && pattern[i] == '^')
        i++;
    do {
        if (i >= length) {
            *why = "malformed pattern (missing ']')";
            return 0;
        }
        i += pattern[i] == '%' && i + 1 < length ? 2 : 1;
    } while (i >= length || pattern[i] != ']');
    return i + 1;
}

size_t opp_pattern_item_end(const char *pattern, size_t length, size_t at, const char **why)
{
    if (pattern[at] == '[')
        return set_end(pattern, length, at, why);
    if (pattern[at] != '%')
        return at + 1;
    if (at + 1 < length)
        return at + 2;
    *why = "malformed pattern (ends with '%')";
    return 0;
}

bool opp_pattern_set_takes(const char *pattern, size_t at, size_t end, unsigned char byte)
{
    size_t last = end - 1; /* of the closing bracket */
    size_t i = at + 1;
    bool taken = true;

    if (pattern[i] == '^') {
        taken = false;
        i++;
    }
    while (i < last) {
        unsigned char c = (unsigned char)pattern[i];

        if (c == '%') {
            if (class_takes((unsigned char)pattern[i + 1], byte))
                return taken;
            i += 2;
        } else if (i + 2 < last && pattern[i + 1] == '-') {
            if (c <= byte && byte <= (unsigned char)pattern[i + 2])
                return taken;
            i += 3;
        } else {
            if (c == byte)
                return taken;
            i++;
        }
    }
    return !taken;
}

bool opp_pattern_item_takes(const char *pattern, size_t at, size_t end, unsigned char byte)
{
    switch (pattern[at]) {
    case '.':
        return true;
    case '%':
        return class_takes((unsigned char)pattern[at + 1], byte);
    case '[':
        return opp_pattern_set_takes(pattern, at, end, byte);
    default:
        return (unsigned char)pattern[at] == byte;
    }
}
