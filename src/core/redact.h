/* SPDX-License-Identifier: MIT
 *
 * core/redact.h - what a caller without allow_sensitive_fields is shown in place of a tool's sensitive fields.
 * May include: adapter, base, core.
 */
#ifndef OPP_CORE_REDACT_H
#define OPP_CORE_REDACT_H

#include "base/error.h"
#include "base/hash.h"

#include <jansson.h>

struct opp_tool;

enum opp_redaction {
    OPP_REDACT_IMPACT, /* "[redacted]" */
    OPP_REDACT_RESULT, /* what the tool declares for the field */
    OPP_REDACT_WITNESS /* "hmac:<hex>" with a key of the app's, so that a change shows and nothing can be guessed */
};

/* The key that an app's witnesses are made with. */
void opp_redact_app_key(const unsigned char gateway_key[OPP_HASH_BYTES], const char *app_id,
                        unsigned char key[OPP_HASH_BYTES]);

/* Gives value with the tool's sensitive fields replaced at any depth; value itself, with one more reference, where
 * nothing is to be replaced. key only for OPP_REDACT_WITNESS. OPP_E_MEMORY. */
enum opp_code opp_redact(json_t *value, const struct opp_tool *tool, enum opp_redaction kind,
                         const unsigned char key[OPP_HASH_BYTES], json_t **out, struct opp_err *err);

#endif
