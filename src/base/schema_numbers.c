/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 wide;

#define NUMBER_TEXT 32

/* A double's shortest text has at most 17 digits. */
static void shortest(double value, char out[NUMBER_TEXT])
{
    for (int digits = 14; digits <= 16; digits++) {
        snprintf(out, NUMBER_TEXT, "%.*e", digits, value);
        if (strtod(out, NULL) == value)
            return;
    }
}

static struct schema_decimal normal(uint64_t digits, int exponent)
{
    while (digits != 0 && digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    return (struct schema_decimal){ digits, exponent };
}

/* The number as it was written: 19.99 and not the binary fraction next to it. */
static struct schema_decimal decimal_of_real(double value)
{
    char text[NUMBER_TEXT];
    uint64_t digits = 0;
    int places = -1;
    const char *at = text;

    shortest(fabs(value), text);
    for (; *at != 'e' && *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            continue;
        digits = digits * 10 + (uint64_t)(*at - '0');
        places++;
    }
    return normal(digits, (int)strtol(*at == 'e' ? at + 1 : at, NULL, 10) - places);
}

static struct schema_decimal decimal_of(const json_t *number)
{
    json_int_t integer = json_integer_value(number);

    if (json_is_real(number))
        return decimal_of_real(json_real_value(number));
    return normal(integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer, 0);
}

/* digits × 10^power mod divisor, exactly. */
static uint64_t scaled_modulo(uint64_t digits, unsigned power, uint64_t divisor)
{
    uint64_t rest = digits % divisor;
    uint64_t base = 10 % divisor;

    for (; power > 0; power >>= 1) {
        if (power & 1)
            rest = (uint64_t)((wide)rest * base % divisor);
        base = (uint64_t)((wide)base * base % divisor);
    }
    return rest;
}

/* Digits that do not end in 0 cannot be a multiple of a larger power of ten. */
static bool is_multiple(struct schema_decimal value, struct schema_decimal divisor)
{
    if (value.digits == 0)
        return true;
    if (value.exponent < divisor.exponent)
        return false;
    return scaled_modulo(value.digits, (unsigned)(value.exponent - divisor.exponent), divisor.digits) == 0;
}

static int sign_of(bool above, bool below)
{
    return (int)above - (int)below;
}

/* Exact; the doubles from 2^63 up are past every json_int_t. */
static int compare_mixed(json_int_t integer, double real)
{
    const double whole = trunc(real);

    if (real >= 0x1p63)
        return -1;
    if (real < -0x1p63)
        return 1;
    if (integer != (json_int_t)whole)
        return sign_of(integer > (json_int_t)whole, integer < (json_int_t)whole);
    return sign_of(whole > real, whole < real);
}

/* Below, at or above 0. */
static int compare(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return sign_of(json_integer_value(a) > json_integer_value(b), json_integer_value(a) < json_integer_value(b));
    if (json_is_integer(a))
        return compare_mixed(json_integer_value(a), json_real_value(b));
    if (json_is_integer(b))
        return -compare_mixed(json_integer_value(b), json_real_value(a));
    return sign_of(json_real_value(a) > json_real_value(b), json_real_value(a) < json_real_value(b));
}

enum opp_code opp_schema_compile_number(struct schema_compiler *c, const struct schema_place *at,
                                        struct schema_rule *rule)
{
    if (!json_is_number(at->value))
        return opp_schema_refuse(c, at->path, "must be a number");
    return opp_schema_keep(c, at->value, &rule->as.value);
}

enum opp_code opp_schema_compile_multiple(struct schema_compiler *c, const struct schema_place *at,
                                          struct schema_rule *rule)
{
    if (!(json_number_value(at->value) > 0))
        return opp_schema_refuse(c, at->path, "must be a number above 0");
    rule->as.decimal = decimal_of(at->value);
    return OPP_OK;
}

static bool say_limit(struct schema_run *run, const struct schema_rule *rule, const struct schema_path *path,
                      const char *words)
{
    const json_t *limit = rule->as.value;

    if (json_is_integer(limit))
        return opp_schema_issue(run, path, rule->keyword->name, "must be %s %" JSON_INTEGER_FORMAT, words,
                                json_integer_value(limit));
    return opp_schema_issue(run, path, rule->keyword->name, "must be %s %.15g", words, json_real_value(limit));
}

bool opp_schema_check_minimum(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                              const struct schema_path *path)
{
    return compare(value, rule->as.value) >= 0 || say_limit(run, rule, path, "at least");
}

bool opp_schema_check_maximum(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                              const struct schema_path *path)
{
    return compare(value, rule->as.value) <= 0 || say_limit(run, rule, path, "at most");
}

bool opp_schema_check_above(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                            const struct schema_path *path)
{
    return compare(value, rule->as.value) > 0 || say_limit(run, rule, path, "more than");
}

bool opp_schema_check_below(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                            const struct schema_path *path)
{
    return compare(value, rule->as.value) < 0 || say_limit(run, rule, path, "less than");
}

bool opp_schema_check_multiple(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                               const struct schema_path *path)
{
    const struct schema_decimal step = rule->as.decimal;

    if (is_multiple(decimal_of(value), step))
        return true;
    if (step.digits == 1 && step.exponent < 0)
        return opp_schema_issue(run, path, "multipleOf", "must have at most %d decimal place%s", -step.exponent,
                                step.exponent == -1 ? "" : "s");
    return opp_schema_issue(run, path, "multipleOf", "must be a multiple of %.15g",
                            (double)step.digits * pow(10, step.exponent));
}
