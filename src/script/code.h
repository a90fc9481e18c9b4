/* SPDX-License-Identifier: MIT
 *
 * script/code.h - reading the bytes that lua_dump writes (Lua 5.4): functions, their instructions and constants.
 * May include: base.
 */
#ifndef OPP_SCRIPT_CODE_H
#define OPP_SCRIPT_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes still to read; bad once they were not as expected, and then everything read is empty. */
struct opp_code_reader {
    const unsigned char *at, *end;
    bool bad;
};

struct opp_code_text {
    const char *bytes; /* NULL: none */
    size_t length;
};

/* One function, its parts borrowed from the bytes. Nested functions follow in the reader. */
struct opp_code_function {
    int line;
    unsigned parameters;
    const unsigned char *instructions; /* 4 bytes each */
    size_t instruction_count;
    struct opp_code_text constants[256]; /* the first ones that are texts; others have no bytes */
    const unsigned char *upvalues;       /* 3 bytes each: in the outer function's stack, index, kind */
    size_t upvalue_count, nested_count;
};

/* Behind the lines of a function, which come after its nested functions. */
struct opp_code_lines {
    const signed char *deltas;
    size_t count;
    struct opp_code_reader absolute; /* pairs of instruction and line */
    size_t absolute_count;
};

void opp_code_header(struct opp_code_reader *reader);
void opp_code_function(struct opp_code_reader *reader, struct opp_code_function *out);
void opp_code_lines(struct opp_code_reader *reader, struct opp_code_lines *out);
int opp_code_line(const struct opp_code_function *function, const struct opp_code_lines *lines, size_t instruction);
uint32_t opp_code_instruction(const struct opp_code_function *function, size_t index);

#endif
