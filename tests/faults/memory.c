/* SPDX-License-Identifier: MIT */
#include "faults/memory.h"

#include "faults/plan.h"

#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/socket.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
    return fault_plan_next(FAULT_ALLOC, "") != FAULT_NONE;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static sqlite3_mem_methods sqlite_memory;

static void *sqlite_malloc(int size)
{
    return fails() ? NULL : sqlite_memory.xMalloc(size);
}

static void *sqlite_realloc(void *old, int size)
{
    return fails() ? NULL : sqlite_memory.xRealloc(old, size);
}

/* libevent has no turn: in 2.1 evhttp frees what it has not set up yet when its own allocation for a new connection
 * fails.
 */
void fault_memory_install(void)
{
    sqlite3_mem_methods failing;

    json_set_alloc_funcs(__wrap_malloc, free);
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory);
    failing = sqlite_memory;
    failing.xMalloc = sqlite_malloc;
    failing.xRealloc = sqlite_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
}

/* The program's own definition counts for libevent too; its parameter is a union in glibc's header. */
int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict length, int flags)
{
    static int (*real)(int, struct sockaddr *, socklen_t *, int);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "accept4");
    if (fault_plan_next(FAULT_ACCEPT, "") == FAULT_NONE)
        return real(fd, address.__sockaddr__, length, flags);
    errno = ENOBUFS;
    return -1;
}
