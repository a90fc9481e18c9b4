/* SPDX-License-Identifier: MIT */
#include "base/code.h"

#include <stddef.h>
#include <string.h>

struct code_row {
    const char *name;
    const char *recovery;
    const char *message;
    int status;
};

#define CODE_ROW(constant, wire, http, what_next, text) \
    [constant] = { .name = (wire), .recovery = (what_next), .message = (text), .status = (http) },
static const struct code_row CODES[OPP_CODE_COUNT] = { OPP_CODES(CODE_ROW) };

/* A number that is no code is a defect of ours, and is said like one. */
static const struct code_row *row_of(enum opp_code code)
{
    return &CODES[(size_t)code < OPP_CODE_COUNT ? code : OPP_E_INTERNAL];
}

const char *opp_code_name(enum opp_code code)
{
    return row_of(code)->name;
}

int opp_code_status(enum opp_code code)
{
    return row_of(code)->status;
}

const char *opp_code_recovery(enum opp_code code)
{
    return row_of(code)->recovery;
}

const char *opp_code_message(enum opp_code code)
{
    return row_of(code)->message;
}

enum opp_code opp_code_find(const char *name)
{
    for (int code = 1; name != NULL && code < OPP_CODE_COUNT; code++)
        if (strcmp(opp_code_name((enum opp_code)code), name) == 0)
            return (enum opp_code)code;
    return OPP_OK;
}
