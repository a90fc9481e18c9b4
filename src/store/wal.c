/* SPDX-License-Identifier: MIT */
#include "store/wal.h"

#include "base/file.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The format: https://sqlite.org/fileformat2.html#the_write_ahead_log */
#define HEADER_BYTES 32
#define FRAME_HEADER_BYTES 24
#define MAGIC 0x377f0682U /* the lowest bit: checksums take words as big-endian */
#define PAGE_MAX 65536U

struct log {
    const unsigned char *bytes;
    size_t frame_bytes, frame_count;
    bool big_endian;
    uint32_t sums[2]; /* of all that was checked so far */
};

static uint32_t word_at(const unsigned char *bytes, bool big_endian)
{
    uint32_t a = bytes[0], b = bytes[1], c = bytes[2], d = bytes[3];

    return big_endian ? a << 24 | b << 16 | c << 8 | d : d << 24 | c << 16 | b << 8 | a;
}

static void add_to_sums(struct log *log, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i + 8 <= length; i += 8) {
        log->sums[0] += word_at(bytes + i, log->big_endian) + log->sums[1];
        log->sums[1] += word_at(bytes + i + 4, log->big_endian) + log->sums[0];
    }
}

static bool sums_are(const struct log *log, const unsigned char *bytes)
{
    return word_at(bytes, true) == log->sums[0] && word_at(bytes + 4, true) == log->sums[1];
}

static const unsigned char *frame(const struct log *log, size_t index)
{
    return log->bytes + HEADER_BYTES + index * log->frame_bytes;
}

/* A frame of this log, and not one that an earlier log has left in the file. */
static bool is_ours(const struct log *log, size_t index)
{
    return index < log->frame_count && memcmp(frame(log, index) + 8, log->bytes + 16, 8) == 0 &&
           word_at(frame(log, index), true) != 0;
}

static bool is_commit(const struct log *log, size_t index)
{
    return word_at(frame(log, index) + 4, true) != 0;
}

static bool read_header(struct log *log, size_t length)
{
    uint32_t magic = word_at(log->bytes, true), page_bytes = word_at(log->bytes + 8, true);

    if ((magic & ~1U) != MAGIC || page_bytes < 512 || page_bytes > PAGE_MAX || (page_bytes & (page_bytes - 1)) != 0)
        return false;
    log->big_endian = (magic & 1) != 0;
    add_to_sums(log, log->bytes, 24);
    log->frame_bytes = FRAME_HEADER_BYTES + page_bytes;
    log->frame_count = (length - HEADER_BYTES) / log->frame_bytes;
    return sums_are(log, log->bytes + 24);
}

static bool holds(struct log *log, size_t index)
{
    add_to_sums(log, frame(log, index), 8);
    add_to_sums(log, frame(log, index) + FRAME_HEADER_BYTES, log->frame_bytes - FRAME_HEADER_BYTES);
    return sums_are(log, frame(log, index) + 16);
}

/* Whether a commit at or after the first bad frame was followed by another transaction. */
static bool is_damaged(struct log *log, size_t length)
{
    size_t index = 0;

    if (length <= HEADER_BYTES)
        return false;
    if (!read_header(log, length))
        return true;
    while (is_ours(log, index) && holds(log, index))
        index++;
    for (; index + 1 < log->frame_count; index++)
        if (is_ours(log, index) && is_commit(log, index) && is_ours(log, index + 1))
            return true;
    return false;
}

enum opp_code opp_wal_check(const char *database, struct opp_err *err)
{
    struct opp_file_map map = { 0 };
    struct opp_err why = { 0 };
    struct log log = { 0 };
    char path[PATH_MAX];
    enum opp_code rc;

    if (snprintf(path, sizeof path, "%s-wal", database) >= (int)sizeof path)
        return opp_fail(err, OPP_E_IO, "the path of a database is too long");
    rc = opp_file_map(path, &map, &why);
    if (rc == OPP_E_ABSENT)
        return OPP_OK;
    if (rc != OPP_OK)
        return opp_fail(err, rc, "%s", why.message);
    log.bytes = (const unsigned char *)map.bytes;
    if (is_damaged(&log, map.length))
        rc = opp_fail(err, OPP_E_IO, "the log %s is damaged: commits that were durable cannot be read", path);
    opp_file_unmap(&map);
    return rc;
}
