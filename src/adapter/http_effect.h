/* SPDX-License-Identifier: MIT
 *
 * adapter/http_effect.h - an effect that is one HTTP request: sent at most once, and what its answers mean.
 * May include: store, base, adapter.
 */
#ifndef OPP_ADAPTER_HTTP_EFFECT_H
#define OPP_ADAPTER_HTTP_EFFECT_H

#include "adapter/effect_internal.h"
#include "adapter/http_judge.h"
#include "adapter/upstream.h"
#include "base/buf.h"

/* What an effect's path and query, symbols replaced, look like on the wire; both end with a NUL. Codes as
 * opp_http_path, and OPP_E_MEMORY. */
enum opp_code opp_http_target(const json_t *path, const json_t *query, const struct opp_sql_host *host,
                              struct opp_buf *path_out, struct opp_buf *query_out, struct opp_err *err);

/* Sends it. */
void opp_http_apply(struct opp_effect_op *op);

/* What a receipt's answer means: OPP_OK: it was applied, and *result (gives) is what receipt.read gave, or NULL ·
 * OPP_E_ABSENT: there is none (yet) · OPP_E_EXECUTION_UNKNOWN: it says neither, or there was no answer; err says why.
 * lane: where read is asked; NULL: the effect has none, its status tells. */
enum opp_code opp_http_receipt_judge(const struct opp_http_question *question, struct opp_lane *lane, json_t **result,
                                     struct opp_err *err);

/* Gives a result: the template with what it takes from the answer's body, null where that is not there. OPP_E_MEMORY.
 */
enum opp_code opp_http_result(const json_t *result, const struct opp_upstream_request *request,
                              const struct opp_sql_host *host, json_t **out, struct opp_err *err);

#endif
