/* SPDX-License-Identifier: MIT
 *
 * adapter/facts.h - what init.lua declares, as JSON that has been checked.
 * May include: script, base, adapter.
 */
#ifndef OPP_ADAPTER_FACTS_H
#define OPP_ADAPTER_FACTS_H

#include "adapter/lane.h"

#include <jansson.h>

/* Gives the declaration of a lane's adapter, checked: an object whose tools hold true for functions; and, by tool, the
 * file:line where the first of its functions is ("" where unknown), an array of strings. OPP_E_CONFIG, OPP_E_MEMORY. */
enum opp_code opp_facts_read(struct opp_lane *lane, json_t **out, json_t **places, struct opp_err *err);

/* Checks a declaration; where and what say in messages what it is of. OPP_E_CONFIG, OPP_E_MEMORY. */
enum opp_code opp_facts_check(const char *schema, const json_t *declared, const char *where, const char *what,
                              struct opp_err *err);

#endif
