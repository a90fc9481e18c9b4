/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <math.h>
#include <string.h>

/* The parser lets in less; a value built in another way is equal to nothing below this depth. */
#define EQUAL_DEPTH_MAX (2 * OPP_JSON_DEPTH_MAX)

static bool equal_at(const json_t *a, const json_t *b, unsigned depth);

const char *opp_json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

bool opp_json_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* 2^63 is the first double past json_int_t. */
static bool is_whole(double real)
{
    return real >= -0x1p63 && real < 0x1p63 && floor(real) == real;
}

json_int_t opp_json_integer(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_real(value))
        return json_integer_value(value);
    return is_whole(json_real_value(value)) ? (json_int_t)json_real_value(value) : 0;
}

/* Exact: an integer that the double cannot hold differs from it. */
static bool equal_mixed(json_int_t integer, double real)
{
    return is_whole(real) && (json_int_t)real == integer;
}

static bool equal_numbers(const json_t *a, const json_t *b)
{
    const double x = json_number_value(a), y = json_number_value(b);

    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    if (json_is_integer(a))
        return equal_mixed(json_integer_value(a), y);
    if (json_is_integer(b))
        return equal_mixed(json_integer_value(b), x);
    return x == y;
}

static bool equal_strings(const json_t *a, const json_t *b)
{
    return json_string_length(a) == json_string_length(b) &&
           memcmp(json_string_value(a), json_string_value(b), json_string_length(a)) == 0;
}

static bool equal_arrays(const json_t *a, const json_t *b, unsigned depth)
{
    size_t index;
    json_t *item;

    if (json_array_size(a) != json_array_size(b))
        return false;
    json_array_foreach(a, index, item) if (!equal_at(item, json_array_get(b, index), depth + 1)) return false;
    return true;
}

static bool equal_objects(const json_t *a, const json_t *b, unsigned depth)
{
    const union {
        const json_t *lent;
        json_t *iterable; /* jansson's iterators take no const, yet only read */
    } members = { .lent = a };

    if (json_object_size(a) != json_object_size(b))
        return false;
    for (void *at = json_object_iter(members.iterable); at != NULL; at = json_object_iter_next(members.iterable, at)) {
        const json_t *other = json_object_getn(b, json_object_iter_key(at), json_object_iter_key_len(at));

        if (other == NULL || !equal_at(json_object_iter_value(at), other, depth + 1))
            return false;
    }
    return true;
}

static bool equal_at(const json_t *a, const json_t *b, unsigned depth)
{
    if (depth > EQUAL_DEPTH_MAX || a == NULL || b == NULL)
        return false;
    if (json_is_number(a) && json_is_number(b))
        return equal_numbers(a, b);
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_string(a))
        return equal_strings(a, b);
    if (json_is_array(a))
        return equal_arrays(a, b, depth);
    return !json_is_object(a) || equal_objects(a, b, depth);
}

bool opp_json_equal(const json_t *a, const json_t *b)
{
    return equal_at(a, b, 0);
}
