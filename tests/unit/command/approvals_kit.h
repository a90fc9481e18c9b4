/* SPDX-License-Identifier: MIT
 *
 * command/approvals_kit.h - what the tests of drafts share: a gateway, and a draft in it.
 * May include: all.
 */
#ifndef OPP_TESTS_APPROVALS_KIT_H
#define OPP_TESTS_APPROVALS_KIT_H

#include "command/gateway_group.h"

extern char draft[OPP_ID_MAX]; /* the last that was made */
extern unsigned count;

void make_draft(const char *notes);
/* Runs a flow on the draft, and wants this code, and in the details this reason; NULL: none. */
void expect_of(const struct opp_flow *flow, const char *input, enum opp_code code, const char *reason);
void approve(enum opp_code code, const char *reason);
/* Changes the draft's row behind the gateway's back. */
void set_draft(const char *what);

/* A hook that does what change says by set_draft. */
extern const char *change;
void the_draft_changes(void *arg);

#endif
