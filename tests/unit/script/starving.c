/* SPDX-License-Identifier: MIT */
#include "script/starving.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static _Thread_local int left;
static _Thread_local bool stays;
static _Thread_local bool happened;

void starving_set(int nth, bool all)
{
    left = nth;
    stays = all;
    happened = false;
}

bool starving_happened(void)
{
    return happened;
}

static bool fails_now(void)
{
    if (left == 0 || (left > 1 && --left > 0))
        return false;
    happened = true;
    left = stays ? 1 : 0;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}
