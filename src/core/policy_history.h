/* SPDX-License-Identifier: MIT
 *
 * core/policy_history.h - the generations of policies that the store keeps: in force, before it, and staged.
 * May include: store, base.
 */
#ifndef OPP_CORE_POLICY_HISTORY_H
#define OPP_CORE_POLICY_HISTORY_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define OPP_POLICY_HISTORY_MAX 10 /* generations before the one in force that can be rolled back to */
#define OPP_POLICY_ID_MAX 24

struct opp_generation_head;
struct opp_tx;

struct opp_policy_history {
    struct opp_generation_head *latest[1 + OPP_POLICY_HISTORY_MAX]; /* in the order in which they were in force */
    size_t count;                                                   /* 0 before the very first start; latest[0] is */
    struct opp_generation_head *staged;                             /* NULL: none */
    int64_t newest;                                                 /* the highest number there is, 0: none */
};

/* Gives what the store has now; *out was cleared. Codes as opp_tx_each. */
enum opp_code opp_policy_history_read(struct opp_tx *tx, struct opp_policy_history *out, struct opp_err *err);
void opp_policy_history_clear(struct opp_policy_history *history);

/* What a generation is stored and found under: its number, padded so that ids sort as the numbers do. */
void opp_policy_id(int64_t number, char id[OPP_POLICY_ID_MAX]);
int64_t opp_policy_number(const struct opp_generation_head *head);

/* Gives {profile, generation, sha256}; JSON null for NULL. */
json_t *opp_policy_head_json(const struct opp_generation_head *head);

#endif
