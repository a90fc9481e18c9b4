/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define STEP 16  /* sizes are multiples of it */
#define SIZES 32 /* larger blocks are malloc's alone */
/* Of a thread and a size. One bound for all sizes would fill up with what other threads make and this one only frees.
 */
#define KEPT_MAX_BYTES ((size_t)1 << 14)

struct kept {
    struct kept *next;
};

/* Of one thread. */
struct pool {
    struct kept *first[SIZES];
    size_t bytes[SIZES];
    bool registered, closed;
};

static _Thread_local struct pool pool;
static pthread_key_t at_thread_end;
static bool started; /* before the second thread */

static void close_pool(void *arg)
{
    struct pool *closing = arg;

    closing->closed = true;
    for (size_t i = 0; i < SIZES; i++) {
        while (closing->first[i] != NULL) {
            struct kept *block = closing->first[i];

            closing->first[i] = block->next;
            free(block);
        }
    }
}

/* The thread that ends the process ends in no other way. */
static void close_own(void)
{
    close_pool(&pool);
}

#ifdef OPP_POOL_OFF
static const bool wanted = false;
#else
static const bool wanted = true;
#endif

void opp_pool_start(void)
{
    started = wanted && pthread_key_create(&at_thread_end, close_pool) == 0 && atexit(close_own) == 0;
}

void *opp_pool_malloc(size_t size)
{
    size_t at = size != 0 ? (size - 1) / STEP : 0;
    struct kept *block;

    if (at >= SIZES)
        return malloc(size);
    block = pool.first[at];
    if (block == NULL)
        return malloc((at + 1) * STEP);
    pool.first[at] = block->next;
    pool.bytes[at] -= (at + 1) * STEP;
    return block;
}

/* Whether the thread's blocks will be freed when it ends. */
static bool is_open(void)
{
    if (!pool.registered && !pool.closed)
        pool.registered = pthread_setspecific(at_thread_end, &pool) == 0;
    return pool.registered && !pool.closed;
}

void opp_pool_free(void *block)
{
    struct kept *kept = block;
    size_t steps = started && block != NULL ? malloc_usable_size(block) / STEP : 0;

    if (steps == 0 || steps > SIZES || pool.bytes[steps - 1] >= KEPT_MAX_BYTES || !is_open()) {
        free(block);
        return;
    }
    kept->next = pool.first[steps - 1];
    pool.first[steps - 1] = kept;
    pool.bytes[steps - 1] += steps * STEP;
}
