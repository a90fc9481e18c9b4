/* SPDX-License-Identifier: MIT
 *
 * http/crowd.h - how many connections an address has, over all servers that share a crowd; an IPv6 one counts by its
 * first 64 bits.
 * May include: base.
 */
#ifndef OPP_HTTP_CROWD_H
#define OPP_HTTP_CROWD_H

#include "base/net.h"

#include <stddef.h>

struct opp_crowd;

/* NULL when memory is out. */
struct opp_crowd *opp_crowd_new(void);
void opp_crowd_free(struct opp_crowd *crowd);

/* From any thread, as opp_crowd_leave. Counts one connection more, unless max are counted or memory is out: false. */
bool opp_crowd_enter(struct opp_crowd *crowd, const struct opp_address *address, size_t max);
/* Of an address that has entered. */
void opp_crowd_leave(struct opp_crowd *crowd, const struct opp_address *address);

#endif
