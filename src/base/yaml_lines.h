/* SPDX-License-Identifier: MIT
 *
 * base/yaml_lines.h - the line of every value of a document, found by its JSON pointer.
 * May include: base. For base/yaml.c.
 */
#ifndef OPP_BASE_YAML_LINES_H
#define OPP_BASE_YAML_LINES_H

#include "base/error.h"

#include <stddef.h>

struct opp_yaml_node;

/* Zero-initialise. A tree beside the value: a pointer kept for each value would take the square of the text's size. */
struct opp_yaml_lines {
    struct opp_yaml_node *nodes; /* nodes[0] is the document */
    size_t count;
    size_t capacity;
};

/* Adds the next child of a node; key is NULL in a list, parent is of no meaning for the first. Gives its number in
 * *out. OPP_E_MEMORY. */
enum opp_code opp_yaml_lines_add(struct opp_yaml_lines *lines, size_t parent, const char *key, int line, size_t *out,
                                 struct opp_err *err);
/* The line of the child of that key, which is there. */
int opp_yaml_lines_of_key(const struct opp_yaml_lines *lines, size_t parent, const char *key);
/* The line at an RFC 6901 pointer, or of the nearest parent that is there; 1 of an empty document. */
int opp_yaml_lines_find(const struct opp_yaml_lines *lines, const char *pointer);
void opp_yaml_lines_free(struct opp_yaml_lines *lines);

#endif
