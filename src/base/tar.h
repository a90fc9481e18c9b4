/* SPDX-License-Identifier: MIT
 *
 * base/tar.h - regular files in a ustar archive (POSIX.1-2017, pax, "ustar Interchange Format"), as tar(1) reads it.
 * May include: base.
 */
#ifndef OPP_BASE_TAR_H
#define OPP_BASE_TAR_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define OPP_TAR_BLOCK_BYTES 512
#define OPP_TAR_NAME_MAX 100 /* bytes of the longest name, without a NUL */

struct opp_tar_member {
    char name[OPP_TAR_NAME_MAX + 1];
    const char *bytes; /* lent by the archive */
    size_t length;
};

/* Appends a file of mode 0600, with the padding after it, to what fd writes. OPP_E_LIMIT: the name is too long.
 * OPP_E_IO. */
enum opp_code opp_tar_add(int fd, const struct opp_tar_member *member, int64_t modified_s, struct opp_err *err);

/* Appends the two empty blocks that end an archive. OPP_E_IO. */
enum opp_code opp_tar_end(int fd, struct opp_err *err);

/* Reads the member at *at of an archive in memory, and moves *at behind it. OPP_E_ABSENT: here the archive ends.
 * OPP_E_VALIDATION: this is no archive of regular files, or it is cut. */
enum opp_code opp_tar_next(const char *archive, size_t length, size_t *at, struct opp_tar_member *out,
                           struct opp_err *err);

#endif
