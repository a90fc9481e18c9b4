/* SPDX-License-Identifier: MIT
 *
 * adapter/session.h - one loop's lanes: a call takes one, has it alone, and gives it back.
 * May include: script, store, base, adapter.
 */
#ifndef OPP_ADAPTER_SESSION_H
#define OPP_ADAPTER_SESSION_H

#include "adapter/lane.h"

/* Gives an idle lane of the adapter, or a new one. Codes as opp_lane_open. */
enum opp_code opp_session_take(struct opp_adapter_session *session, size_t adapter, struct opp_lane **out,
                               struct opp_err *err);
/* Takes the lane back; one whose state tripped is replaced. */
void opp_session_put(struct opp_adapter_session *session, struct opp_lane *lane);

#endif
