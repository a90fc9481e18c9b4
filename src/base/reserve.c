/* SPDX-License-Identifier: MIT */
#include "base/reserve.h"

#include "base/pool.h"

#include <event2/event.h>

#include <jansson.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

union block {
    union block *next; /* while it is free */
    alignas(max_align_t) char bytes[OPP_RESERVE_BLOCK_BYTES];
};

/* Of the process, as libevent's functions for memory are. No page of it is touched before memory is out. */
static struct {
    pthread_mutex_t lock;
    union block *free;
    size_t used; /* blocks that were taken at least once: those behind are free too */
    union block blocks[OPP_RESERVE_BLOCKS];
} reserve = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool is_reserved(const void *block)
{
    uintptr_t at = (uintptr_t)block, first = (uintptr_t)reserve.blocks;

    return at >= first && at < first + sizeof reserve.blocks;
}

static void *take(void)
{
    union block *taken;

    pthread_mutex_lock(&reserve.lock);
    taken = reserve.free;
    if (taken != NULL)
        reserve.free = taken->next;
    else if (reserve.used < OPP_RESERVE_BLOCKS)
        taken = &reserve.blocks[reserve.used++];
    pthread_mutex_unlock(&reserve.lock);
    return taken;
}

static void give_back(void *block)
{
    union block *given = block;

    pthread_mutex_lock(&reserve.lock);
    given->next = reserve.free;
    reserve.free = given;
    pthread_mutex_unlock(&reserve.lock);
}

void *opp_reserve_malloc(size_t size)
{
    void *block = opp_pool_malloc(size);

    if (block == NULL && size <= OPP_RESERVE_BLOCK_BYTES)
        block = take();
    return block;
}

/* The block may be smaller than what is copied from it, but it is one of ours, and so is what lies behind it. */
static void *move_out(void *block, size_t size)
{
    void *fresh = malloc(size);

    if (fresh == NULL)
        return size <= OPP_RESERVE_BLOCK_BYTES ? block : NULL;
    memcpy(fresh, block, size < OPP_RESERVE_BLOCK_BYTES ? size : OPP_RESERVE_BLOCK_BYTES);
    give_back(block);
    return fresh;
}

/* Of what malloc gave only libevent knows the size: growing it without memory fails, which libevent survives. */
void *opp_reserve_realloc(void *block, size_t size)
{
    if (block == NULL)
        return opp_reserve_malloc(size);
    return is_reserved(block) ? move_out(block, size) : realloc(block, size);
}

void opp_reserve_free(void *block)
{
    if (is_reserved(block))
        give_back(block);
    else
        opp_pool_free(block);
}

static void *malloc_or_leave(size_t size)
{
    static const char why[] = "oppd: out of memory while reading JSON\n";
    void *block = opp_reserve_malloc(size);

    if (block != NULL)
        return block;
    (void)!write(STDERR_FILENO, why, sizeof why - 1); /* if nobody listens, all the same */
    _exit(OPP_RESERVE_EXIT);
}

void opp_reserve_install(void)
{
    opp_pool_start();
    json_set_alloc_funcs(malloc_or_leave, opp_reserve_free);
    event_set_mem_functions(opp_reserve_malloc, opp_reserve_realloc, opp_reserve_free);
}
