/* SPDX-License-Identifier: MIT
 *
 * adapter/http_receipt.h - what became of a request, asked of its upstream when only its record is left.
 * May include: store, base, adapter.
 */
#ifndef OPP_ADAPTER_HTTP_RECEIPT_H
#define OPP_ADAPTER_HTTP_RECEIPT_H

#include "adapter/effect.h"

/* Asks for those that are an upstream's, on a loop of its own, until a monotonic time; what was asked and not answered
 * by then stays OPP_E_EXECUTION_UNKNOWN. */
void opp_http_receipts_ask(const struct opp_receipt_sources *sources, struct opp_receipt *asked, size_t count,
                           int64_t until_ms);

#endif
