/* SPDX-License-Identifier: MIT */
#include "base/yaml_lines.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

/* Children are a list by number; 0 ends it, since the document is nobody's child. */
struct opp_yaml_node {
    char *key; /* NULL in a list */
    int line;
    size_t first;
    size_t last;
    size_t next;
};

static bool grow(struct opp_yaml_lines *lines)
{
    size_t capacity = lines->capacity != 0 ? lines->capacity * 2 : FIRST_CAPACITY;
    struct opp_yaml_node *grown = reallocarray(lines->nodes, capacity, sizeof *grown);

    if (grown == NULL)
        return false;
    lines->nodes = grown;
    lines->capacity = capacity;
    return true;
}

enum opp_code opp_yaml_lines_add(struct opp_yaml_lines *lines, size_t parent, const char *key, int line, size_t *out,
                                 struct opp_err *err)
{
    char *copy = key != NULL ? strdup(key) : NULL;
    size_t number = lines->count;
    struct opp_yaml_node *above;

    if ((key != NULL && copy == NULL) || (number == lines->capacity && !grow(lines))) {
        free(copy);
        return opp_fail(err, OPP_E_MEMORY, "no memory for the lines of a document");
    }
    lines->nodes[number] = (struct opp_yaml_node){ .key = copy, .line = line };
    lines->count++;
    *out = number;
    if (number == 0)
        return OPP_OK;
    above = &lines->nodes[parent];
    if (above->last != 0)
        lines->nodes[above->last].next = number;
    else
        above->first = number;
    above->last = number;
    return OPP_OK;
}

/* Whether a reference token of a pointer ("a~1b", ended by a slash or a NUL) is the key. */
static bool is_key(const char *token, size_t length, const char *key)
{
    for (const char *end = token + length; token < end; key++) {
        char c = *token++;

        if (c == '~' && token < end)
            c = *token++ == '1' ? '/' : '~';
        if (c != *key)
            return false;
    }
    return *key == '\0';
}

/* Whether a reference token is the number of an element: decimal, without leading zeros. */
static bool is_index(const char *token, size_t length, size_t index)
{
    bool right = length > 0;

    do {
        right = right && token[--length] == (char)('0' + index % 10);
        index /= 10;
    } while (right && index > 0 && length > 0);
    return right && index == 0 && length == 0;
}

/* 0 if there is none. */
static size_t find_child(const struct opp_yaml_lines *lines, size_t parent, const char *token, size_t length)
{
    size_t child = lines->nodes[parent].first;

    for (size_t index = 0; child != 0; child = lines->nodes[child].next, index++) {
        const char *key = lines->nodes[child].key;

        if (key != NULL ? is_key(token, length, key) : is_index(token, length, index))
            return child;
    }
    return 0;
}

int opp_yaml_lines_of_key(const struct opp_yaml_lines *lines, size_t parent, const char *key)
{
    size_t child = lines->nodes[parent].first;

    while (child != 0 && strcmp(lines->nodes[child].key, key) != 0)
        child = lines->nodes[child].next;
    return lines->nodes[child].line;
}

int opp_yaml_lines_find(const struct opp_yaml_lines *lines, const char *pointer)
{
    size_t node = 0, child;

    if (lines->count == 0)
        return 1;
    while (*pointer == '/') {
        size_t length = strcspn(++pointer, "/");

        child = find_child(lines, node, pointer, length);
        if (child == 0)
            break;
        node = child;
        pointer += length;
    }
    return lines->nodes[node].line;
}

void opp_yaml_lines_free(struct opp_yaml_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->nodes[i].key);
    free(lines->nodes);
    *lines = (struct opp_yaml_lines){ 0 };
}
