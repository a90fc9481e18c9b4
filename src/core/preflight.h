/* SPDX-License-Identifier: MIT
 *
 * core/preflight.h - POST preflight: what an action would touch and change, bound to it by hashes and a handle.
 * May include: base, core.
 */
#ifndef OPP_CORE_PREFLIGHT_H
#define OPP_CORE_PREFLIGHT_H

struct opp_flow;
extern const struct opp_flow OPP_FLOW_PREFLIGHT;

#endif
