/* SPDX-License-Identifier: MIT
 *
 * base/issue.h - an error in a file as operators are shown it.
 * May include: base.
 */
#ifndef OPP_BASE_ISSUE_H
#define OPP_BASE_ISSUE_H

#include "base/error.h"

#include <jansson.h>

/* Gives {file, line, message}; err->where is "file:line" or "file", line 0 where there is none. NULL: no memory. */
json_t *opp_issue_of(const struct opp_err *err);

#endif
