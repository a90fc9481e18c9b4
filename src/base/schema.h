/* SPDX-License-Identifier: MIT
 *
 * base/schema.h - JSON Schema 2020-12, the part that a gateway needs, compiled once and bounded in time and depth.
 * May include: base.
 */
#ifndef OPP_BASE_SCHEMA_H
#define OPP_BASE_SCHEMA_H

#include "base/error.h"

#include <jansson.h>

struct opp_schema;

/* Gives a compiled schema, immutable and shared by threads; document is not kept.
 * OPP_E_VALIDATION: it is no schema, or uses a keyword that this validator does not know (never ignored);
 * err->where is the JSON pointer of the keyword. OPP_E_MEMORY.
 * Known: type enum const properties required additionalProperties propertyNames minProperties maxProperties items
 * prefixItems contains minItems maxItems uniqueItems minLength maxLength pattern minimum maximum exclusiveMinimum
 * exclusiveMaximum multipleOf allOf anyOf oneOf not if then else dependentRequired $defs $ref (local) format (date,
 * date-time, uri, email; asserted), and the annotations title description default examples deprecated readOnly
 * writeOnly $comment $schema $id. */
enum opp_code opp_schema_compile(const json_t *document, struct opp_schema **out, struct opp_err *err);
void opp_schema_free(struct opp_schema *schema);

/* OPP_OK, or OPP_E_VALIDATION with *issues (gives) an array of {code, path: [string or integer…], message, pointer},
 * at most 20 of them, each a sentence a person can act on, never quoting more than 64 bytes of input.
 * issues may be NULL. OPP_E_LIMIT: validation took more steps than allowed; treat as invalid. OPP_E_MEMORY. */
enum opp_code opp_schema_validate(const struct opp_schema *schema, const json_t *value, json_t **issues,
                                  struct opp_err *err);

/* Gives value with query strings turned into what the schema's top-level properties ask for (integer, number, boolean);
 * what cannot be turned stays a string, for validation to name. */
enum opp_code opp_schema_coerce(const struct opp_schema *schema, const json_t *value, json_t **out,
                                struct opp_err *err);

#endif
