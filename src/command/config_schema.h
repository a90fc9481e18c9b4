/* SPDX-License-Identifier: MIT
 *
 * command/config_schema.h - every setting of oppd.yaml: what it may be, what it is when nobody says, what it does.
 * May include: base.
 */
#ifndef OPP_COMMAND_CONFIG_SCHEMA_H
#define OPP_COMMAND_CONFIG_SCHEMA_H

#include "base/error.h"

#include <jansson.h>

/* Gives the JSON Schema of the configuration. Every property has a description, and a default unless it holds others or
 * is required. The members of a map, whose names the operator chooses, are described by additionalProperties. */
enum opp_code opp_config_schema(json_t **out, struct opp_err *err);

/* Gives the whole configuration as it is when nobody says anything; for the schema of a map's members, one of those. */
enum opp_code opp_config_defaults(const json_t *schema, json_t **out, struct opp_err *err);

#endif
