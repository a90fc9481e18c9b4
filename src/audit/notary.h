/* SPDX-License-Identifier: MIT
 *
 * audit/notary.h - the thread that signs the chain's head now and then, keeps the checkpoints and gives them out.
 * May include: audit, store, base.
 */
#ifndef OPP_AUDIT_NOTARY_H
#define OPP_AUDIT_NOTARY_H

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/sign.h"

#include <stdint.h>

struct opp_notary;
struct opp_store;

struct opp_notary_settings {
    struct opp_store *store;
    const char *dir; /* the store's, where the notary looks for itself */
    const struct opp_sign_key *key;
    struct opp_clock *clock;
    struct opp_log *log;
    const char *file;  /* that each checkpoint is appended to as a line of JSON; NULL: none */
    int64_t rows_max;  /* signed as soon as so many rows were committed since the last checkpoint, */
    int64_t period_ms; /* or as some row is so old */
};

/* Gives a running notary, which the store tells of its commits. Before the loops run; everything in settings outlives
 * it. OPP_E_IO: no thread. Otherwise as opp_store_now. */
enum opp_code opp_notary_start(const struct opp_notary_settings *settings, struct opp_notary **out,
                               struct opp_err *err);
/* Signs what was committed since the last checkpoint, and ends the thread. NULL allowed. */
void opp_notary_stop(struct opp_notary *notary);

#endif
