/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* What is below the names that are replaced here for this program and all its libraries: glibc's own, or what
 * AddressSanitizer has put before them. */
#ifdef OPP_SANITIZED
#define BELOW(name) __interceptor_##name
#else
#define BELOW(name) __libc_##name
#endif

void *BELOW(malloc)(size_t size);
void *BELOW(calloc)(size_t count, size_t size);
void *BELOW(realloc)(void *old, size_t size);

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);

static void *starve(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return torture_fails(TORTURE_MALLOC) ? starve() : BELOW(malloc)(size);
}

void *calloc(size_t count, size_t size)
{
    return torture_fails(TORTURE_MALLOC) ? starve() : BELOW(calloc)(count, size);
}

void *realloc(void *old, size_t size)
{
    return size > 0 && torture_fails(TORTURE_MALLOC) ? starve() : BELOW(realloc)(old, size);
}

/* The sanitizer's own would not ask. */
char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

#ifdef OPP_SANITIZED
const char *__lsan_default_suppressions(void);

/* What the dynamic loader allocates is no leak to the sanitizer, which does not know it behind these functions. */
const char *__lsan_default_suppressions(void)
{
    return "leak:_dl_map_object_deps\n";
}
#endif
