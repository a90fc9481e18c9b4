/* SPDX-License-Identifier: MIT
 *
 * faults/plan.h - which operation on a database file goes wrong, as the environment says.
 * May include: nothing.
 *
 * OPP_FAULT="OP:N:WHAT[:FILE]" - the N-th OP (open, write, sync) of this process, counted over the databases and logs
 * whose names begin with FILE, does WHAT: eio (fails once), dead (fails, and all after it), full (fails as on a full
 * disk), cut (power cut: only what was synced stays), tear (the same, but some of the rest stays, too).
 * OPP_FAULT_DIR=DIR - while DIR/full is there, writes fail as on a full disk; while DIR/stall is there, syncs wait.
 * What must never happen is appended to DIR/violations. OPP_FAULT_NORMAL=1 - connections have synchronous=NORMAL, and
 * say FULL: the control that must lose.
 */
#ifndef OPP_TESTS_FAULTS_PLAN_H
#define OPP_TESTS_FAULTS_PLAN_H

#include <stdbool.h>

enum fault_op {
    FAULT_OPEN,
    FAULT_WRITE,
    FAULT_SYNC
};
enum fault_what {
    FAULT_NONE,
    FAULT_EIO,
    FAULT_FULL,
    FAULT_CUT,
    FAULT_TEAR
};

/* Reads the environment, once. */
void fault_plan_read(void);
/* Counts the operation on a file of this name (without its directory) and says what is to happen. Thread-safe. */
enum fault_what fault_plan_next(enum fault_op op, const char *name);
/* Whether a file of this name is in OPP_FAULT_DIR. */
bool fault_plan_switch(const char *name);
bool fault_plan_normal(void);
/* The N of the plan, as a seed. */
unsigned fault_plan_number(void);
void fault_plan_violation(const char *what, const char *which);

#endif
