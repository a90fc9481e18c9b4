/* SPDX-License-Identifier: MIT
 *
 * http/query.h - the query of a request target as an object of strings.
 * May include: base.
 */
#ifndef OPP_HTTP_QUERY_H
#define OPP_HTTP_QUERY_H

#include "base/error.h"

#include <jansson.h>

/* Gives the pairs of a query (what stands behind the '?'); as opp_request_query, which says what is refused. */
enum opp_code opp_query_parse(const char *text, json_t **out, json_t **issues, struct opp_err *err);

#endif
