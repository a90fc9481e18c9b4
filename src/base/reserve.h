/* SPDX-License-Identifier: MIT
 *
 * base/reserve.h - small blocks that are there when malloc has none: for libraries that do not survive that.
 * May include: base.
 */
#ifndef OPP_BASE_RESERVE_H
#define OPP_BASE_RESERVE_H

#include <stddef.h>

#define OPP_RESERVE_BLOCK_BYTES 1024
#define OPP_RESERVE_BLOCKS 1024

#define OPP_RESERVE_EXIT 87

/* Makes libevent and jansson take their memory here; once, before anything of them is used.
 * libevent 2.1 frees a connection or a request that it could not put together as if it were whole, and crashes. Its
 * structures are small: a process that is out of memory goes on answering, with 503 where its own allocations fail.
 * jansson 2.14 goes on reading a text whose copy it had no memory to make longer, and then writes behind a buffer that
 * it made too short: where it asks for more than a block, and there is none, the process says so and leaves at once
 * with OPP_RESERVE_EXIT, as after a power cut. So nothing that is made of JSON is NULL for want of memory: only where a
 * text may be NULL, or no UTF-8, is there anything to check. */
void opp_reserve_install(void);

/* As malloc, realloc and free. What is not larger than a block comes from the reserve when malloc has nothing. What
 * json_dumps gives is freed by opp_reserve_free. */
void *opp_reserve_malloc(size_t size);
void *opp_reserve_realloc(void *block, size_t size);
void opp_reserve_free(void *block);

#endif
