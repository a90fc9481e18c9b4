/* SPDX-License-Identifier: MIT
 *
 * base/yaml.h - a YAML 1.2 core schema document as JSON, remembering where each value stands.
 * May include: base.
 */
#ifndef OPP_BASE_YAML_H
#define OPP_BASE_YAML_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

struct opp_yaml;

/* Gives the one document of a text of at most 1 MiB. Scalars follow the core schema (null, true, false, integers,
 * floats; all else strings; quoted ones are strings). Refused with OPP_E_CONFIG, err->where "name:line": bad syntax,
 * duplicate keys, keys that are no scalars, anchors, aliases and tags, a second document, nesting over 32. An empty
 * text is {}. */
enum opp_code opp_yaml_parse(const char *name, const char *text, size_t length, struct opp_yaml **out,
                             struct opp_err *err);
void opp_yaml_free(struct opp_yaml *yaml);

/* Lends the value. */
const json_t *opp_yaml_value(const struct opp_yaml *yaml);
/* The line (1-based) of the value, or of the key, at an RFC 6901 pointer; that of the nearest parent if unknown. */
int opp_yaml_line(const struct opp_yaml *yaml, const char *pointer);

#endif
