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

struct opp_app_entry;
struct opp_tool;

enum opp_redaction {
    OPP_REDACT_IMPACT, /* "[redacted]" */
    OPP_REDACT_RESULT, /* what the tool declares for the field */
    OPP_REDACT_WITNESS /* "hmac:<hex>" with a key of the app's, so that a change shows and nothing can be guessed */
};

/* The key that an app's witnesses are made with. */
void opp_redact_app_key(const unsigned char gateway_key[OPP_HASH_BYTES], const char *app_id,
                        unsigned char key[OPP_HASH_BYTES]);

/* Gives the fields that are not shown, each with what a result shows instead: the tool's sensitive ones unless the app
 * may see them, and those that a rule names (an array, or NULL). NULL: no memory. */
json_t *opp_redact_fields(const struct opp_app_entry *app, const struct opp_tool *tool, const json_t *by_rule);

/* Gives value with these fields replaced at any depth; value itself, with one more reference, where it has none.
 * key only for OPP_REDACT_WITNESS. OPP_E_MEMORY. */
enum opp_code opp_redact(json_t *value, json_t *fields, enum opp_redaction kind,
                         const unsigned char key[OPP_HASH_BYTES], json_t **out, struct opp_err *err);

#endif
