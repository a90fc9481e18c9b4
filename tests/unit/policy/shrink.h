/* SPDX-License-Identifier: MIT
 *
 * policy/shrink.h - a failing case made as small as it can be and still fail.
 * May include: base.
 */
#ifndef OPP_TESTS_POLICY_SHRINK_H
#define OPP_TESTS_POLICY_SHRINK_H

#include <jansson.h>
#include <stdbool.h>

/* Gives the smallest value found of which fails still says true: members and elements are left out, at any depth,
 * numbers become smaller and texts shorter, one change at a time until none is possible. failing itself must fail. */
json_t *shrink(const json_t *failing, bool (*fails)(void *arg, const json_t *candidate), void *arg);

#endif
