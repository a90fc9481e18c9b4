/* SPDX-License-Identifier: MIT
 *
 * base/file.h - whole files and directory listings, bounded.
 * May include: base.
 */
#ifndef OPP_BASE_FILE_H
#define OPP_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Gives the bytes of a regular file, NUL-terminated beyond length. OPP_E_ABSENT: there is none. OPP_E_LIMIT: it is
 * larger than max. OPP_E_IO, OPP_E_MEMORY. err->message names the path. */
enum opp_code opp_file_read(const char *path, size_t max, char **out, size_t *length, struct opp_err *err);

/* Writes a file whole or not at all: a temporary beside it, fsync, rename, fsync of the directory. OPP_E_IO. */
enum opp_code opp_file_write(const char *path, mode_t mode, const void *bytes, size_t length, struct opp_err *err);

/* Writes all bytes to a descriptor that blocks. OPP_E_IO. */
enum opp_code opp_file_append(int fd, const void *bytes, size_t length, struct opp_err *err);

/* The bytes of a regular file, not copied; NULL when it is empty. */
struct opp_file_map {
    const char *bytes;
    size_t length;
};

/* Gives a file's bytes for as long as nobody shortens it. OPP_E_ABSENT, OPP_E_IO. */
enum opp_code opp_file_map(const char *path, struct opp_file_map *out, struct opp_err *err);
void opp_file_unmap(struct opp_file_map *map);

/* Puts name in the place of the path in a message of opp_file_read or opp_file_list, for those who are to be told which
 * file it is and not where it lies. One that names no path stays. */
void opp_file_hide_path(struct opp_err *err, const char *path, const char *name);

/* Makes a rename in a file's directory durable. OPP_E_IO. */
enum opp_code opp_file_sync_parent(const char *path, struct opp_err *err);
/* Gives a file of the same file system its name, durably, if nothing has that yet: OPP_E_EXISTS. OPP_E_IO. */
enum opp_code opp_file_rename_new(const char *from, const char *to, struct opp_err *err);

/* Gives the sorted names in a directory that end in suffix ("" for all), without "." and ".."; a NULL-terminated array,
 * freed by opp_names_free. OPP_E_ABSENT, OPP_E_IO. */
enum opp_code opp_file_list(const char *dir, const char *suffix, char ***out, struct opp_err *err);
void opp_names_free(char **names);

/* Makes a directory and its parents, mode for what is new. OPP_E_IO. */
enum opp_code opp_file_make_dir(const char *path, mode_t mode, struct opp_err *err);

#endif
