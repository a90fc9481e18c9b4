/* SPDX-License-Identifier: MIT
 *
 * core/stranded.h - executions whose outcome could not be written and that nobody works on any more: kept until their
 * receipt has settled them, so that they wait for the disk and not for the next start.
 * May include: base.
 */
#ifndef OPP_CORE_STRANDED_H
#define OPP_CORE_STRANDED_H

#include "base/error.h"
#include "base/id.h"

#include <stdbool.h>

struct opp_stranded;

struct opp_stranded_item {
    struct opp_stranded_item *next;
    char execution_id[OPP_ID_MAX], draft_id[OPP_ID_MAX];
    bool settled; /* for whoever has taken it */
};

/* OPP_E_MEMORY. */
enum opp_code opp_stranded_new(struct opp_stranded **out, struct opp_err *err);
void opp_stranded_free(struct opp_stranded *stranded);

/* From any thread: takes an item, made by calloc before the claim, so that there is one whatever happens after it. The
 * execution's effect has come to an end. */
void opp_stranded_add(struct opp_stranded *stranded, struct opp_stranded_item *item, const char *execution_id,
                      const char *draft_id);
/* From any thread: gives all that there are, NULL for none; and takes back those that are not settled. */
struct opp_stranded_item *opp_stranded_take(struct opp_stranded *stranded);
void opp_stranded_return(struct opp_stranded *stranded, struct opp_stranded_item *items);
/* From any thread: whether there is one that is not settled yet, taken or not. NULL: there is none. */
bool opp_stranded_any(const struct opp_stranded *stranded);

#endif
