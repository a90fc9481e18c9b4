/* SPDX-License-Identifier: MIT */
#include "http/trace.h"

#include "base/id.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SPAN_AT 36
#define SPAN_LENGTH 16
#define FLAGS_AT 53
#define LENGTH 55

static bool is_hex(const char *text, size_t length)
{
    return strspn(text, "0123456789abcdef") >= length;
}

static bool is_zero(const char *text, size_t length)
{
    return strspn(text, "0") >= length;
}

/* Section 3.2. A later version may be longer; what is known of it is read as of this one. */
static bool is_valid(const char *text)
{
    bool first_version = strncmp(text, "00-", 3) == 0;

    if (strlen(text) < LENGTH || !is_hex(text, 2) || strncmp(text, "ff", 2) == 0)
        return false;
    if (text[2] != '-' || text[SPAN_AT - 1] != '-' || text[FLAGS_AT - 1] != '-')
        return false;
    if (text[LENGTH] != '\0' && (first_version || text[LENGTH] != '-'))
        return false;
    return is_hex(text + OPP_TRACE_ID_AT, OPP_TRACE_ID_LENGTH) &&
           !is_zero(text + OPP_TRACE_ID_AT, OPP_TRACE_ID_LENGTH) && is_hex(text + SPAN_AT, SPAN_LENGTH) &&
           !is_zero(text + SPAN_AT, SPAN_LENGTH) && is_hex(text + FLAGS_AT, 2);
}

/* An id of zeros would be none. */
static uint64_t make_id(void)
{
    return opp_id_random() | 1;
}

void opp_trace_make(char out[OPP_TRACE_MAX], const char *received)
{
    uint64_t span = make_id();

    if (received != NULL && is_valid(received))
        snprintf(out, OPP_TRACE_MAX, "00-%.32s-%016" PRIx64 "-%.2s", received + OPP_TRACE_ID_AT, span,
                 received + FLAGS_AT);
    else
        snprintf(out, OPP_TRACE_MAX, "00-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-00", make_id(), make_id(), span);
}
