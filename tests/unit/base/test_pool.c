/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 4000 /* of 512 bytes: twice what a thread keeps */

static void a_block_has_room_for_what_was_asked(void **state)
{
    (void)state;
    for (size_t size = 0; size < 2000; size++) {
        char *block = opp_pool_malloc(size);

        assert_non_null(block);
        memset(block, 'x', size);
        opp_pool_free(block);
    }
    opp_pool_free(NULL);
}

#ifndef OPP_POOL_OFF
static void a_freed_block_is_the_next_of_its_size(void **state)
{
    char *block = opp_pool_malloc(40), *next, *other;

    (void)state;
    opp_pool_free(block);
    other = opp_pool_malloc(32);
    next = opp_pool_malloc(48);
    assert_ptr_equal(next, block);
    assert_ptr_not_equal(other, block);
    opp_pool_free(next);
    opp_pool_free(other);
}

/* What was malloc's is kept for no more than it has room for. */
static void a_block_of_mallocs_is_kept_too(void **state)
{
    char *block = malloc(100), *next;
    size_t room;

    (void)state;
    assert_non_null(block);
    room = malloc_usable_size(block) / 16 * 16;
    opp_pool_free(block);
    next = opp_pool_malloc(room);
    assert_ptr_equal(next, block);
    free(next);
}

static void *free_all(void *arg)
{
    char **blocks = arg;

    for (size_t i = 0; i < BLOCKS; i++)
        opp_pool_free(blocks[i]);
    return NULL;
}

static size_t in_use(void)
{
    return mallinfo2().uordblks;
}

static void a_thread_keeps_a_bounded_number_and_they_go_with_it(void **state)
{
    static char *blocks[BLOCKS];
    pthread_t thread;
    size_t before = in_use(), filled;

    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(512);
        assert_non_null(blocks[i]);
    }
    filled = in_use();
    assert_int_equal(pthread_create(&thread, NULL, free_all, blocks), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(in_use() < before + (filled - before) / 8); /* malloc counts a little of its own as used */
    for (size_t i = 0; i < BLOCKS; i++)
        blocks[i] = malloc(512);
    free_all(blocks);
    assert_in_range(in_use(), before + 8192, before + (filled - before) / 8); /* 16 KiB of a size */
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_has_room_for_what_was_asked),
#ifndef OPP_POOL_OFF
        cmocka_unit_test(a_freed_block_is_the_next_of_its_size),
        cmocka_unit_test(a_block_of_mallocs_is_kept_too),
        cmocka_unit_test(a_thread_keeps_a_bounded_number_and_they_go_with_it),
#endif
    };

    opp_pool_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
