/* SPDX-License-Identifier: MIT
 *
 * base/pool.h - small blocks that a thread has freed, kept for its next ones of that size.
 * May include: nothing.
 *
 * A request is hundreds of small blocks of JSON and of libevent's, all freed with it. malloc keeps seven of a size at
 * hand for a thread; whatever is more it joins with its neighbours, to be split again for the next request.
 */
#ifndef OPP_BASE_POOL_H
#define OPP_BASE_POOL_H

#include <stddef.h>

/* Begins to keep blocks; before, and where a sanitizer is to see each of them, these are malloc and free. Once. */
void opp_pool_start(void);

/* As malloc and free, whose blocks they are: one may be freed by the other's. A thread's kept blocks go with it. */
void *opp_pool_malloc(size_t size);
void opp_pool_free(void *block);

#endif
