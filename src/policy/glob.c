/* SPDX-License-Identifier: MIT */
#include "policy/glob.h"

#include <stddef.h>
#include <string.h>

bool opp_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1; /* the last star takes one byte more; an earlier one need not */
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool opp_glob_is_pattern(const char *text)
{
    return strchr(text, '*') != NULL;
}
