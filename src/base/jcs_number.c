/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX (INT64_C(1) << 53) /* up to here a double holds every integer */
#define DIGITS_MAX 17                /* enough for any double */
#define DIGITS_UNIQUE 15             /* two decimals of so many digits never share a normal double */
#define PLACES_MAX 6                 /* ECMAScript writes no exponent from 1e-6 up */
#define NUMBER_TEXT_MAX 32           /* the longest is like -1.2345678901234567e-300 */

/* 0.d1d2d3… times ten to the power of point, without trailing zeros. */
struct decimal {
    char digits[DIGITS_MAX + 1];
    int count;
    int point;
};

/* Writes the digits of value so that they end before end; gives their beginning. */
static char *write_backwards(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return end;
}

bool opp_jcs_is_exact(int64_t value)
{
    return value <= EXACT_MAX && value >= -EXACT_MAX;
}

void opp_jcs_integer(struct opp_buf *out, int64_t value)
{
    char text[NUMBER_TEXT_MAX], *end = text + sizeof text, *begin;

    /* Every JSON number is a double to RFC 8785: what its reader would hash again is what is written. */
    if (!opp_jcs_is_exact(value)) {
        opp_jcs_real(out, (double)value);
        return;
    }
    begin = write_backwards(end, (uint64_t)(value < 0 ? -value : value));
    if (value < 0)
        *--begin = '-';
    opp_buf_add(out, begin, (size_t)(end - begin));
}

static void write_places(struct opp_buf *out, bool negative, uint64_t scaled, int places)
{
    char text[NUMBER_TEXT_MAX], *end = text + sizeof text, *begin = end;

    for (int i = 0; i < places; i++) {
        *--begin = (char)('0' + scaled % 10);
        scaled /= 10;
    }
    *--begin = '.';
    begin = write_backwards(begin, scaled);
    if (negative)
        *--begin = '-';
    opp_buf_add(out, begin, (size_t)(end - begin));
}

/* Amounts and rates: a quotient of two exact doubles is rounded as the decimal itself would be, and with so few digits
 * no other decimal is as short. False when value is no such number. */
static bool write_short(struct opp_buf *out, double value)
{
    double magnitude = fabs(value), scale = 1.0;

    for (int places = 1; places <= PLACES_MAX; places++) {
        uint64_t scaled;

        scale *= 10.0;
        if (magnitude * scale >= 1e15 - 1)
            return false;
        scaled = (uint64_t)(magnitude * scale + 0.5);
        if ((double)scaled / scale == magnitude) {
            write_places(out, value < 0, scaled, places);
            return true;
        }
    }
    return false;
}

/* Adds one to the last digit of text, printed by %e. False when that needs a digit more. */
static bool step_up(char *text)
{
    for (char *at = strchr(text, 'e'); at > text;) {
        at--;
        if (*at == '9') {
            *at = '0';
        } else if (*at >= '0' && *at < '9') {
            ++*at;
            return true;
        }
    }
    return false;
}

/* Prints value with count digits; false when they are not enough to read it back. Below a power of two the doubles
 * lie twice as close as above it, so there the nearest decimal can fail where the next one up does not. */
static bool print_digits(double value, int count, char text[NUMBER_TEXT_MAX])
{
    int exponent;

    snprintf(text, NUMBER_TEXT_MAX, "%.*e", count - 1, value);
    if (count == DIGITS_MAX || strtod(text, NULL) == value)
        return true;
    return frexp(value, &exponent) == 0.5 && step_up(text) && strtod(text, NULL) == value;
}

/* The fewest digits that read back as value, which is positive; of several as few the nearest (RFC 8785 3.2.2.3). */
static void find_shortest(double value, struct decimal *decimal)
{
    char text[NUMBER_TEXT_MAX];
    int count = fpclassify(value) == FP_SUBNORMAL ? 1 : DIGITS_UNIQUE;
    const char *at;

    while (!print_digits(value, count, text))
        count++;
    decimal->digits[0] = text[0];
    decimal->count = 1;
    for (at = text + 1; *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9')
            decimal->digits[decimal->count++] = *at;
    }
    while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0')
        decimal->count--;
    decimal->point = (int)strtol(at + 1, NULL, 10) + 1;
}

static void add_zeros(struct opp_buf *out, int count)
{
    static const char ZEROS[] = "0000000000000000000000";

    opp_buf_add(out, ZEROS, (size_t)count);
}

static void write_exponent(struct opp_buf *out, const struct decimal *decimal)
{
    int exponent = decimal->point - 1;
    char text[NUMBER_TEXT_MAX], *end = text + sizeof text, *begin;

    opp_buf_char(out, decimal->digits[0]);
    if (decimal->count > 1) {
        opp_buf_char(out, '.');
        opp_buf_add(out, decimal->digits + 1, (size_t)decimal->count - 1);
    }
    opp_buf_add(out, exponent < 0 ? "e-" : "e+", 2);
    begin = write_backwards(end, (uint64_t)(exponent < 0 ? -exponent : exponent));
    opp_buf_add(out, begin, (size_t)(end - begin));
}

/* ECMA-262 Number::toString, steps 6 to 12. */
static void write_decimal(struct opp_buf *out, const struct decimal *decimal)
{
    const char *digits = decimal->digits;
    int count = decimal->count, point = decimal->point;

    if (point > 21 || point <= -PLACES_MAX) {
        write_exponent(out, decimal);
    } else if (point >= count) {
        opp_buf_add(out, digits, (size_t)count);
        add_zeros(out, point - count);
    } else if (point > 0) {
        opp_buf_add(out, digits, (size_t)point);
        opp_buf_char(out, '.');
        opp_buf_add(out, digits + point, (size_t)(count - point));
    } else {
        opp_buf_add(out, "0.", 2);
        add_zeros(out, -point);
        opp_buf_add(out, digits, (size_t)count);
    }
}

void opp_jcs_real(struct opp_buf *out, double value)
{
    struct decimal decimal;

    if (!isfinite(value)) {
        opp_buf_add(out, "null", 4); /* as ECMAScript says it; a database can hold an infinity */
        return;
    }
    if (fabs(value) <= (double)EXACT_MAX && (double)(int64_t)value == value) {
        opp_jcs_integer(out, (int64_t)value); /* minus zero among them */
        return;
    }
    if (write_short(out, value))
        return;
    if (value < 0)
        opp_buf_char(out, '-');
    find_shortest(fabs(value), &decimal);
    write_decimal(out, &decimal);
}
