/* SPDX-License-Identifier: MIT
 *
 * base/example.h - a value that a JSON Schema describes, for people to start from.
 * May include: nothing.
 */
#ifndef OPP_BASE_EXAMPLE_H
#define OPP_BASE_EXAMPLE_H

#include <jansson.h>

/* Gives the first of its examples, its const, the first of its enum, or a value of its (first) type: objects with every
 * property, arrays with one element, "…" for a text. It is an example of the shape and need not be valid. NULL: out of
 * memory. */
json_t *opp_example(const json_t *schema);

#endif
