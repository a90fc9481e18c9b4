/* SPDX-License-Identifier: MIT
 *
 * torture/plan.h - which call is to fail next: a file that a test writes and this process has mapped.
 * May include: nothing.
 */
#ifndef OPP_TESTS_TORTURE_PLAN_H
#define OPP_TESTS_TORTURE_PLAN_H

#include <stdbool.h>

enum torture_kind {
    TORTURE_NONE,
    TORTURE_MALLOC,
    TORTURE_OPEN,
    TORTURE_WRITE,
    TORTURE_FSYNC,
    TORTURE_ACCEPT,
    TORTURE_CONNECT,
    TORTURE_KINDS
};

/* Counts the call; true: it is the one that must fail. Allocates nothing. */
bool torture_fails(enum torture_kind kind);

#endif
