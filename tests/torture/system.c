/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int fail(int why)
{
    errno = why;
    return -1;
}

static int open_at(const char *path, int flags, mode_t mode)
{
    if (torture_fails(TORTURE_OPEN))
        return fail(EMFILE);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static mode_t mode_of(int flags, va_list more)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;

    va_start(more, flags);
    mode = mode_of(flags, more);
    va_end(more);
    return open_at(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;

    va_start(more, flags);
    mode = mode_of(flags, more);
    va_end(more);
    return open_at(path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    return torture_fails(TORTURE_WRITE) ? fail(EIO) : syscall(SYS_write, fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return torture_fails(TORTURE_WRITE) ? fail(EIO) : syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    return torture_fails(TORTURE_WRITE) ? fail(EIO) : syscall(SYS_pwrite64, fd, bytes, size, offset);
}

/* What libevent sends with. */
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return torture_fails(TORTURE_WRITE) ? fail(ECONNRESET) : syscall(SYS_writev, fd, parts, count);
}

int fsync(int fd)
{
    return torture_fails(TORTURE_FSYNC) ? fail(EIO) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return torture_fails(TORTURE_FSYNC) ? fail(EIO) : (int)syscall(SYS_fdatasync, fd);
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    return torture_fails(TORTURE_ACCEPT) ? fail(EMFILE) : (int)syscall(SYS_accept4, fd, address, length, flags);
}

int accept(int fd, struct sockaddr *address, socklen_t *length)
{
    return accept4(fd, address, length, 0);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return torture_fails(TORTURE_CONNECT) ? fail(ETIMEDOUT) : (int)syscall(SYS_connect, fd, address, length);
}
