/* SPDX-License-Identifier: MIT
 *
 * command/actions_kit.h - what the tests of POST actions share: a gateway with open windows, and new transactions.
 * May include: all.
 */
#ifndef OPP_TESTS_ACTIONS_KIT_H
#define OPP_TESTS_ACTIONS_KIT_H

#include "command/gateway_group.h"

/* Members that act and expect add. */
#define RUN ",\"execute\":true"

extern char key[32], draft[OPP_ID_MAX]; /* the test's own key; the last draft that was made */
extern unsigned count;

int set_up(void **state); /* gives a new key, and title */

/* Asks for a new transaction whose title is the test's own. more: members beside the payload, after a comma. */
enum opp_code act(const char *notes, const char *more, struct gateway_answer *answer);
enum opp_code ask(const char *input, struct gateway_answer *answer);
/* Acts, and wants this code, and in the answer or its details this text; name NULL: none. */
void expect(const char *notes, const char *more, enum opp_code code, const char *name, const char *text);
void make_draft(void);
void make_execution(void);

#endif
