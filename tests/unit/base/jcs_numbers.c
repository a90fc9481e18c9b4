/* SPDX-License-Identifier: MIT
 *
 * Prints doubles, one a line: the 16 hex digits of its bits, a space, our text. jcs_numbers.mjs compares the texts
 * with what an ECMAScript engine prints. The same numbers every time. */
#include "base/jcs.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_DOUBLES 1000000
#define RANDOM_OTHERS 20000

static void begin_line(struct opp_buf *out, double value)
{
    uint64_t bits;
    char *room = opp_buf_room(out, 17);

    if (room == NULL)
        return;
    memcpy(&bits, &value, sizeof bits);
    for (int i = 15; i >= 0; i--, bits >>= 4)
        room[i] = "0123456789abcdef"[bits & 15];
    room[16] = ' ';
    out->length += 17;
}

static void end_line(struct opp_buf *out)
{
    opp_buf_char(out, '\n');
    if (out->length < 1 << 16)
        return;
    fwrite(out->bytes, 1, out->length, stdout);
    out->length = 0;
}

static void print_real(struct opp_buf *out, double value)
{
    if (!isfinite(value))
        return;
    begin_line(out, value);
    opp_jcs_real(out, value);
    end_line(out);
}

static void print_integer(struct opp_buf *out, int64_t value)
{
    begin_line(out, (double)value);
    opp_jcs_integer(out, value);
    end_line(out);
}

static void print_bits(struct opp_buf *out, uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    print_real(out, value);
}

static void print_with_neighbours(struct opp_buf *out, double value)
{
    print_real(out, value);
    print_real(out, nextafter(value, -INFINITY));
    print_real(out, nextafter(value, INFINITY));
}

static void print_powers(struct opp_buf *out)
{
    for (int exponent = -1074; exponent <= 1023; exponent++)
        print_with_neighbours(out, ldexp(1.0, exponent));
    for (int exponent = -323; exponent <= 308; exponent++) {
        char text[16];

        snprintf(text, sizeof text, "1e%d", exponent);
        print_with_neighbours(out, strtod(text, NULL));
    }
    for (int shift = 0; shift < 63; shift++) {
        print_integer(out, INT64_C(1) << shift);
        print_integer(out, -(INT64_C(1) << shift) - 1);
    }
}

/* What answers are full of, and what random bits rarely are: amounts, subnormals, integers of every size. */
static void print_others(struct opp_buf *out, uint64_t *state)
{
    for (int i = 0; i < RANDOM_OTHERS; i++) {
        uint64_t bits = next_random(state);
        double scale = pow(10.0, (double)(bits % 12));

        print_real(out, (double)(int64_t)(next_random(state) >> (11 + bits % 50)) / scale);
        print_real(out, -(double)(int64_t)(next_random(state) >> (11 + bits % 50)) * scale);
        print_bits(out, next_random(state) >> (12 + bits % 52));
        print_integer(out, (int64_t)next_random(state) >> bits % 64);
    }
}

int main(void)
{
    struct opp_buf out = { 0 };
    uint64_t state = UINT64_C(8785);
    bool failed;

    print_powers(&out);
    print_others(&out, &state);
    for (int i = 0; i < RANDOM_DOUBLES; i++)
        print_bits(&out, next_random(&state));
    opp_buf_text(&out, "end\n");
    failed = out.failed || fwrite(out.bytes, 1, out.length, stdout) != out.length || fflush(stdout) != 0;
    opp_buf_free(&out);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
