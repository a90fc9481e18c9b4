/* SPDX-License-Identifier: MIT
 *
 * core/staging_memo.h - what the staged rules said of a read just now. Rules have no memory, and see of time its
 * seconds: a read that is the same in all that they are shown, in the same second, is judged the same, unless they
 * counted. May include: policy, base, core.
 */
#ifndef OPP_CORE_STAGING_MEMO_H
#define OPP_CORE_STAGING_MEMO_H

#include "core/told.h"

struct opp_staging_memo;

struct opp_remembered {
    json_t *parts; /* what was told, parsed; read only */
    struct opp_policy_decision ruling;
    int64_t ns; /* that it took */
};

/* For one thread. OPP_E_MEMORY. */
enum opp_code opp_staging_memo_new(struct opp_staging_memo **out, struct opp_err *err);
void opp_staging_memo_free(struct opp_staging_memo *memo); /* NULL allowed */

/* Lends, until the next _keep, what is remembered of an equal read that the rules of this epoch judged; NULL: nothing.
 */
const struct opp_remembered *opp_staging_memo_find(struct opp_staging_memo *memo, unsigned epoch,
                                                   const struct opp_told *told);
/* Remembers this of the read that was looked for last; what lacks the memory is forgotten. */
void opp_staging_memo_keep(struct opp_staging_memo *memo, const struct opp_remembered *remembered);

#endif
