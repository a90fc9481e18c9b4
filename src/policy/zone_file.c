/* SPDX-License-Identifier: MIT */
#include "policy/zone_internal.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 44
#define TYPE_BYTES 6
#define FOOTER_MAX 128

/* What is left to read. */
struct cursor {
    const unsigned char *at;
    size_t left;
};

/* RFC 8536, section 3.1. The counts are of the file; none is trusted before take_block. */
struct header {
    char version;
    uint32_t ut_count, standard_count, leap_count, turn_count, type_count, name_bytes;
};

/* One of the two data blocks, its parts measured. */
struct block {
    size_t time_bytes; /* 4 in the first, 8 in the second */
    size_t turns, types;
    const unsigned char *times, *indexes, *type_data;
};

static uint64_t big_endian(const unsigned char *bytes, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static int64_t signed_32(const unsigned char *bytes)
{
    int64_t value = (int64_t)big_endian(bytes, 4);

    return value < INT64_C(0x80000000) ? value : value - INT64_C(0x100000000);
}

static int64_t signed_64(const unsigned char *bytes)
{
    uint64_t value = big_endian(bytes, 8);

    return value <= INT64_MAX ? (int64_t)value : -(int64_t)(UINT64_MAX - value) - 1;
}

/* Lends count bytes; NULL: there are not so many. */
static const unsigned char *take(struct cursor *cursor, uint64_t count)
{
    const unsigned char *at = cursor->at;

    if (count > cursor->left)
        return NULL;
    cursor->at += count;
    cursor->left -= (size_t)count;
    return at;
}

static bool take_header(struct cursor *cursor, struct header *header)
{
    const unsigned char *at = take(cursor, HEADER_BYTES);

    if (at == NULL || memcmp(at, "TZif", 4) != 0)
        return false;
    header->version = (char)at[4];
    header->ut_count = (uint32_t)big_endian(at + 20, 4);
    header->standard_count = (uint32_t)big_endian(at + 24, 4);
    header->leap_count = (uint32_t)big_endian(at + 28, 4);
    header->turn_count = (uint32_t)big_endian(at + 32, 4);
    header->type_count = (uint32_t)big_endian(at + 36, 4);
    header->name_bytes = (uint32_t)big_endian(at + 40, 4);
    return header->type_count > 0;
}

static bool take_block(struct cursor *cursor, const struct header *header, size_t time_bytes, struct block *block)
{
    uint64_t rest = header->name_bytes + (uint64_t)header->leap_count * (time_bytes + 4) + header->standard_count +
                    (uint64_t)header->ut_count;

    block->time_bytes = time_bytes;
    block->turns = header->turn_count;
    block->types = header->type_count;
    block->times = take(cursor, (uint64_t)header->turn_count * time_bytes);
    block->indexes = block->times == NULL ? NULL : take(cursor, header->turn_count);
    block->type_data = block->indexes == NULL ? NULL : take(cursor, (uint64_t)header->type_count * TYPE_BYTES);
    return block->type_data != NULL && take(cursor, rest) != NULL;
}

static bool read_offset(const struct block *block, size_t type, int32_t *offset_s)
{
    int64_t offset;

    if (type >= block->types)
        return false;
    offset = signed_32(block->type_data + type * TYPE_BYTES);
    if (offset < OPP_ZONE_OFFSET_MIN_S || offset > OPP_ZONE_OFFSET_MAX_S)
        return false;
    *offset_s = (int32_t)offset;
    return true;
}

static int64_t read_time(const struct block *block, size_t turn)
{
    const unsigned char *at = block->times + turn * block->time_bytes;

    return block->time_bytes == 4 ? signed_32(at) : signed_64(at);
}

static bool read_turns(const struct block *block, struct opp_zone *zone)
{
    if (!read_offset(block, 0, &zone->first_offset_s))
        return false;
    for (size_t i = 0; i < block->turns; i++) {
        zone->turns[i].at = read_time(block, i);
        if (i > 0 && zone->turns[i].at <= zone->turns[i - 1].at)
            return false;
        if (!read_offset(block, block->indexes[i], &zone->turns[i].offset_s))
            return false;
    }
    return true;
}

/* Newline, TZ string, newline; an empty string says nothing of later years. */
static bool read_footer(struct cursor *cursor, struct opp_zone *zone)
{
    char text[FOOTER_MAX];
    const unsigned char *end;
    size_t length;

    if (cursor->left < 2 || cursor->at[0] != '\n')
        return false;
    end = memchr(cursor->at + 1, '\n', cursor->left - 1);
    if (end == NULL)
        return false;
    length = (size_t)(end - cursor->at) - 1;
    if (length >= sizeof text || memchr(cursor->at + 1, '\0', length) != NULL)
        return false;
    memcpy(text, cursor->at + 1, length);
    text[length] = '\0';
    zone->ruled = length > 0;
    return length == 0 || opp_zone_rule_parse(text, &zone->rule);
}

/* Skips the 32-bit block of a file that has a 64-bit one. */
static const char *find_block(struct cursor *cursor, struct header *header, struct block *block)
{
    if (!take_header(cursor, header))
        return "its header is not TZif";
    if (header->version == '\0')
        return take_block(cursor, header, 4, block) ? NULL : "it is cut short";
    if (header->version < '2')
        return "its version is not known";
    if (!take_block(cursor, header, 4, block))
        return "it is cut short";
    if (!take_header(cursor, header))
        return "its second header is not TZif";
    return take_block(cursor, header, 8, block) ? NULL : "it is cut short";
}

struct opp_zone *opp_zone_alloc(const char *name, size_t turns)
{
    struct opp_zone *zone = calloc(1, sizeof *zone + turns * sizeof *zone->turns);

    if (zone == NULL)
        return NULL;
    memcpy(zone->name, name, strnlen(name, sizeof zone->name - 1));
    zone->count = turns;
    return zone;
}

enum opp_code opp_zone_parse(const char *name, const char *bytes, size_t length, struct opp_zone **out,
                             struct opp_err *err)
{
    struct cursor cursor = { (const unsigned char *)bytes, length };
    struct header header;
    struct block block;
    struct opp_zone *zone = NULL;
    const char *problem = find_block(&cursor, &header, &block);

    if (problem == NULL && header.leap_count > 0)
        problem = "it counts leap seconds";
    if (problem != NULL)
        goto out;
    zone = opp_zone_alloc(name, block.turns);
    if (zone == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for time zone %s", name);
    if (!read_turns(&block, zone))
        problem = "its table is not valid";
    else if (header.version != '\0' && !read_footer(&cursor, zone))
        problem = "its last line is no rule";
    if (problem != NULL)
        goto out;
    *out = zone;
    zone = NULL;
out:
    free(zone);
    return problem == NULL ? OPP_OK : opp_fail(err, OPP_E_CONFIG, "the file of time zone %s: %s", name, problem);
}
