/* SPDX-License-Identifier: MIT */
#include "base/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* Skips a run of characters of the set; false if there is none. */
static bool skip_run(const char **at, const char *set)
{
    size_t length = strspn(*at, set);

    *at += length;
    return length > 0;
}

static const char *skip_sign(const char *text)
{
    return text + (*text == '+' || *text == '-');
}

/* The base of an integer, 0 if it is none. Only decimal ones have a sign. */
static int integer_base(const char *text)
{
    const char *digits = strncmp(text, "0o", 2) == 0 || strncmp(text, "0x", 2) == 0 ? text + 2 : skip_sign(text);
    int base = digits != text + 2 ? 10 : text[1] == 'o' ? 8 : 16;

    if (base == 10 && strspn(digits, DIGITS) > 0 && digits[strspn(digits, DIGITS)] == '\0')
        return 10;
    if (base == 8 && skip_run(&digits, "01234567") && *digits == '\0')
        return 8;
    if (base == 16 && skip_run(&digits, DIGITS "abcdefABCDEF") && *digits == '\0')
        return 16;
    return 0;
}

static bool is_float(const char *text)
{
    const char *at = skip_sign(text);
    bool whole = skip_run(&at, DIGITS), fraction = false;

    if (*at == '.') {
        at++;
        fraction = skip_run(&at, DIGITS);
    }
    if (!whole && !fraction)
        return false;
    if (*at == 'e' || *at == 'E') {
        at = skip_sign(at + 1);
        if (!skip_run(&at, DIGITS))
            return false;
    }
    return *at == '\0';
}

static bool is_no_number(const char *text)
{
    static const char *const infinite[] = { ".inf", ".Inf", ".INF", NULL };
    static const char *const nan[] = { ".nan", ".NaN", ".NAN", NULL };

    return is_one_of(skip_sign(text), infinite) || is_one_of(text, nan);
}

static enum opp_code read_integer(const char *text, int base, const char *where, json_t **out, struct opp_err *err)
{
    long long number;

    errno = 0;
    number = strtoll(base == 10 ? text : text + 2, NULL, base);
    if (errno == ERANGE)
        return opp_fail_at(err, OPP_E_CONFIG, where, "an integer is beyond 64 bits");
    *out = json_integer(number);
    return OPP_OK;
}

static enum opp_code read_float(const char *text, const char *where, json_t **out, struct opp_err *err)
{
    double number = strtod(text, NULL);

    if (!isfinite(number))
        return opp_fail_at(err, OPP_E_CONFIG, where, "a number is too large");
    *out = json_real(number);
    return OPP_OK;
}

enum opp_code opp_yaml_scalar(const char *text, const char *where, json_t **out, struct opp_err *err)
{
    static const char *const none[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const yes[] = { "true", "True", "TRUE", NULL };
    static const char *const no[] = { "false", "False", "FALSE", NULL };
    int base = integer_base(text);
    enum opp_code rc = OPP_OK;
    json_t *value = NULL;

    if (is_one_of(text, none))
        value = json_null();
    else if (is_one_of(text, yes) || is_one_of(text, no))
        value = json_boolean(is_one_of(text, yes));
    else if (is_no_number(text))
        rc = opp_fail_at(err, OPP_E_CONFIG, where, "%.10s is not a number that JSON has", text);
    else if (base != 0)
        rc = read_integer(text, base, where, &value, err);
    else if (is_float(text))
        rc = read_float(text, where, &value, err);
    else
        value = json_string(text);
    if (rc != OPP_OK)
        return rc;
    if (value == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a value");
    *out = value;
    return OPP_OK;
}
