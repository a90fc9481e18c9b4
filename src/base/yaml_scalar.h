/* SPDX-License-Identifier: MIT
 *
 * base/yaml_scalar.h - what a plain scalar means under the YAML 1.2 core schema.
 * May include: base. For base/yaml.c.
 */
#ifndef OPP_BASE_YAML_SCALAR_H
#define OPP_BASE_YAML_SCALAR_H

#include "base/error.h"

#include <jansson.h>

/* Gives the value of an unquoted scalar (YAML 1.2.2, section 10.3.2). OPP_E_CONFIG: it is a number that JSON or 64 bits
 * cannot hold, at where. OPP_E_MEMORY. */
enum opp_code opp_yaml_scalar(const char *text, const char *where, json_t **out, struct opp_err *err);

#endif
