/* SPDX-License-Identifier: MIT
 *
 * admin/events.h - what happens, as server-sent events made of the audit trail; resumed by Last-Event-ID.
 * May include: base.
 */
#ifndef OPP_ADMIN_EVENTS_H
#define OPP_ADMIN_EVENTS_H

struct opp_flow;
extern const struct opp_flow OPP_FLOW_EVENTS;

#endif
