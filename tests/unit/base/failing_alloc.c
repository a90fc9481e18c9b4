/* SPDX-License-Identifier: MIT */
#include "base/failing_alloc.h"

#include <stddef.h>

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static int left;
static bool happened;

void failing_alloc_set(int countdown)
{
    left = countdown;
    happened = false;
}

bool failing_alloc_happened(void)
{
    return happened;
}

static bool fails_now(void)
{
    if (left == 0 || --left > 0)
        return false;
    happened = true;
    return true;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}
