/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <errno.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static void *starve(void)
{
    errno = ENOMEM;
    return NULL;
}

void *__wrap_malloc(size_t size)
{
    return torture_fails(TORTURE_MALLOC) ? starve() : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return torture_fails(TORTURE_MALLOC) ? starve() : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return size > 0 && torture_fails(TORTURE_MALLOC) ? starve() : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return torture_fails(TORTURE_MALLOC) ? starve() : __real_strdup(text);
}
