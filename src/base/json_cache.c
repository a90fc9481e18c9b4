/* SPDX-License-Identifier: MIT */
#include "base/json_cache.h"

#include "base/hash.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 1024 /* a power of two */
#define TEXT_MAX 2048
#define DIGITS_MAX 15 /* of a number that a double surely holds */

struct entry {
    size_t length;
    char *text;
    json_t *value;
};

/* Each text has one place; who comes later takes it. */
struct opp_json_cache {
    struct entry entries[ENTRIES];
};

/* A text that is read from the front. */
struct reader {
    struct opp_json_cache *cache;
    const char *at;
};

enum opp_code opp_json_cache_new(struct opp_json_cache **out, struct opp_err *err)
{
    struct opp_json_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a cache");
    *out = cache;
    return OPP_OK;
}

static void clear_entry(struct entry *entry)
{
    free(entry->text);
    json_decref(entry->value);
    *entry = (struct entry){ 0 };
}

void opp_json_cache_free(struct opp_json_cache *cache)
{
    for (size_t i = 0; cache != NULL && i < ENTRIES; i++)
        clear_entry(&cache->entries[i]);
    free(cache);
}

/* The end of a string whose opening quote is at text; NULL: it has none. */
static const char *end_of_string(const char *text)
{
    for (text++; *text != '"'; text++) {
        if (*text == '\\')
            text++;
        if (*text == '\0')
            return NULL;
    }
    return text + 1;
}

/* The end of an object or array that begins at text. */
static const char *end_of_nested(const char *text)
{
    size_t depth = 0;

    do {
        if (*text == '"') {
            text = end_of_string(text);
            if (text == NULL)
                return NULL;
            continue;
        }
        if (*text == '{' || *text == '[')
            depth++;
        else if (*text == '}' || *text == ']')
            depth--;
        else if (*text == '\0')
            return NULL;
        text++;
    } while (depth > 0);
    return text;
}

static const char *end_of_scalar(const char *text)
{
    return *text == '"' ? end_of_string(text) : text + strcspn(text, ",}]");
}

static json_t *parse_any(const char *text, size_t length)
{
    json_t *value = NULL;

    return opp_json_read(text, length, &value) == OPP_OK ? value : NULL;
}

static void keep(struct entry *entry, const char *text, size_t length, json_t *value)
{
    char *copy = malloc(length);

    if (copy == NULL)
        return;
    memcpy(copy, text, length);
    clear_entry(entry);
    *entry = (struct entry){ .length = length, .text = copy, .value = json_incref(value) };
}

static json_t *parse_nested(struct opp_json_cache *cache, const char *text, size_t length)
{
    struct entry *entry = &cache->entries[opp_hash_place(text, length) % ENTRIES];
    json_t *value;

    if (length > TEXT_MAX)
        return parse_any(text, length);
    if (entry->length == length && memcmp(entry->text, text, length) == 0)
        return json_incref(entry->value);
    value = parse_any(text, length);
    if (value != NULL)
        keep(entry, text, length, value);
    return value;
}

static json_t *parse_integer(const char *text, size_t length)
{
    json_int_t number = 0;

    for (size_t i = 0; i < length; i++)
        number = number * 10 + (text[i] - '0');
    return json_integer(number);
}

static bool is_integer(const char *text, size_t length)
{
    return length > 0 && length <= DIGITS_MAX && strspn(text, "0123456789") == length && (length == 1 || *text != '0');
}

/* Whether it stands for itself: nothing is escaped, or would have to be. */
static bool is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\\' || (unsigned char)text[i] < 0x20)
            return false;
    return true;
}

static json_t *parse_scalar(const char *text, size_t length)
{
    if (*text == '"' && is_plain(text, length))
        return json_stringn(text + 1, length - 2);
    if (is_integer(text, length))
        return parse_integer(text, length);
    return parse_any(text, length);
}

/* Gives the value that comes next; NULL leaves it to the other parser. */
static json_t *read_value(struct reader *reader)
{
    const char *text = reader->at;
    bool nested = *text == '{' || *text == '[';
    const char *end = nested ? end_of_nested(text) : end_of_scalar(text);

    if (end == NULL || end == text)
        return NULL;
    reader->at = end;
    return nested ? parse_nested(reader->cache, text, (size_t)(end - text)) : parse_scalar(text, (size_t)(end - text));
}

/* Reads "name":value and what is behind it; false: it is not that. */
static bool read_member(struct reader *reader, json_t *object)
{
    const char *name = reader->at, *end = *name == '"' ? end_of_string(name) : NULL;
    size_t length = end != NULL ? (size_t)(end - name) - 2 : 0;
    json_t *value;

    if (end == NULL || *end != ':' || !is_plain(name, length + 1))
        return false;
    reader->at = end + 1;
    value = read_value(reader);
    if (value == NULL || json_object_setn_new(object, name + 1, length, value) != 0)
        return false;
    return *reader->at == ',' || *reader->at == '}';
}

/* Gives an object that is written without blanks, as canonical JSON is; NULL: it is something else, or wrong. */
static json_t *read_object(struct reader *reader)
{
    json_t *object = json_object();
    size_t members = 0;

    do {
        reader->at++;
        members++;
        if (object == NULL || !read_member(reader, object)) {
            json_decref(object);
            return NULL;
        }
    } while (*reader->at == ',');
    if (reader->at[1] == '\0' && json_object_size(object) == members)
        return object;
    json_decref(object);
    return NULL;
}

json_t *opp_json_cache_parse(struct opp_json_cache *cache, const char *text)
{
    struct reader reader = { .cache = cache, .at = text };
    json_t *value = cache != NULL && *text == '{' ? read_object(&reader) : NULL;

    return value != NULL ? value : parse_any(text, strlen(text));
}
