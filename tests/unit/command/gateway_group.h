/* SPDX-License-Identifier: MIT
 *
 * command/gateway_group.h - the gateway that a group of tests shares, and what they ask of it and have it fail alike.
 * May include: all.
 */
#ifndef OPP_TESTS_GATEWAY_GROUP_H
#define OPP_TESTS_GATEWAY_GROUP_H

#include "command/gateway_kit.h"

#define GATEWAY "gateway.db"

extern struct gateway_kit kit;

/* For a group: start it, with the windows of the demo's app open or not, and stop it. */
int set_up_all(void **state);
int set_up_all_open(void **state);
int tear_down_all(void **state);

/* For each test: nothing fails or waits any more as failing.h was told. */
int tear_down(void **state);

/* Writes an action that makes a transaction; more: members beside the payload, after a comma. */
void write_action(char *out, size_t size, const char *title, const char *notes, const char *more);

#endif
