/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/reserve.h"
#include "base/schema_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_BYTES 240

static const struct {
    const char *name;
    const char *words;
    unsigned types;
} TYPES[] = {
    { "number", "a number", SCHEMA_NUMBER },  { "integer", "an integer", SCHEMA_INTEGER },
    { "string", "a string", SCHEMA_STRING },  { "boolean", "true or false", SCHEMA_BOOLEAN },
    { "object", "an object", SCHEMA_OBJECT }, { "array", "an array", SCHEMA_ARRAY },
    { "null", "null", SCHEMA_NULL },
};

unsigned opp_schema_type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_NULL:
        return SCHEMA_NULL;
    case JSON_TRUE:
    case JSON_FALSE:
        return SCHEMA_BOOLEAN;
    case JSON_INTEGER:
        return SCHEMA_INTEGER;
    case JSON_REAL:
        return floor(json_real_value(value)) == json_real_value(value) ? SCHEMA_INTEGER : SCHEMA_FRACTION;
    case JSON_STRING:
        return SCHEMA_STRING;
    case JSON_ARRAY:
        return SCHEMA_ARRAY;
    case JSON_OBJECT:
        break;
    }
    return SCHEMA_OBJECT;
}

void opp_schema_type_words(unsigned types, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0] && used < size; i++) {
        if ((types & TYPES[i].types) != TYPES[i].types)
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? " or " : "", TYPES[i].words);
        types &= ~TYPES[i].types;
    }
}

static const char *name_of_value(const json_t *value)
{
    switch (opp_schema_type_of(value)) {
    case SCHEMA_INTEGER:
        return "a number";
    case SCHEMA_FRACTION:
        return "a number with a fraction";
    case SCHEMA_STRING:
        return "a string";
    case SCHEMA_ARRAY:
        return "an array";
    case SCHEMA_OBJECT:
        return "an object";
    case SCHEMA_BOOLEAN:
        return json_is_true(value) ? "true" : "false";
    default:
        return "null";
    }
}

static unsigned types_named(const json_t *name)
{
    const char *text = json_string_value(name);

    for (size_t i = 0; text != NULL && i < sizeof TYPES / sizeof TYPES[0]; i++)
        if (strcmp(TYPES[i].name, text) == 0)
            return TYPES[i].types;
    return 0;
}

enum opp_code opp_schema_compile_type(struct schema_compiler *c, const struct schema_place *at,
                                      struct schema_rule *rule)
{
    size_t index;
    json_t *name;

    rule->as.types = types_named(at->value);
    json_array_foreach(at->value, index, name)
    {
        if (types_named(name) == 0)
            return opp_schema_refuse(c, at->path, "must name types of JSON");
        rule->as.types |= types_named(name);
    }
    if (rule->as.types == 0)
        return opp_schema_refuse(c, at->path, "must name a type of JSON");
    return OPP_OK;
}

bool opp_schema_check_type(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                           const struct schema_path *path)
{
    char words[128];

    if ((rule->as.types & opp_schema_type_of(value)) != 0)
        return true;
    if (opp_schema_settled(run))
        return false;
    opp_schema_type_words(rule->as.types, words, sizeof words);
    return opp_schema_issue(run, path, "type", "must be %s, not %s", words, name_of_value(value));
}

enum opp_code opp_schema_compile_enum(struct schema_compiler *c, const struct schema_place *at,
                                      struct schema_rule *rule)
{
    if (!json_is_array(at->value))
        return opp_schema_refuse(c, at->path, "must be an array of values");
    return opp_schema_keep(c, at->value, &rule->as.value);
}

enum opp_code opp_schema_compile_const(struct schema_compiler *c, const struct schema_place *at,
                                       struct schema_rule *rule)
{
    return opp_schema_keep(c, at->value, &rule->as.value);
}

static void add_value(struct opp_buf *out, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    if (text == NULL)
        out->failed = true;
    else if (strlen(text) > OPP_SCHEMA_QUOTE_MAX)
        opp_buf_text(out, json_is_string(value) ? "a certain text" : "a certain value");
    else
        opp_buf_text(out, text);
    opp_reserve_free(text);
}

static bool say_choices(struct schema_run *run, const struct schema_rule *rule, const struct schema_path *path)
{
    struct opp_buf text = { 0 };
    const size_t count = json_array_size(rule->as.value);

    if (opp_schema_settled(run))
        return false;
    for (size_t i = 0; i < count && text.length < CHOICES_BYTES; i++) {
        if (i > 0)
            opp_buf_text(&text, ", ");
        add_value(&text, json_array_get(rule->as.value, i));
        if (text.length >= CHOICES_BYTES && i + 1 < count)
            opp_buf_text(&text, ", …");
    }
    opp_buf_char(&text, '\0');
    if (text.failed)
        opp_schema_stop(run, OPP_E_MEMORY);
    else
        opp_schema_issue(run, path, "enum", count == 1 ? "must be %s" : "must be one of %s", text.bytes);
    opp_buf_free(&text);
    return false;
}

bool opp_schema_check_enum(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                           const struct schema_path *path)
{
    size_t index;
    json_t *choice;

    json_array_foreach(rule->as.value, index, choice) if (opp_json_equal(choice, value)) return true;
    return say_choices(run, rule, path);
}

bool opp_schema_check_const(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                            const struct schema_path *path)
{
    struct opp_buf text = { 0 };

    if (opp_json_equal(rule->as.value, value))
        return true;
    if (opp_schema_settled(run))
        return false;
    add_value(&text, rule->as.value);
    opp_buf_char(&text, '\0');
    if (text.failed)
        opp_schema_stop(run, OPP_E_MEMORY);
    else
        opp_schema_issue(run, path, "const", "must be %s", text.bytes);
    opp_buf_free(&text);
    return false;
}
