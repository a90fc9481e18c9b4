/* SPDX-License-Identifier: MIT */
#include "http/target.h"

#include "http/percent.h"

#include <string.h>

/* What another server on the way could read as another path. */
static bool is_fair_escape(const char *at)
{
    int byte = opp_percent_byte(at);

    return byte > 0 && strchr("%./\\", byte) == NULL;
}

static bool ends_segment(char c)
{
    return c == '/' || c == '?' || c == '\0';
}

/* at is behind a slash. */
static bool is_fair_segment(const char *at)
{
    if (*at == '/')
        return false;
    if (*at != '.')
        return true;
    return !ends_segment(at[1]) && !(at[1] == '.' && ends_segment(at[2]));
}

static bool is_fair_byte(char c)
{
    return c > 0x20 && c < 0x7f && c != '#' && c != '\\';
}

bool opp_target_parse(const char *target, struct opp_target *out)
{
    const char *at = target;

    if (*at != '/')
        return false;
    for (; *at != '\0' && *at != '?'; at++) {
        if (!is_fair_byte(*at) || (*at == '%' && !is_fair_escape(at)) || (*at == '/' && !is_fair_segment(at + 1)))
            return false;
    }
    out->path = target;
    out->path_length = (size_t)(at - target);
    out->query = *at == '?' ? at + 1 : at;
    while (is_fair_byte(*at))
        at++;
    return *at == '\0' && at - target <= OPP_TARGET_MAX;
}
