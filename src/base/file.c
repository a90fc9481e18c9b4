/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES 16384

/* missing is what it means to the caller that there is no such path. */
static enum opp_code fail_errno(struct opp_err *err, enum opp_code missing, const char *what, const char *path)
{
    int number = errno;
    const char *reason = strerrordesc_np(number);
    enum opp_code code = number == ENOMEM ? OPP_E_MEMORY : OPP_E_IO;

    if (number == ENOENT || number == ENOTDIR)
        code = missing;
    return opp_fail(err, code, "cannot %s %s: %s", what, path, reason != NULL ? reason : "unknown error");
}

void opp_file_hide_path(struct opp_err *err, const char *path, const char *name)
{
    const char *at = strstr(err->message, path);
    char before[sizeof err->message] = "", after[sizeof err->message] = " cannot be read";
    struct opp_err told = { 0 };

    if (at == NULL && strlen(err->message) < sizeof err->message - 4)
        return; /* it is whole, and does not name it */
    if (at != NULL) {
        snprintf(before, sizeof before, "%.*s", (int)(at - err->message), err->message);
        snprintf(after, sizeof after, "%s", at + strlen(path));
    }
    opp_fail_at(&told, err->code, err->where, "%s%s%s", before, name, after);
    *err = told;
}

static enum opp_code read_all(int fd, const char *path, size_t max, struct opp_buf *buf, struct opp_err *err)
{
    for (;;) {
        char *room = opp_buf_room(buf, CHUNK_BYTES);
        ssize_t got;

        if (room == NULL)
            return opp_fail(err, OPP_E_MEMORY, "no memory to read %s", path);
        got = read(fd, room, CHUNK_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(err, OPP_E_ABSENT, "read", path);
        if (got == 0)
            return OPP_OK;
        buf->length += (size_t)got;
        if (buf->length > max)
            return opp_fail(err, OPP_E_LIMIT, "%s is larger than %zu bytes", path, max);
    }
}

enum opp_code opp_file_read(const char *path, size_t max, char **out, size_t *length, struct opp_err *err)
{
    struct opp_buf buf = { 0 };
    struct stat status;
    enum opp_code rc;
    size_t read_bytes;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us before it is refused */

    if (fd < 0)
        return fail_errno(err, OPP_E_ABSENT, "open", path);
    if (fstat(fd, &status) != 0)
        rc = fail_errno(err, OPP_E_ABSENT, "read", path);
    else if (!S_ISREG(status.st_mode))
        rc = opp_fail(err, OPP_E_IO, "%s is not a regular file", path);
    else
        rc = read_all(fd, path, max, &buf, err);
    if (rc != OPP_OK)
        goto out;
    read_bytes = buf.length;
    *out = opp_buf_take(&buf);
    if (*out == NULL) {
        rc = opp_fail(err, OPP_E_MEMORY, "no memory to read %s", path);
        goto out;
    }
    *length = read_bytes;
out:
    opp_buf_free(&buf);
    close(fd);
    return rc;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* A rename is durable when its directory is. */
static bool sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int fd = parent != NULL ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool done = fd >= 0 && fsync(fd) == 0;
    int number = errno;

