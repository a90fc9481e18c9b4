/* SPDX-License-Identifier: MIT
 *
 * adapter/http_judge.h - the functions of an http.effect, which say what an answer means: found again by running
 * execute with what it was run with, as nothing of Lua outlives a call. May include: script, store, base, adapter.
 */
#ifndef OPP_ADAPTER_HTTP_JUDGE_H
#define OPP_ADAPTER_HTTP_JUDGE_H

#include "adapter/adapter.h"
#include "adapter/lane.h"

#define OPP_HTTP_WORD_MAX 16
#define OPP_HTTP_FUNCTION "function" /* what stands in an effect's data for one of Lua's */

struct opp_http_question {
    const struct opp_tool_input *input; /* of the call that made the effect */
    const json_t *loaded;               /* what load gave it */
    bool receipt;                       /* receipt.read is asked, not outcome */
    const struct opp_upstream_request *request;
};

struct opp_http_verdict {
    char word[OPP_HTTP_WORD_MAX]; /* applied, refused, stale, absent; "": it does not say */
    json_t *result;               /* gives; NULL: none was given */
};

/* Asks in a lane that no call has. OPP_E_EXECUTION_UNKNOWN: the function failed, or the tool makes no such effect any
 * more; err says why. */
enum opp_code opp_http_judge(struct opp_lane *lane, const struct opp_http_question *question,
                             struct opp_http_verdict *out, struct opp_err *err);

/* Appends what a question can be asked by later, as a JSON object; and gives it back as an input, whose members are
 * lent by asked, of a tool among adapters. OPP_E_ABSENT: the tool is not there. */
void opp_http_judge_write(struct opp_buf *out, const struct opp_tool_input *input, const json_t *loaded);
enum opp_code opp_http_judge_read(const json_t *asked, const struct opp_adapters *adapters, const char *effect_id,
                                  struct opp_tool_input *input);

#endif
