/* SPDX-License-Identifier: MIT
 *
 * base/reserve.h - small blocks that are there when malloc has none: for libevent, which does not survive that.
 * May include: base.
 */
#ifndef OPP_BASE_RESERVE_H
#define OPP_BASE_RESERVE_H

#include <stddef.h>

#define OPP_RESERVE_BLOCK_BYTES 1024
#define OPP_RESERVE_BLOCKS 1024

/* Makes libevent take its memory here; once, before anything of it is used. libevent 2.1 frees a connection or a request
 * that it could not put together as if it were whole, and crashes. Its structures are small, so a process that is out
 * of memory goes on answering, with 503 where its own allocations fail, until some hundred connections were opened in
 * that state. */
void opp_reserve_install(void);

/* As malloc, realloc and free. What is not larger than a block comes from the reserve when malloc has nothing. */
void *opp_reserve_malloc(size_t size);
void *opp_reserve_realloc(void *block, size_t size);
void opp_reserve_free(void *block);

#endif
