/* SPDX-License-Identifier: MIT
 *
 * command/callers_kit.h - what the tests of the guard share: a gateway, and calls that end as soon as they are let in.
 * May include: all.
 */
#ifndef OPP_TESTS_CALLERS_KIT_H
#define OPP_TESTS_CALLERS_KIT_H

#include "command/gateway_group.h"

extern const struct opp_flow FLOW;
extern enum opp_step (*inside)(struct opp_call *call); /* what a call that was let in does; or NULL */

void expect(struct gateway_request request, enum opp_code code);
void agent(enum opp_code code);  /* the demo's */
void person(enum opp_code code); /* the demo's owner */
/* Runs SQL, and has the registry read anew. */
void set(const char *sql);
enum opp_code glance(const struct opp_credentials *shown, const char *ip);

#endif
