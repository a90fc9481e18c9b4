/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

char *opp_text_copy(const char *text, bool *failed)
{
    char *copy = text != NULL ? strdup(text) : NULL;

    *failed = *failed || (text != NULL && copy == NULL);
    return copy;
}

enum opp_code opp_text_replace(char **owned, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return OPP_E_MEMORY;
    free(*owned);
    *owned = copy;
    return OPP_OK;
}

bool opp_text_is_one_of(const char *text, const char *const *names)
{
    while (text != NULL && *names != NULL && strcmp(*names, text) != 0)
        names++;
    return text != NULL && *names != NULL;
}
