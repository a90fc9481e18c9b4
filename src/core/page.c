/* SPDX-License-Identifier: MIT */
#include "core/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct opp_page *page;
    const struct opp_record *record;
    opp_page_shape shape;
    struct opp_tx *tx;
    size_t limit;
};

/* The column of those that are listed by a number; NULL: by their id, the first member. */
static const char *number_column(const struct opp_record *record)
{
    if (record == &OPP_AUDIT_ROW || record == &OPP_CHECKPOINT)
        return "seq";
    return record == &OPP_DECISION ? "number" : NULL;
}

/* A number is the first member as an id is. */
static void remember(struct reading *reading, const void *record)
{
    struct opp_page *page = reading->page;

    if (number_column(reading->record) != NULL)
        snprintf(page->last, sizeof page->last, "%lld", (long long)*(const int64_t *)record);
    else
        snprintf(page->last, sizeof page->last, "%s", *(char *const *)record);
}

/* No list that looks complete and is not. */
enum opp_code opp_page_cut(struct opp_page *page, const char *last, struct opp_err *err)
{
    page->next = strdup(last);
    return page->next != NULL ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "no memory for a list");
}

static enum opp_code take(void *arg, void *record, struct opp_err *err)
{
    struct reading *reading = arg;
    enum opp_code rc = OPP_OK;

    if (json_array_size(reading->page->items) == reading->limit) {
        rc = opp_page_cut(reading->page, reading->page->last, err);
    } else {
        remember(reading, record);
        if (json_array_append_new(reading->page->items, reading->shape(record, reading->tx)) != 0)
            rc = opp_fail(err, OPP_E_MEMORY, "no memory for a list");
    }
    opp_record_free(reading->record, record);
    return rc;
}

enum opp_code opp_page_read(struct opp_page *page, struct opp_call *call, struct opp_tx *tx, struct opp_query *query,
                            opp_page_shape shape, struct opp_err *err)
{
    struct reading reading = { .page = page, .record = query->record, .shape = shape, .tx = tx };
    json_int_t limit = json_integer_value(json_object_get(call->input, "limit"));
    const char *number = number_column(query->record);
    const char *cursor = opp_call_text(call, "cursor");

    reading.limit = limit > 0 ? (size_t)limit : OPP_PAGE_DEFAULT;
    query->order = number != NULL ? number : "id";
    query->descending = true;
    query->limit = reading.limit + 1;
    if (cursor != NULL && number != NULL)
        opp_query_number(query, number, OPP_BELOW, atoll(cursor));
    else
        opp_query_text(query, "id", OPP_BELOW, cursor);
    page->items = json_array();
    return page->items != NULL ? opp_tx_each(tx, query, take, &reading, err) : OPP_E_MEMORY;
}

enum opp_step opp_page_answer(struct opp_page *page, struct opp_call *call)
{
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    return opp_call_answer(call, json_pack("{s:O, s:s?}", "items", page->items, "nextCursor", page->next));
}

void opp_page_clear(struct opp_page *page)
{
    json_decref(page->items);
    free(page->next);
    *page = (struct opp_page){ 0 };
}
