/* SPDX-License-Identifier: MIT */
#include "base/issue.h"

#include <stdlib.h>
#include <string.h>

json_t *opp_issue_of(const struct opp_err *err)
{
    const char *colon = strrchr(err->where, ':');
    int line = colon != NULL ? atoi(colon + 1) : 0;
    size_t length = line > 0 ? (size_t)(colon - err->where) : strlen(err->where);

    return json_pack("{s:s%, s:i, s:s}", "file", err->where, length, "line", line > 0 ? line : 0, "message",
                     err->message);
}
