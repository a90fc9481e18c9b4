/* SPDX-License-Identifier: MIT
 *
 * http/envelope.h - the JSON that every answer is: RFC 8785 bytes around data, or around a refusal.
 * May include: base.
 */
#ifndef OPP_HTTP_ENVELOPE_H
#define OPP_HTTP_ENVELOPE_H

#include "base/buf.h"
#include "base/code.h"

#include <jansson.h>

/* What stands before and after the data of a success. */
#define OPP_ENVELOPE_BEFORE "{\"code\":\"common.success\",\"data\":"
#define OPP_ENVELOPE_AFTER ",\"ok\":true}"

/* What is sent when there is no memory to write anything else. */
#define OPP_ENVELOPE_LAST_RESORT                                               \
    "{\"code\":\"common.internal_error\",\"details\":{\"recovery\":\"same\"}," \
    "\"message\":\"Something went wrong inside the gateway.\",\"ok\":false}"

/* Append to out, where a failed allocation is remembered. */
void opp_envelope_success(struct opp_buf *out, const json_t *data);
/* message NULL: the code's own. details NULL: recovery alone; otherwise an object, which gets the
 * member recovery if it has none of its own. */
void opp_envelope_refusal(struct opp_buf *out, enum opp_code code, const char *message, json_t *details);

#endif
