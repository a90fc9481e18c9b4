/* SPDX-License-Identifier: MIT */
#include "script/code.h"

#include <lua.h>
#include <string.h>

#define HEADER_BYTES (4 + 1 + 1 + 6 + 3 + 8 + 8 + 1) /* ends with the number of upvalues */
#define ABSOLUTE (-128)                              /* a delta that says: look in the other list */

enum constant {
    CONSTANT_NIL = 0x00,
    CONSTANT_FALSE = 0x01,
    CONSTANT_TRUE = 0x11,
    CONSTANT_INTEGER = 0x03,
    CONSTANT_FLOAT = 0x13,
    CONSTANT_SHORT = 0x04,
    CONSTANT_LONG = 0x14
};

static const unsigned char *take(struct opp_code_reader *reader, size_t length)
{
    const unsigned char *bytes = reader->at;

    if (reader->bad || (size_t)(reader->end - reader->at) < length) {
        reader->bad = true;
        return NULL;
    }
    reader->at += length;
    return bytes;
}

static unsigned take_byte(struct opp_code_reader *reader)
{
    const unsigned char *byte = take(reader, 1);

    return byte != NULL ? *byte : 0;
}

/* Seven bits a byte, the highest first; the last byte has its highest bit set. */
static size_t take_size(struct opp_code_reader *reader)
{
    size_t size = 0;
    unsigned byte;

    do {
        byte = take_byte(reader);
        if (size > SIZE_MAX >> 7)
            reader->bad = true;
        size = size << 7 | (byte & 0x7f);
    } while (!reader->bad && (byte & 0x80) == 0);
    return reader->bad ? 0 : size;
}

static struct opp_code_text take_text(struct opp_code_reader *reader)
{
    size_t size = take_size(reader);
    struct opp_code_text text = { 0 };

    if (size == 0)
        return text;
    text.length = size - 1;
    text.bytes = (const char *)take(reader, size - 1);
    return text;
}

static struct opp_code_text take_constant(struct opp_code_reader *reader)
{
    switch (take_byte(reader)) {
    case CONSTANT_SHORT:
    case CONSTANT_LONG:
        return take_text(reader);
    case CONSTANT_INTEGER:
    case CONSTANT_FLOAT:
        take(reader, 8);
        break;
    case CONSTANT_NIL:
    case CONSTANT_FALSE:
    case CONSTANT_TRUE:
        break;
    default:
        reader->bad = true;
    }
    return (struct opp_code_text){ 0 };
}

void opp_code_header(struct opp_code_reader *reader)
{
    const unsigned char *header = take(reader, HEADER_BYTES);

    if (header == NULL || memcmp(header, LUA_SIGNATURE, 4) != 0 || header[4] != 0x54 || header[12] != 4)
        reader->bad = true;
}

void opp_code_function(struct opp_code_reader *reader, struct opp_code_function *out)
{
    size_t count;

    memset(out, 0, sizeof *out);
    take_text(reader);
    out->line = (int)take_size(reader);
    take_size(reader);
    out->parameters = take_byte(reader);
    take(reader, 2); /* whether it takes more, and its registers */
    out->instruction_count = take_size(reader);
    out->instructions = out->instruction_count < SIZE_MAX / 4 ? take(reader, out->instruction_count * 4) : NULL;
    count = take_size(reader);
    for (size_t i = 0; i < count && !reader->bad; i++) {
        struct opp_code_text constant = take_constant(reader);

        if (i < sizeof out->constants / sizeof *out->constants)
            out->constants[i] = constant;
    }
    out->upvalue_count = take_size(reader);
    out->upvalues = out->upvalue_count < 256 ? take(reader, out->upvalue_count * 3) : NULL;
    out->nested_count = take_size(reader);
    if (reader->bad || out->instructions == NULL || out->upvalues == NULL) {
        reader->bad = true;
        out->instruction_count = out->upvalue_count = out->nested_count = 0;
    }
}

void opp_code_lines(struct opp_code_reader *reader, struct opp_code_lines *out)
{
    size_t count;

    memset(out, 0, sizeof *out);
    out->count = take_size(reader);
    out->deltas = (const signed char *)take(reader, out->count);
    out->absolute_count = take_size(reader);
    out->absolute = *reader;
    for (size_t i = 0; i < out->absolute_count && !reader->bad; i++) {
        take_size(reader);
        take_size(reader);
    }
    count = take_size(reader); /* local variables */
    for (size_t i = 0; i < count && !reader->bad; i++) {
        take_text(reader);
        take_size(reader);
        take_size(reader);
    }
    count = take_size(reader); /* names of upvalues */
    for (size_t i = 0; i < count && !reader->bad; i++)
        take_text(reader);
}

static int absolute_line(const struct opp_code_lines *lines, size_t instruction, int otherwise)
{
    struct opp_code_reader reader = lines->absolute;

    for (size_t i = 0; i < lines->absolute_count && !reader.bad; i++) {
        size_t at = take_size(&reader);
        size_t line = take_size(&reader);

        if (at == instruction)
            return (int)line;
    }
    return otherwise;
}

int opp_code_line(const struct opp_code_function *function, const struct opp_code_lines *lines, size_t instruction)
{
    int line = function->line;

    for (size_t i = 0; i <= instruction && i < lines->count; i++)
        line = lines->deltas[i] == ABSOLUTE ? absolute_line(lines, i, line) : line + lines->deltas[i];
    return line;
}

uint32_t opp_code_instruction(const struct opp_code_function *function, size_t index)
{
    uint32_t word;

    memcpy(&word, function->instructions + 4 * index, sizeof word);
    return word;
}
