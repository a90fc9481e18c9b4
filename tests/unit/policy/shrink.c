/* SPDX-License-Identifier: MIT */
#include "policy/shrink.h"

#include <string.h>

/* Changes are numbered through the whole value; the one whose number has counted down to 0 is made. */
struct edit {
    int left;
    bool made;
};

static bool is_turn(struct edit *edit)
{
    edit->made = edit->made || edit->left == 0;
    return edit->left-- == 0;
}

static void edit_value(json_t *value, struct edit *edit);

static void edit_array(json_t *array, struct edit *edit)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (is_turn(edit)) {
            json_array_remove(array, i);
            return;
        }
        edit_value(json_array_get(array, i), edit);
    }
}

static void edit_object(json_t *object, struct edit *edit)
{
    for (void *at = json_object_iter(object); at != NULL && !edit->made; at = json_object_iter_next(object, at)) {
        if (is_turn(edit)) {
            json_object_del(object, json_object_iter_key(at));
            return;
        }
        edit_value(json_object_iter_value(at), edit);
    }
}

static void edit_number(json_t *number, struct edit *edit)
{
    json_int_t value = json_integer_value(number);

    if (value > 0 && is_turn(edit))
        json_integer_set(number, 0);
    if (value > 1 && is_turn(edit))
        json_integer_set(number, value / 2);
    if (value > 1 && is_turn(edit))
        json_integer_set(number, value - 1);
}

static void edit_text(json_t *text, struct edit *edit)
{
    size_t length = json_string_length(text);
    char first[2] = { json_string_value(text)[0], '\0' };

    if (length > 0 && is_turn(edit))
        json_string_set(text, "");
    if (length > 1 && is_turn(edit))
        json_string_set(text, first);
}

static void edit_value(json_t *value, struct edit *edit)
{
    if (edit->made)
        return;
    if (json_is_array(value))
        edit_array(value, edit);
    else if (json_is_object(value))
        edit_object(value, edit);
    else if (json_is_integer(value))
        edit_number(value, edit);
    else if (json_is_string(value))
        edit_text(value, edit);
}

/* Gives the first smaller value that fails, or NULL. */
static json_t *smaller(const json_t *value, bool (*fails)(void *arg, const json_t *candidate), void *arg)
{
    for (int number = 0;; number++) {
        struct edit edit = { .left = number };
        json_t *candidate = json_deep_copy(value);

        edit_value(candidate, &edit);
        if (edit.made && fails(arg, candidate))
            return candidate;
        json_decref(candidate);
        if (!edit.made)
            return NULL;
    }
}

json_t *shrink(const json_t *failing, bool (*fails)(void *arg, const json_t *candidate), void *arg)
{
    json_t *best = json_deep_copy(failing), *next;

    while ((next = smaller(best, fails, arg)) != NULL) {
        json_decref(best);
        best = next;
    }
    return best;
}
