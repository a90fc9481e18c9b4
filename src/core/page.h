/* SPDX-License-Identifier: MIT
 *
 * core/page.h - lists, newest first, a page at a time: {items, nextCursor}.
 * May include: store, base, core.
 */
#ifndef OPP_CORE_PAGE_H
#define OPP_CORE_PAGE_H

#include "core/call.h"
#include "store/tx.h"

#define OPP_PAGE_DEFAULT 100
#define OPP_PAGE_MAX 500

struct opp_page {
    json_t *items;
    char *next;    /* the last item's id, when there are more */
    char last[64]; /* the last item's id */
};

/* Gives a record, which it may change, as it is listed; NULL: no memory. What else belongs to it is found in the same
 * transaction. */
typedef json_t *(*opp_page_shape)(void *record, struct opp_tx *tx);

/* Reads the page that the call's cursor and limit ask for: the query's records ordered by their first column,
 * descending. Inside a read transaction. */
enum opp_code opp_page_read(struct opp_page *page, struct opp_call *call, struct opp_tx *tx, struct opp_query *query,
                            opp_page_shape shape, struct opp_err *err);
/* Goes on behind an item, though there was room for more: the search was ended. OPP_E_MEMORY. */
enum opp_code opp_page_cut(struct opp_page *page, const char *last, struct opp_err *err);
/* Ends the call with the page, or with why it could not be read. */
enum opp_step opp_page_answer(struct opp_page *page, struct opp_call *call);
void opp_page_clear(struct opp_page *page);

#endif
