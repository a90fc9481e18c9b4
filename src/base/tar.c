/* SPDX-License-Identifier: MIT */
#include "base/tar.h"

#include "base/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define OCTAL_MAX ((size_t)077777777777) /* what 11 digits hold: 8 GiB less a byte */

/* A header block, as the standard lays it out. */
struct header {
    char name[100];
    char mode[8], uid[8], gid[8];
    char size[12], mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6], version[2];
    char user[32], group[32];
    char device[16];
    char prefix[155];
    char unused[12];
};

_Static_assert(sizeof(struct header) == OPP_TAR_BLOCK_BYTES, "a ustar header is one block");

static size_t padding_of(size_t length)
{
    return (OPP_TAR_BLOCK_BYTES - length % OPP_TAR_BLOCK_BYTES) % OPP_TAR_BLOCK_BYTES;
}

/* The sum of the header's bytes, those of the sum itself taken as spaces. */
static unsigned checksum_of(const struct header *header)
{
    const unsigned char *bytes = (const unsigned char *)header;
    size_t first = offsetof(struct header, checksum), after = first + sizeof header->checksum;
    unsigned sum = 0;

    for (size_t i = 0; i < sizeof *header; i++)
        sum += i >= first && i < after ? ' ' : bytes[i];
    return sum;
}

/* Larger sizes than the standard's are binary, with the first bit set: GNU's and BSD's tar read that. */
static void write_size(char field[12], size_t size)
{
    if (size <= OCTAL_MAX) {
        snprintf(field, 12, "%011zo", size);
        return;
    }
    memset(field, 0, 12);
    field[0] = (char)0x80;
    for (int i = 11; i > 3; i--, size >>= 8)
        field[i] = (char)(size & 0xff);
}

static bool read_size(const char field[12], size_t *size)
{
    bool binary = ((unsigned char)field[0] & 0x80) != 0;

    *size = 0;
    for (int i = binary ? 4 : 0; i < 12; i++) {
        unsigned char c = (unsigned char)field[i];

        if (binary) {
            *size = *size << 8 | c;
        } else if (c >= '0' && c <= '7') {
            *size = *size << 3 | (size_t)(c - '0');
        } else {
            return i == 11 && (c == '\0' || c == ' ');
        }
    }
    return true;
}

enum opp_code opp_tar_add(int fd, const struct opp_tar_member *member, int64_t modified_s, struct opp_err *err)
{
    static const char zeros[OPP_TAR_BLOCK_BYTES];
    struct header header = { .mode = "0000600", .uid = "0000000", .gid = "0000000", .type = '0' };
    size_t name_length = strlen(member->name);
    enum opp_code rc;

    if (name_length > sizeof header.name)
        return opp_fail(err, OPP_E_LIMIT, "the name %.60s... is too long for an archive", member->name);
    memcpy(header.name, member->name, name_length);
    memcpy(header.magic, "ustar", sizeof header.magic);
    memcpy(header.version, "00", sizeof header.version);
    write_size(header.size, member->length);
    snprintf(header.mtime, sizeof header.mtime, "%011llo", (unsigned long long)modified_s & OCTAL_MAX);
    snprintf(header.checksum, sizeof header.checksum, "%06o", checksum_of(&header));
    header.checksum[7] = ' ';
    rc = opp_file_append(fd, &header, sizeof header, err);
    if (rc == OPP_OK)
        rc = opp_file_append(fd, member->bytes, member->length, err);
    return rc == OPP_OK ? opp_file_append(fd, zeros, padding_of(member->length), err) : rc;
}

enum opp_code opp_tar_end(int fd, struct opp_err *err)
{
    static const char zeros[2 * OPP_TAR_BLOCK_BYTES];

    return opp_file_append(fd, zeros, sizeof zeros, err);
}

static bool is_header(const struct header *header)
{
    unsigned said = 0;

    if (memcmp(header->magic, "ustar", 5) != 0 || (header->type != '0' && header->type != '\0') ||
        header->prefix[0] != '\0' || sscanf(header->checksum, "%7o", &said) != 1)
        return false;
    return said == checksum_of(header);
}

enum opp_code opp_tar_next(const char *archive, size_t length, size_t *at, struct opp_tar_member *out,
                           struct opp_err *err)
{
    struct header header;
    size_t left = *at <= length ? length - *at : 0, size;

    if (left < sizeof header)
        return opp_fail(err, OPP_E_VALIDATION, "the archive is cut");
    memcpy(&header, archive + *at, sizeof header);
    if (header.name[0] == '\0' && checksum_of(&header) == 8 * ' ')
        return OPP_E_ABSENT;
    if (!is_header(&header) || !read_size(header.size, &size))
        return opp_fail(err, OPP_E_VALIDATION, "this is no archive of regular files, or it is damaged");
    left -= sizeof header;
    if (size > left || padding_of(size) > left - size)
        return opp_fail(err, OPP_E_VALIDATION, "the archive is cut");
    memset(out->name, 0, sizeof out->name);
    memcpy(out->name, header.name, sizeof header.name);
    out->bytes = archive + *at + sizeof header;
    out->length = size;
    *at += sizeof header + size + padding_of(size);
    return OPP_OK;
}
