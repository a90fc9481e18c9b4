/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <errno.h>
#include <stddef.h>

/* glibc's own, below the names that are replaced here for this program and all its libraries. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *block);

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void free(void *block);

static void *starve(void)
{
    errno = ENOMEM;
    return NULL;
}

static void *count(void *block)
{
    if (block != NULL)
        torture_count_blocks(1);
    return block;
}

void *malloc(size_t size)
{
    return torture_fails(TORTURE_MALLOC) ? starve() : count(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
    return torture_fails(TORTURE_MALLOC) ? starve() : count(__libc_calloc(number, size));
}

void *realloc(void *old, size_t size)
{
    void *block;

    if (size > 0 && torture_fails(TORTURE_MALLOC))
        return starve();
    block = __libc_realloc(old, size);
    if (old == NULL)
        return count(block);
    if (size == 0)
        torture_count_blocks(-1);
    return block;
}

void free(void *block)
{
    if (block != NULL)
        torture_count_blocks(-1);
    __libc_free(block);
}
