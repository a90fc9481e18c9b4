/* SPDX-License-Identifier: MIT
 *
 * adapter/resources.h - what `resources` may say: the core admits or refuses by it, so nonsense must not pass.
 * May include: base.
 */
#ifndef OPP_ADAPTER_RESOURCES_H
#define OPP_ADAPTER_RESOURCES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Lends what is wrong with an array of {kind, id, org_id?, user_id?, parents?}, NULL: nothing. */
const char *opp_resources_check(const json_t *resources, bool at_least_one);

#endif
