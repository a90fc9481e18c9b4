/* SPDX-License-Identifier: MIT
 *
 * http/issue.h - what is wrong with a request, as details.issues says it.
 * May include: base.
 */
#ifndef OPP_HTTP_ISSUE_H
#define OPP_HTTP_ISSUE_H

#include "base/error.h"

#include <jansson.h>

/* Gives in *issues an array of one {code, path, message, pointer}, and returns OPP_E_VALIDATION; OPP_E_MEMORY when
 * there is no room for it. name is the member that is meant, at most 64 bytes of it are quoted; NULL: the whole. */
enum opp_code opp_issue(json_t **issues, const char *code, const char *name, const char *message, struct opp_err *err);

#endif
