/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS_ON_STACK 16
#define DEPTH_MAX 256 /* what was parsed and the envelopes around it stay far below; a cycle of ours does not */

struct member {
    const char *key;
    size_t length;
    const json_t *value;
};

static void write_value(struct opp_buf *out, const json_t *value, int depth);

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS (ONES * 0x80)

static uint64_t word_of(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof word);
    return word;
}

/* Has bits where one of eight bytes is below 0x20, a quote or a backslash. */
static uint64_t escapes8(uint64_t word)
{
    uint64_t quotes = word ^ (ONES * '"'), backslashes = word ^ (ONES * '\\');

    return (((word - ONES * 0x20) & ~word) | ((quotes - ONES) & ~quotes) | ((backslashes - ONES) & ~backslashes)) &
           HIGHS;
}

static bool needs_escape8(const char *text)
{
    return escapes8(word_of(text)) != 0;
}

static size_t plain_length(const char *text, size_t length)
{
    size_t i = 0;

    while (length - i >= 8 && !needs_escape8(text + i))
        i += 8;
    if (length >= 8 && length - i < 8 && !needs_escape8(text + length - 8)) /* the rest, and some of it again */
        return length;
    while (i < length && (unsigned char)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\')
        i++;
    return i;
}

/* The last bytes are looked at as the end of eight, padded with what is plain where there are fewer. */
bool opp_jcs_is_plain(const char *text, size_t length)
{
    char few[8] = "        ";
    uint64_t bits = 0;

    if (length < 8) {
        memcpy(few, text, length);
        bits = word_of(few);
        return (escapes8(bits) | (bits & HIGHS)) == 0;
    }
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = word_of(text + (length - i >= 8 ? i : length - 8));

        bits |= escapes8(word) | (word & HIGHS);
    }
    return bits == 0;
}

void opp_jcs_plain(struct opp_buf *out, const char *text, size_t length)
{
    char *room = opp_buf_room(out, length + 2);

    if (room == NULL)
        return;
    room[0] = '"';
    memcpy(room + 1, text, length);
    room[length + 1] = '"';
    out->length += length + 2;
}

static void add_escape(struct opp_buf *out, unsigned char c)
{
    static const char HEX[] = "0123456789abcdef", SHORT[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    char long_form[6] = { '\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15] };

    for (const char *pair = SHORT; *pair != '\0'; pair += 2) {
        if ((unsigned char)pair[0] == c) {
            opp_buf_char(out, '\\');
            opp_buf_char(out, pair[1]);
            return;
        }
    }
    opp_buf_add(out, long_form, sizeof long_form);
}

void opp_jcs_string(struct opp_buf *out, const char *text, size_t length)
{
    size_t plain = plain_length(text, length);

    if (plain == length) {
        opp_jcs_plain(out, text, length);
        return;
    }
    opp_buf_char(out, '"');
    for (size_t i = 0; i < length; i += plain + 1) {
        plain = plain_length(text + i, length - i);
        opp_buf_add(out, text + i, plain);
        if (i + plain < length)
            add_escape(out, (unsigned char)text[i + plain]);
    }
    opp_buf_char(out, '"');
}

/* UTF-8 orders by code point. UTF-16 differs in one thing: surrogates, for what takes four bytes in UTF-8 (from 0xf0),
 * come before U+E000 to U+FFFF (0xee and 0xef). */
int opp_jcs_compare(const char *a, const char *b)
{
    unsigned char x, y;

    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    x = (unsigned char)*a;
    y = (unsigned char)*b;
    if (x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0))
        return (int)y - (int)x;
    return (int)x - (int)y;
}

static int compare_members(const void *a, const void *b)
{
    return opp_jcs_compare(((const struct member *)a)->key, ((const struct member *)b)->key);
}

/* Insertion for the few members that most objects have, often in order already. */
static void sort_members(struct member *members, size_t count)
{
    if (count > MEMBERS_ON_STACK) {
        qsort(members, count, sizeof *members, compare_members);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct member moving = members[i];
        size_t at = i;

        for (; at > 0 && opp_jcs_compare(members[at - 1].key, moving.key) > 0; at--)
            members[at] = members[at - 1];
        members[at] = moving;
    }
}

/* Gives the number of members; count is how many there is room for. */
static size_t collect_members(const json_t *value, struct member *members, size_t count)
{
    json_t *object = (json_t *)(uintptr_t)value; /* jansson's iterators are not const */
    void *at = json_object_iter(object);
    size_t i;

    for (i = 0; i < count && at != NULL; i++, at = json_object_iter_next(object, at)) {
        members[i].key = json_object_iter_key(at);
        members[i].length = json_object_iter_key_len(at);
        members[i].value = json_object_iter_value(at);
    }
    return i;
}

static void write_members(struct opp_buf *out, const struct member *members, size_t count, int depth)
{
    opp_buf_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            opp_buf_char(out, ',');
        opp_jcs_string(out, members[i].key, members[i].length);
        opp_buf_char(out, ':');
        write_value(out, members[i].value, depth);
    }
    opp_buf_char(out, '}');
}

static void write_object(struct opp_buf *out, const json_t *object, int depth)
{
    struct member few[MEMBERS_ON_STACK], *members = few;
    size_t count = json_object_size(object);

    if (count > MEMBERS_ON_STACK) {
        members = calloc(count, sizeof *members);
        if (members == NULL) {
            out->failed = true;
            return;
        }
    }
    count = collect_members(object, members, count);
    sort_members(members, count);
    write_members(out, members, count, depth);
    if (members != few)
        free(members);
}

static void write_array(struct opp_buf *out, const json_t *array, int depth)
{
    size_t count = json_array_size(array);

    opp_buf_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            opp_buf_char(out, ',');
        write_value(out, json_array_get(array, i), depth);
    }
    opp_buf_char(out, ']');
}

static void write_value(struct opp_buf *out, const json_t *value, int depth)
{
    if (value == NULL || depth >= DEPTH_MAX) {
        out->failed = true;
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(out, value, depth + 1);
        break;
    case JSON_ARRAY:
        write_array(out, value, depth + 1);
        break;
    case JSON_STRING:
        opp_jcs_string(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        opp_jcs_integer(out, json_integer_value(value));
        break;
    case JSON_REAL:
        opp_jcs_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        opp_buf_add(out, "true", 4);
        break;
    case JSON_FALSE:
        opp_buf_add(out, "false", 5);
        break;
    case JSON_NULL:
        opp_buf_add(out, "null", 4);
        break;
    }
}

void opp_jcs_write(struct opp_buf *out, const json_t *value)
{
    write_value(out, value, 0);
}

enum opp_code opp_jcs_hash(const json_t *value, char hex[OPP_HASH_HEX], struct opp_err *err)
{
    struct opp_buf bytes = { 0 };
    enum opp_code rc;

    opp_jcs_write(&bytes, value);
    rc = opp_buf_check(&bytes, err);
    if (rc == OPP_OK)
        opp_hash_hex(bytes.bytes, bytes.length, hex);
    opp_buf_free(&bytes);
    return rc;
}
