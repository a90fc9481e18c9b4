/* SPDX-License-Identifier: MIT */
#include "base/reserve.h"

#include "script/starving.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <string.h>

/* Each test ends with the reserve full again: all are of one process. */

static void what_malloc_has_is_taken_from_malloc(void **state)
{
    char *block = opp_reserve_malloc(5000);

    (void)state;
    assert_non_null(block);
    memset(block, 'x', 5000);
    block = opp_reserve_realloc(block, 10000);
    assert_non_null(block);
    assert_int_equal(block[4999], 'x');
    opp_reserve_free(block);
    opp_reserve_free(NULL);
}

static void take_all(char *blocks[OPP_RESERVE_BLOCKS])
{
    for (size_t i = 0; i < OPP_RESERVE_BLOCKS; i++) {
        blocks[i] = i % 2 == 0 ? opp_reserve_malloc(OPP_RESERVE_BLOCK_BYTES) : opp_reserve_realloc(NULL, 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        memset(blocks[i], (int)(i % 100), OPP_RESERVE_BLOCK_BYTES);
    }
}

static void give_all(char *blocks[OPP_RESERVE_BLOCKS])
{
    for (size_t i = 0; i < OPP_RESERVE_BLOCKS; i++) {
        assert_int_equal(blocks[i][0], i % 100);
        assert_int_equal(blocks[i][OPP_RESERVE_BLOCK_BYTES - 1], i % 100);
        opp_reserve_free(blocks[i]);
    }
}

static void without_memory_small_blocks_are_there_and_large_ones_are_not(void **state)
{
    static char *blocks[OPP_RESERVE_BLOCKS];

    (void)state;
    starving_set(1, true);
    assert_null(opp_reserve_malloc(OPP_RESERVE_BLOCK_BYTES + 1));
    for (int round = 0; round < 2; round++) {
        take_all(blocks);
        assert_null(opp_reserve_malloc(1));
        give_all(blocks);
    }
    starving_set(0, false);
}

static void a_block_of_the_reserve_grows_when_there_is_memory_again(void **state)
{
    char *block, *same;

    (void)state;
    starving_set(1, true);
    block = opp_reserve_malloc(10);
    assert_non_null(block);
    strcpy(block, "kept");
    same = opp_reserve_realloc(block, OPP_RESERVE_BLOCK_BYTES);
    assert_ptr_equal(same, block);
    assert_null(opp_reserve_realloc(block, OPP_RESERVE_BLOCK_BYTES + 1));
    assert_string_equal(block, "kept");
    starving_set(0, false);
    block = opp_reserve_realloc(block, 5000);
    assert_non_null(block);
    assert_ptr_not_equal(block, same);
    assert_string_equal(block, "kept");
    opp_reserve_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_malloc_has_is_taken_from_malloc),
        cmocka_unit_test(without_memory_small_blocks_are_there_and_large_ones_are_not),
        cmocka_unit_test(a_block_of_the_reserve_grows_when_there_is_memory_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
