/* SPDX-License-Identifier: MIT */
#include "faults/disk.h"

#include "faults/plan.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 256

/* One write, or one truncation (fresh is NULL): what was there, and how long the file was. */
struct change {
    struct change *before;
    int64_t offset, old_size, fresh_size;
    size_t old_length, fresh_length;
    char *old, *fresh;
    bool stays;
};

struct disk_file {
    char *path;
    int fd;
    struct change *newest;
    const void *writer;
};

static struct disk_file files[FILES_MAX];
static size_t file_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what)
{
    perror(what);
    abort();
}

static void *must(void *memory)
{
    if (memory == NULL)
        die("no memory");
    return memory;
}

void disk_lock(void)
{
    pthread_mutex_lock(&lock);
}

void disk_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

struct disk_file *disk_file_of(const char *path)
{
    for (size_t i = 0; i < file_count; i++)
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    if (file_count == FILES_MAX)
        die("too many files");
    files[file_count] = (struct disk_file){ .path = must(strdup(path)), .fd = -1 };
    return &files[file_count++];
}

const char *disk_file_name(const struct disk_file *file)
{
    const char *slash = strrchr(file->path, '/');

    return slash != NULL ? slash + 1 : file->path;
}

static int64_t size_of(const struct disk_file *file)
{
    struct stat status;

    return fstat(file->fd, &status) == 0 ? status.st_size : 0;
}

/* Remembers what is between offset and offset + length. */
static struct change *remember(struct disk_file *file, size_t length, int64_t offset)
{
    struct change *change = must(calloc(1, sizeof *change));
    ssize_t got;

    if (file->fd < 0)
        file->fd = open(file->path, O_RDWR | O_CLOEXEC);
    if (file->fd < 0)
        die(file->path);
    change->offset = offset;
    change->old_size = size_of(file);
    change->old = must(malloc(length + 1));
    got = pread(file->fd, change->old, length, offset);
    change->old_length = got > 0 ? (size_t)got : 0;
    change->before = file->newest;
    file->newest = change;
    return change;
}

void disk_will_write(struct disk_file *file, const void *bytes, size_t length, int64_t offset)
{
    struct change *change = remember(file, length, offset);

    change->fresh = must(malloc(length + 1));
    memcpy(change->fresh, bytes, length);
    change->fresh_length = length;
}

void disk_will_truncate(struct disk_file *file, int64_t size)
{
    struct stat status;
    int64_t now = stat(file->path, &status) == 0 ? status.st_size : 0;
    struct change *change = remember(file, now > size ? (size_t)(now - size) : 0, size);

    change->fresh_size = size;
}

void disk_synced(struct disk_file *file)
{
    struct change *before;

    for (struct change *change = file->newest; change != NULL; change = before) {
        before = change->before;
        free(change->old);
        free(change->fresh);
        free(change);
    }
    file->newest = NULL;
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1; /* the path may become another file */
}

void disk_written_by(struct disk_file *file, const void *handle)
{
    if (file->writer != NULL && file->writer != handle)
        fault_plan_violation("two connections write", file->path);
    file->writer = handle;
}

void disk_closed_by(struct disk_file *file, const void *handle)
{
    if (file->writer == handle)
        file->writer = NULL;
}

static void take_back(const struct disk_file *file, const struct change *change)
{
    if (pwrite(file->fd, change->old, change->old_length, change->offset) != (ssize_t)change->old_length ||
        ftruncate(file->fd, change->old_size) != 0)
        die(file->path);
}

static void put_again(const struct disk_file *file, const struct change *change)
{
    ssize_t length = (ssize_t)change->fresh_length;

    if (change->before != NULL)
        put_again(file, change->before);
    if (!change->stays)
        return;
    if (change->fresh == NULL ? ftruncate(file->fd, change->fresh_size) != 0
                              : pwrite(file->fd, change->fresh, change->fresh_length, change->offset) != length)
        die(file->path);
}

void disk_cut(bool some, unsigned seed)
{
    disk_lock(); /* for good: nobody writes any more */
    for (size_t i = 0; i < file_count; i++) {
        for (struct change *change = files[i].newest; change != NULL; change = change->before) {
            take_back(&files[i], change);
            change->stays = some && rand_r(&seed) % 2 == 0;
        }
        if (some && files[i].newest != NULL)
            put_again(&files[i], files[i].newest);
    }
    _exit(DISK_CUT_EXIT);
}
