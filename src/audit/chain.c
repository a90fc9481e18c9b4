/* SPDX-License-Identifier: MIT */
#include "audit/chain.h"

#include "audit/checkpoint.h"
#include "audit/row_scan.h"
#include "base/date.h"
#include "base/jcs.h"
#include "store/records.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void opp_chain_begin(struct opp_chain *chain, int64_t seq, const char *hash)
{
    *chain = (struct opp_chain){ .seq = seq };
    if (hash != NULL)
        snprintf(chain->hash, sizeof chain->hash, "%s", hash);
    if (seq == 0) {
        memset(chain->hash, '0', OPP_HASH_HEX - 1);
        memset(chain->link, '0', OPP_HASH_HEX - 1);
    }
}

void opp_chain_clear(struct opp_chain *chain)
{
    opp_buf_free(&chain->scratch);
}

void opp_chain_blame(struct opp_chain *chain, int64_t seq, const char *format, ...)
{
    va_list args;

    if (chain->first_bad != 0)
        return;
    chain->first_bad = seq;
    va_start(args, format);
    vsnprintf(chain->why, sizeof chain->why, format, args);
    va_end(args);
}

static bool value_is(const struct opp_row_scan *scan, const struct opp_buf *wanted)
{
    return !wanted->failed && scan->value_length == wanted->length &&
           memcmp(scan->value, wanted->bytes, wanted->length) == 0;
}

static bool says_text(struct opp_chain *chain, const struct opp_row_scan *scan, const char *text)
{
    opp_buf_reset(&chain->scratch);
    if (text != NULL)
        opp_jcs_string(&chain->scratch, text, strlen(text));
    else
        opp_buf_text(&chain->scratch, "null");
    return value_is(scan, &chain->scratch);
}

static bool says_number(struct opp_chain *chain, const struct opp_row_scan *scan, int64_t number)
{
    opp_buf_reset(&chain->scratch);
    opp_jcs_integer(&chain->scratch, number);
    return value_is(scan, &chain->scratch);
}

/* What lists are filtered by stands beside the row as well; the organisation stands only there. */
static bool agrees(struct opp_chain *chain, const struct opp_row_scan *scan, const struct opp_audit_row *beside,
                   unsigned *found)
{
    char created_at[OPP_DATE_MAX];
    const struct {
        const char *name, *text;
    } columns[] = { { "action", beside->action },
                    { "app_id", beside->app_id },
                    { "created_at", created_at },
                    { "draft_id", beside->draft_id },
                    { "status", beside->status } };

    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        if (!opp_row_scan_is(scan, columns[i].name))
            continue;
        *found |= 1U << i;
        if (columns[i].text == created_at)
            opp_date_format(beside->created_at, created_at);
        return says_text(chain, scan, columns[i].text);
    }
    return true;
}

#define ALL_COLUMNS 0x1fU

/* Gives what is wrong with the row; NULL: nothing. */
static const char *look(struct opp_chain *chain, const struct opp_chain_row *row, int64_t seq)
{
    struct opp_row_scan scan = { .at = row->bytes, .end = row->bytes + row->length };
    bool numbered = false, chained = false, agreed = true;
    unsigned found = 0;

    while (opp_row_scan_next(&scan)) {
        if (opp_row_scan_is(&scan, "seq"))
            numbered = says_number(chain, &scan, seq);
        else if (opp_row_scan_is(&scan, "prev_event_hash"))
            chained = says_text(chain, &scan, chain->hash);
        else if (row->beside != NULL)
            agreed = agreed && agrees(chain, &scan, row->beside, &found);
    }
    if (scan.bad)
        return "it is no audit row";
    if (!numbered)
        return "it has another number: a row is missing, was moved or was put in";
    if (!chained)
        return "the hash that it has of the row before is not that row's";
    if (row->beside != NULL && (!agreed || found != ALL_COLUMNS || row->beside->seq != seq))
        return "what stands beside it for lists is not what it says";
    return NULL;
}

void opp_chain_add(struct opp_chain *chain, const struct opp_chain_row *row)
{
    char hash[OPP_HASH_HEX];
    const char *why = NULL;
    int64_t seq = chain->seq + 1;

    if (chain->first_bad == 0) {
        opp_hash_hex(row->bytes, row->length, hash);
        why = strcmp(hash, row->event_hash) == 0 ? look(chain, row, seq) : "its bytes do not have its hash";
    }
    if (why != NULL)
        opp_chain_blame(chain, seq, "%s", why);
    chain->seq = seq;
    chain->rows++;
    snprintf(chain->hash, sizeof chain->hash, "%s", row->event_hash);
    if (chain->link[0] != '\0')
        opp_checkpoint_link(chain->link, row->event_hash);
}
