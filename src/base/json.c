/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define EXACT_MAX (UINT64_C(1) << 53) /* up to here a double holds every integer */

/* The index of the closing quote of the string that opens at start, or length when there is none. */
static size_t string_end(const char *bytes, size_t length, size_t start)
{
    size_t at = start + 1;

    while (at < length && bytes[at] != '"')
        at += bytes[at] == '\\' ? 2 : 1;
    return at < length ? at : length;
}

static enum opp_code check_values(size_t values, struct opp_err *err)
{
    if (values > OPP_JSON_VALUES_MAX)
        return opp_fail(err, OPP_E_VALIDATION, "The JSON text holds more than %d values.", OPP_JSON_VALUES_MAX);
    return OPP_OK;
}

/* Bounds what the parser will allocate: it needs some 70 times the bytes of a text made of empty objects. Whatever
 * is no JSON at all is the parser's to refuse; up to its first error it sees the strings and brackets seen here. */
static enum opp_code check_size(const char *bytes, size_t length, struct opp_err *err)
{
    size_t values = 1, depth = 0;
    char previous = '\0';

    for (size_t i = 0; i < length; i++) {
        char c = bytes[i];

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            continue;
        if (c == '"') {
            i = string_end(bytes, length, i);
        } else if (c == ',') {
            values++;
        } else if (c == '[' || c == '{') {
            values++; /* its first element, taken back when it turns out to be empty */
            if (++depth > OPP_JSON_DEPTH_MAX)
                return opp_fail(err, OPP_E_VALIDATION, "The JSON text is nested more than %d levels deep at byte %zu.",
                                OPP_JSON_DEPTH_MAX, i);
        } else if (c == ']' || c == '}') {
            values -= previous == '[' || previous == '{';
            depth -= depth > 0;
        }
        previous = c;
    }
    return check_values(values, err);
}

/* The parser's own texts quote the input, so that only its code and position are used. */
static enum opp_code explain(const json_error_t *error, struct opp_err *err)
{
    static const char *const REASONS[] = {
        [json_error_invalid_utf8] = "The JSON text is not valid UTF-8",
        [json_error_premature_end_of_input] = "The JSON text ends too early",
        [json_error_end_of_input_expected] = "The JSON text goes on after its value",
        [json_error_invalid_syntax] = "The text is not JSON",
        [json_error_duplicate_key] = "The JSON text repeats a key within one object",
        [json_error_numeric_overflow] = "The JSON text has a number that is too large",
        [json_error_null_character] = "The JSON text has U+0000 in a string",
        [json_error_null_byte_in_key] = "The JSON text has U+0000 in a key",
    };
    size_t code = (size_t)json_error_code(error);
    const char *reason = code < sizeof REASONS / sizeof *REASONS ? REASONS[code] : NULL;

    /* A failed allocation of the parser's leaves its text empty. */
    if (code == json_error_out_of_memory || error->text[0] == '\0')
        return opp_fail(err, OPP_E_MEMORY, "out of memory while parsing JSON");
    if (reason == NULL)
        reason = REASONS[json_error_invalid_syntax];
    return opp_fail(err, OPP_E_VALIDATION, "%s at byte %d.", reason, error->position);
}

/* Whether it has at most 53 bits between its highest and its lowest that are set. */
static bool integer_is_exact(json_int_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    return magnitude <= EXACT_MAX || magnitude / (magnitude & (0 - magnitude)) <= EXACT_MAX;
}

static bool integers_are_exact(json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;

    if (json_is_integer(value))
        return integer_is_exact(json_integer_value(value));
    json_array_foreach(value, i, member)
    {
        if (!integers_are_exact(member))
            return false;
    }
    json_object_foreach(value, key, member)
    {
        if (!integers_are_exact(member))
            return false;
    }
    return true;
}

/* The parser takes a text for which it had no memory for a wrong one: before that is said, it is asked once more. */
static json_t *load(const char *bytes, size_t length, json_error_t *error)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_t *value = json_loadb(bytes, length, flags, error);

    return value == NULL && json_error_code(error) == json_error_invalid_syntax
               ? json_loadb(bytes, length, flags, error)
               : value;
}

enum opp_code opp_json_parse(const char *bytes, size_t length, json_t **out, struct opp_err *err)
{
    json_error_t error;
    json_t *value;
    enum opp_code rc;

    if (length == 0)
        return opp_fail(err, OPP_E_VALIDATION, "The JSON text is empty.");
    if (memchr(bytes, '\0', length) != NULL)
        return opp_fail(err, OPP_E_VALIDATION, "The JSON text has a NUL byte.");
    rc = check_size(bytes, length, err);
    if (rc != OPP_OK)
        return rc;
    value = load(bytes, length, &error);
    if (value == NULL)
        return explain(&error, err);
    if (!integers_are_exact(value)) {
        json_decref(value);
        return opp_fail(err, OPP_E_VALIDATION, "The JSON text has an integer that a double cannot hold exactly.");
    }
    *out = value;
    return OPP_OK;
}
