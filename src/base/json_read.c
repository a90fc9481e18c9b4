/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <math.h>
#include <stdint.h>

#define EXACT_MAX (INT64_C(1) << 53) /* JCS writes integers up to here, and doubles that are equal to one, alike */

static bool is_exact(double real)
{
    return fabs(real) <= (double)EXACT_MAX && floor(real) == real;
}

/* Gives what stands for a number, or NULL where it may stay as it is. */
static json_t *instead_of(const json_t *value, bool *failed)
{
    json_t *other = NULL;
    bool wrong = false;

    if (json_is_integer(value)) {
        wrong = json_integer_value(value) > EXACT_MAX || json_integer_value(value) < -EXACT_MAX;
        other = wrong ? json_real((double)json_integer_value(value)) : NULL;
    } else if (json_is_real(value)) {
        wrong = is_exact(json_real_value(value));
        other = wrong ? json_integer((json_int_t)json_real_value(value)) : NULL;
    }
    *failed = *failed || (wrong && other == NULL);
    return other;
}

static void correct_members(json_t *value, bool *failed);

static void correct_array(json_t *array, bool *failed)
{
    json_t *item, *other;
    size_t i;

    json_array_foreach(array, i, item)
    {
        correct_members(item, failed);
        other = instead_of(item, failed);
        if (other != NULL)
            json_array_set_new(array, i, other);
    }
}

static void correct_members(json_t *value, bool *failed)
{
    json_t *other;

    if (json_is_array(value))
        correct_array(value, failed);
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at)) {
        correct_members(json_object_iter_value(at), failed);
        other = instead_of(json_object_iter_value(at), failed);
        if (other != NULL)
            json_object_iter_set_new(value, at, other);
    }
}

/* Corrects every number; takes value. NULL: no memory. */
static json_t *correct(json_t *value)
{
    bool failed = false;
    json_t *other = instead_of(value, &failed);

    if (other != NULL) {
        json_decref(value);
        return other;
    }
    correct_members(value, &failed);
    if (!failed)
        return value;
    json_decref(value);
    return NULL;
}

enum opp_code opp_json_read(const char *bytes, size_t length, json_t **out)
{
    const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
    json_error_t error;
    json_t *value = json_loadb(bytes, length, flags, &error);

    if (value == NULL && json_error_code(&error) == json_error_numeric_overflow)
        value = json_loadb(bytes, length, flags | JSON_DECODE_INT_AS_REAL, &error);
    if (value == NULL)
        return json_error_code(&error) == json_error_out_of_memory || error.text[0] == '\0' ? OPP_E_MEMORY
                                                                                            : OPP_E_INTERNAL;
    *out = correct(value);
    return *out != NULL ? OPP_OK : OPP_E_MEMORY;
}
