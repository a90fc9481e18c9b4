/* SPDX-License-Identifier: MIT
 *
 * adapter/http_target.h - where a request goes, made of data: path segments and query parameters, percent-encoded by
 * the host, so that no value can lead elsewhere.
 * May include: base.
 */
#ifndef OPP_ADAPTER_HTTP_TARGET_H
#define OPP_ADAPTER_HTTP_TARGET_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>

/* Appends "/a/b%20c" and a NUL; an empty list (an empty object too, which Lua's {} is) is "/". OPP_E_SCRIPT: it is no
 * list of texts and integers, or a segment is empty, has a control byte, or is "." or "..", also between slashes or
 * backslashes of its own. OPP_E_MEMORY. */
enum opp_code opp_http_path(const json_t *segments, struct opp_buf *out, struct opp_err *err);

/* Appends "a=1&b=x%26y" and a NUL; an array repeats its name; NULL: no query. OPP_E_SCRIPT: it is no object of texts,
 * numbers and booleans, or of arrays of them. OPP_E_MEMORY. */
enum opp_code opp_http_query(const json_t *query, struct opp_buf *out, struct opp_err *err);

#endif
