/* SPDX-License-Identifier: MIT
 *
 * base/shared.h - bytes that many readers hold at once: immutable, with a reference count.
 * May include: base.
 */
#ifndef OPP_BASE_SHARED_H
#define OPP_BASE_SHARED_H

#include "base/buf.h"

#include <stddef.h>

struct opp_shared;

/* Takes the bytes of buf (leaving it empty) and gives them with one reference; NULL when memory is out or an addition
 * to buf had failed. From any thread, as all here. */
struct opp_shared *opp_shared_new(struct opp_buf *buf);
struct opp_shared *opp_shared_ref(struct opp_shared *shared);
void opp_shared_unref(struct opp_shared *shared); /* NULL allowed */

const char *opp_shared_bytes(const struct opp_shared *shared);
size_t opp_shared_length(const struct opp_shared *shared);

#endif