    if (fd >= 0)
        close(fd);
    free(parent);
    errno = number;
    return done;
}

enum opp_code opp_file_append(int fd, const void *bytes, size_t length, struct opp_err *err)
{
    return write_all(fd, bytes, length) ? OPP_OK : opp_fail(err, OPP_E_IO, "cannot write: %s", strerrordesc_np(errno));
}

enum opp_code opp_file_sync_parent(const char *path, struct opp_err *err)
{
    return sync_parent(path) ? OPP_OK : fail_errno(err, OPP_E_IO, "make durable", path);
}

/* Some file systems cannot be asked for that at once. */
static bool rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

enum opp_code opp_file_rename_new(const char *from, const char *to, struct opp_err *err)
{
    if (!rename_new(from, to))
        return opp_fail(err, errno == EEXIST ? OPP_E_EXISTS : OPP_E_IO, "cannot make %s: %s", to,
                        strerrordesc_np(errno));
    return opp_file_sync_parent(to, err);
}

enum opp_code opp_file_map(const char *path, struct opp_file_map *out, struct opp_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum opp_code rc = OPP_OK;
    struct stat status;
    void *bytes = NULL;

    if (fd < 0)
        return fail_errno(err, OPP_E_ABSENT, "open", path);
    if (fstat(fd, &status) != 0)
        rc = fail_errno(err, OPP_E_ABSENT, "read", path);
    else if (!S_ISREG(status.st_mode))
        rc = opp_fail(err, OPP_E_IO, "%s is not a regular file", path);
    else if (status.st_size > 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        rc = fail_errno(err, OPP_E_IO, "read", path);
    if (rc == OPP_OK)
        *out = (struct opp_file_map){ .bytes = bytes, .length = (size_t)status.st_size };
    close(fd);
    return rc;
}

void opp_file_unmap(struct opp_file_map *map)
{
    union {
        const char *mapped;
        void *given;
    } cast = { .mapped = map->bytes };

    if (cast.given != NULL)
        munmap(cast.given, map->length);
    *map = (struct opp_file_map){ 0 };
}

enum opp_code opp_file_write(const char *path, mode_t mode, const void *bytes, size_t length, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    char *temporary = NULL;
    bool exists = false;
    int fd = -1;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return opp_fail(err, OPP_E_MEMORY, "no memory to write %s", path);
    fd = mkostemp(temporary, O_CLOEXEC);
    exists = fd >= 0;
    if (fd < 0 || fchmod(fd, mode) != 0 || !write_all(fd, bytes, length) || fsync(fd) != 0 ||
        rename(temporary, path) != 0) {
        rc = fail_errno(err, OPP_E_IO, "write", path);
        goto out;
    }
    exists = false;
    rc = opp_file_sync_parent(path, err);
out:
    if (fd >= 0)
        close(fd);
    if (exists)
        unlink(temporary);
    free(temporary);
    return rc;
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t length = strlen(name), tail = strlen(suffix);

    return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

static int compare_names(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;

    return strcmp(*left, *right);
}

/* names is always ended by NULL, also when this fails. */
static bool append(char ***names, size_t *count, const char *name)
{
    char **grown = reallocarray(*names, *count + 2, sizeof **names);

    if (grown == NULL)
        return false;
    *names = grown;
    grown[*count] = NULL;
    if (name == NULL)
        return true;
    grown[*count] = strdup(name);
    if (grown[*count] == NULL)
        return false;
    grown[++*count] = NULL;
    return true;
}

static enum opp_code read_names(DIR *stream, const char *dir, const char *suffix, char ***names, struct opp_err *err)
{
    const struct dirent *entry;
    size_t count = 0;

    if (!append(names, &count, NULL))
        return opp_fail(err, OPP_E_MEMORY, "no memory to list %s", dir);
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || !ends_in(entry->d_name, suffix))
            continue;
        if (!append(names, &count, entry->d_name))
            return opp_fail(err, OPP_E_MEMORY, "no memory to list %s", dir);
    }
    if (errno != 0)
        return fail_errno(err, OPP_E_ABSENT, "list", dir);
    qsort(*names, count, sizeof **names, compare_names);
    return OPP_OK;
}

enum opp_code opp_file_list(const char *dir, const char *suffix, char ***out, struct opp_err *err)
{
    char **names = NULL;
    DIR *stream = opendir(dir);
    enum opp_code rc;

    if (stream == NULL)
        return fail_errno(err, OPP_E_ABSENT, "list", dir);
    rc = read_names(stream, dir, suffix, &names, err);
    if (rc != OPP_OK)
        goto out;
    *out = names;
    names = NULL;
out:
    opp_names_free(names);
    closedir(stream);
    return rc;
}

void opp_names_free(char **names)
{
    if (names == NULL)
        return;
    for (char **name = names; *name != NULL; name++)
        free(*name);
    free(names);
}

static bool make_one(const char *path, mode_t mode)
{
    struct stat status;

    if (mkdir(path, mode) == 0)
        return true;
    if (errno != EEXIST || stat(path, &status) != 0)
        return false;
    errno = ENOTDIR;
    return S_ISDIR(status.st_mode);
}

enum opp_code opp_file_make_dir(const char *path, mode_t mode, struct opp_err *err)
{
    char *partial = strdup(path);
    enum opp_code rc = OPP_OK;
    bool made = true;

    if (partial == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory to make %s", path);
    for (char *at = partial + (*partial == '/'); made && (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        made = make_one(partial, mode);
        *at = '/';
    }
    if (!made || !make_one(path, mode))
        rc = fail_errno(err, OPP_E_IO, "make directory", path);
    free(partial);
    return rc;
}
