/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

#include <string.h>

static enum opp_code annotation_text(struct schema_compiler *c, const struct schema_place *at, struct schema_rule *rule)
{
    (void)rule;
    return json_is_string(at->value) ? OPP_OK : opp_schema_refuse(c, at->path, "must be a string");
}

static enum opp_code annotation_flag(struct schema_compiler *c, const struct schema_place *at, struct schema_rule *rule)
{
    (void)rule;
    return json_is_boolean(at->value) ? OPP_OK : opp_schema_refuse(c, at->path, "must be true or false");
}

static enum opp_code annotation_list(struct schema_compiler *c, const struct schema_place *at, struct schema_rule *rule)
{
    (void)rule;
    return json_is_array(at->value) ? OPP_OK : opp_schema_refuse(c, at->path, "must be an array");
}

static enum opp_code annotation_any(struct schema_compiler *c, const struct schema_place *at, struct schema_rule *rule)
{
    (void)c, (void)at, (void)rule;
    return OPP_OK;
}

/* Below the root it would change what a reference means. */
static enum opp_code annotation_id(struct schema_compiler *c, const struct schema_place *at, struct schema_rule *rule)
{
    if (at->object != c->document)
        return opp_schema_refuse(c, at->path, "$id is known at the root of a schema only");
    return annotation_text(c, at, rule);
}

/* A node's rules run in this order. */
static const struct schema_keyword KEYWORDS[] = {
    { "type", opp_schema_compile_type, opp_schema_check_type, SCHEMA_ANY, true },
    { "const", opp_schema_compile_const, opp_schema_check_const, SCHEMA_ANY, true },
    { "enum", opp_schema_compile_enum, opp_schema_check_enum, SCHEMA_ANY, true },
    { "$ref", opp_schema_compile_ref, opp_schema_check_ref, SCHEMA_ANY, false },
    { "$defs", opp_schema_compile_defs, NULL, 0, false },
    { "required", opp_schema_compile_names, opp_schema_check_required, SCHEMA_OBJECT, false },
    { "properties", opp_schema_compile_properties, opp_schema_check_properties, SCHEMA_OBJECT, false },
    { "additionalProperties", opp_schema_compile_additional, opp_schema_check_additional, SCHEMA_OBJECT, false },
    { "propertyNames", opp_schema_compile_one, opp_schema_check_property_names, SCHEMA_OBJECT, false },
    { "minProperties", opp_schema_compile_count, opp_schema_check_min_properties, SCHEMA_OBJECT, false },
    { "maxProperties", opp_schema_compile_count, opp_schema_check_max_properties, SCHEMA_OBJECT, false },
    { "dependentRequired", opp_schema_compile_dependent, opp_schema_check_dependent, SCHEMA_OBJECT, false },
    { "minItems", opp_schema_compile_count, opp_schema_check_min_items, SCHEMA_ARRAY, false },
    { "maxItems", opp_schema_compile_count, opp_schema_check_max_items, SCHEMA_ARRAY, true },
    { "prefixItems", opp_schema_compile_list, opp_schema_check_prefix, SCHEMA_ARRAY, false },
    { "items", opp_schema_compile_items, opp_schema_check_items, SCHEMA_ARRAY, false },
    { "contains", opp_schema_compile_one, opp_schema_check_contains, SCHEMA_ARRAY, false },
    { "uniqueItems", opp_schema_compile_flag, opp_schema_check_unique, SCHEMA_ARRAY, false },
    { "minLength", opp_schema_compile_count, opp_schema_check_min_length, SCHEMA_STRING, false },
    { "maxLength", opp_schema_compile_count, opp_schema_check_max_length, SCHEMA_STRING, true },
    { "pattern", opp_schema_compile_pattern, opp_schema_check_pattern, SCHEMA_STRING, false },
    { "format", opp_schema_compile_format, opp_schema_check_format, SCHEMA_STRING, false },
    { "minimum", opp_schema_compile_number, opp_schema_check_minimum, SCHEMA_NUMBER, false },
    { "maximum", opp_schema_compile_number, opp_schema_check_maximum, SCHEMA_NUMBER, false },
    { "exclusiveMinimum", opp_schema_compile_number, opp_schema_check_above, SCHEMA_NUMBER, false },
    { "exclusiveMaximum", opp_schema_compile_number, opp_schema_check_below, SCHEMA_NUMBER, false },
    { "multipleOf", opp_schema_compile_multiple, opp_schema_check_multiple, SCHEMA_NUMBER, false },
    { "allOf", opp_schema_compile_list, opp_schema_check_all, SCHEMA_ANY, false },
    { "anyOf", opp_schema_compile_list, opp_schema_check_any, SCHEMA_ANY, false },
    { "oneOf", opp_schema_compile_list, opp_schema_check_one, SCHEMA_ANY, false },
    { "not", opp_schema_compile_one, opp_schema_check_not, SCHEMA_ANY, false },
    { "if", opp_schema_compile_if, opp_schema_check_if, SCHEMA_ANY, false },
    { "then", opp_schema_compile_branch, NULL, 0, false },
    { "else", opp_schema_compile_branch, NULL, 0, false },
    { "title", annotation_text, NULL, 0, false },
    { "description", annotation_text, NULL, 0, false },
    { "default", annotation_any, NULL, 0, false },
    { "examples", annotation_list, NULL, 0, false },
    { "deprecated", annotation_flag, NULL, 0, false },
    { "readOnly", annotation_flag, NULL, 0, false },
    { "writeOnly", annotation_flag, NULL, 0, false },
    { "$comment", annotation_text, NULL, 0, false },
    { "$schema", annotation_text, NULL, 0, false },
    { "$id", annotation_id, NULL, 0, false },
};

const struct schema_keyword *opp_schema_keyword(const char *name)
{
    for (size_t i = 0; i < sizeof KEYWORDS / sizeof KEYWORDS[0]; i++)
        if (strcmp(KEYWORDS[i].name, name) == 0)
            return &KEYWORDS[i];
    return NULL;
}

const struct schema_keyword *opp_schema_keywords(size_t *count)
{
    *count = sizeof KEYWORDS / sizeof KEYWORDS[0];
    return KEYWORDS;
}
