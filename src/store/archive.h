/* SPDX-License-Identifier: MIT
 *
 * store/archive.h - the files of a data directory in one: a ustar archive that ends in a manifest with their hashes.
 * May include: base.
 */
#ifndef OPP_STORE_ARCHIVE_H
#define OPP_STORE_ARCHIVE_H

#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

/* Makes the file path, of mode 0600 and durable, of these files (ended by NULL) of a directory. *manifest (may be NULL)
 * gives {format, version, oppd, created_at, files: [{name, bytes, sha256}]}. OPP_E_EXISTS: path is there. OPP_E_IO:
 * then path is not. OPP_E_MEMORY. */
enum opp_code opp_archive_write(const char *path, const char *dir, const char *const *files, int64_t now_ms,
                                json_t **manifest, struct opp_err *err);

/* Checks the whole archive, and only then writes its files, of mode 0600 and durable, into a directory that is there.
 * OPP_E_VALIDATION: it is damaged, or none of this program's. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_archive_extract(const char *path, const char *dir, json_t **manifest, struct opp_err *err);

#endif
