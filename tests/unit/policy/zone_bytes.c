/* SPDX-License-Identifier: MIT */
#include "policy/zone_bytes.h"

static void add_big_endian(struct opp_buf *out, int64_t value, int bytes)
{
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        opp_buf_char(out, (char)(unsigned char)((uint64_t)value >> shift & 0xff));
}

static void add_header(const struct zone_bytes *zone, struct opp_buf *out)
{
    opp_buf_text(out, "TZif");
    opp_buf_char(out, zone->version);
    for (int i = 0; i < 15; i++)
        opp_buf_char(out, '\0');
    add_big_endian(out, 0, 4);
    add_big_endian(out, 0, 4);
    add_big_endian(out, zone->leaps, 4);
    add_big_endian(out, zone->turns, 4);
    add_big_endian(out, zone->types, 4);
    add_big_endian(out, 4, 4);
}

static void add_block(const struct zone_bytes *zone, int time_bytes, struct opp_buf *out)
{
    add_header(zone, out);
    for (uint32_t i = 0; i < zone->turns; i++)
        add_big_endian(out, zone->at[i], time_bytes);
    for (uint32_t i = 0; i < zone->turns; i++)
        opp_buf_char(out, (char)zone->type[i]);
    for (uint32_t i = 0; i < zone->types; i++) {
        add_big_endian(out, zone->offsets[i], 4);
        add_big_endian(out, 0, 2);
    }
    opp_buf_add(out, "AAA", 4);
    for (uint32_t i = 0; i < zone->leaps; i++) {
        add_big_endian(out, 78796800 + i, time_bytes);
        add_big_endian(out, i + 1, 4);
    }
}

void zone_bytes_write(const struct zone_bytes *zone, struct opp_buf *out)
{
    add_block(zone, 4, out);
    if (zone->version == '\0')
        return;
    add_block(zone, 8, out);
    if (zone->footer != NULL)
        opp_buf_format(out, "\n%s\n", zone->footer);
}
