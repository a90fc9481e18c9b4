/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The file's layout, in words of 8 bytes. */
struct plan {
    _Atomic int64_t kind;                 /* armed; 0: nothing fails */
    _Atomic int64_t left;                 /* calls of it until one fails, that one included */
    _Atomic int64_t burst;                /* so many fail then, one after the other */
    _Atomic int64_t hits;                 /* calls that have failed */
    _Atomic int64_t calls[TORTURE_KINDS]; /* made, by kind */
};

/* Until the file is mapped, and where there is none. */
static struct plan nobodys;
static struct plan *_Atomic plan = &nobodys;

/* Before main, and by plain system calls: what is wrapped must not be needed to begin. */
__attribute__((constructor)) static void map_plan(void)
{
    const char *path = getenv("OPP_TORTURE");
    long fd = path != NULL ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
    void *mapped;

    if (fd < 0)
        return;
    mapped = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    if (mapped == MAP_FAILED)
        return;
    atomic_store(&plan, mapped);
    syscall(SYS_close, (int)fd);
}

/* Says where it was, and ends as it would have. What is not safe here does no harm any more.
 * NOLINTBEGIN(bugprone-signal-handler) */
static void on_crash(int number)
{
    void *frames[64];

    atomic_store(&atomic_load(&plan)->kind, TORTURE_NONE);
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
    signal(number, SIG_DFL);
    raise(number);
}

/* The first backtrace loads a library, for which a crash is no time. */
__attribute__((constructor)) static void watch_crashes(void)
{
    void *frame;

    backtrace(&frame, 1);
    signal(SIGSEGV, on_crash);
    signal(SIGABRT, on_crash);
    signal(SIGBUS, on_crash);
}
/* NOLINTEND(bugprone-signal-handler) */

bool torture_fails(enum torture_kind kind)
{
    struct plan *now = atomic_load(&plan);
    int64_t left;

    atomic_fetch_add(&now->calls[kind], 1);
    if (atomic_load(&now->kind) != kind)
        return false;
    left = atomic_fetch_sub(&now->left, 1);
    if (left > 1 || left + atomic_load(&now->burst) <= 1)
        return false;
    atomic_fetch_add(&now->hits, 1);
    return true;
}
