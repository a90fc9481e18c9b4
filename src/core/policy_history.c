/* SPDX-License-Identifier: MIT */
#include "core/policy_history.h"

#include "store/records.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>

void opp_policy_id(int64_t number, char id[OPP_POLICY_ID_MAX])
{
    snprintf(id, OPP_POLICY_ID_MAX, "%012lld", (long long)number);
}

int64_t opp_policy_number(const struct opp_generation_head *head)
{
    return atoll(head->id);
}

static enum opp_code take_latest(void *arg, void *record, struct opp_err *err)
{
    struct opp_policy_history *history = arg;

    (void)err;
    history->latest[history->count++] = record;
    return OPP_OK;
}

static enum opp_code take_staged(void *arg, void *record, struct opp_err *err)
{
    struct opp_policy_history *history = arg;

    (void)err;
    history->staged = record;
    return OPP_OK;
}

static enum opp_code take_newest(void *arg, void *record, struct opp_err *err)
{
    struct opp_policy_history *history = arg;

    (void)err;
    history->newest = opp_policy_number(record);
    opp_record_free(&OPP_GENERATION_HEAD, record);
    return OPP_OK;
}

enum opp_code opp_policy_history_read(struct opp_tx *tx, struct opp_policy_history *out, struct opp_err *err)
{
    struct opp_query latest = {
        .record = &OPP_GENERATION_HEAD, .order = "turn", .descending = true, .limit = 1 + OPP_POLICY_HISTORY_MAX
    };
    struct opp_query staged = { .record = &OPP_GENERATION_HEAD, .limit = 1 };
    struct opp_query newest = { .record = &OPP_GENERATION_HEAD, .order = "id", .descending = true, .limit = 1 };
    enum opp_code rc;

    opp_query_number(&latest, "turn", OPP_ABOVE, 0);
    opp_query_number(&staged, "staged", OPP_EQUAL, 1);
    rc = opp_tx_each(tx, &latest, take_latest, out, err);
    if (rc == OPP_OK)
        rc = opp_tx_each(tx, &staged, take_staged, out, err);
    if (rc == OPP_OK)
        rc = opp_tx_each(tx, &newest, take_newest, out, err);
    if (rc != OPP_OK)
        opp_policy_history_clear(out);
    return rc;
}

void opp_policy_history_clear(struct opp_policy_history *history)
{
    for (size_t i = 0; i < history->count; i++)
        opp_record_free(&OPP_GENERATION_HEAD, history->latest[i]);
    opp_record_free(&OPP_GENERATION_HEAD, history->staged);
    *history = (struct opp_policy_history){ 0 };
}

json_t *opp_policy_head_json(const struct opp_generation_head *head)
{
    if (head == NULL)
        return json_null();
    return json_pack("{s:s, s:I, s:s}", "profile", head->profile, "generation", (json_int_t)opp_policy_number(head),
                     "sha256", head->sha256);
}
