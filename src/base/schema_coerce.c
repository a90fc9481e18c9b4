/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REFS_MAX 16
#define NUMBER_BYTES_MAX 64
#define EXACT_MAX INT64_C(9007199254740991) /* 2^53 - 1: what the JSON parser takes too */

static const struct schema_rule *rule_of(const struct schema_node *node, schema_check_fn *check)
{
    for (size_t i = 0; i < node->count; i++)
        if (node->rules[i].keyword->check == check)
            return &node->rules[i];
    return NULL;
}

/* The node that says something itself, behind references. */
static const struct schema_node *behind_refs(const struct schema_node *node, schema_check_fn *wanted)
{
    for (unsigned i = 0; i < REFS_MAX && rule_of(node, wanted) == NULL; i++) {
        const struct schema_rule *ref = rule_of(node, opp_schema_check_ref);

        if (ref == NULL)
            break;
        node = ref->as.node;
    }
    return node;
}

static size_t digits_at(const char *text)
{
    return strspn(text, "0123456789");
}

/* Whether text is a JSON number (RFC 8259 6), and whether a whole one without fraction and exponent. */
static bool is_number(const char *text, bool *whole)
{
    size_t digits;

    text += *text == '-';
    digits = digits_at(text);
    if (digits == 0 || (digits > 1 && *text == '0'))
        return false;
    text += digits;
    *whole = *text == '\0';
    if (*text == '.') {
        digits = digits_at(text + 1);
        if (digits == 0)
            return false;
        text += 1 + digits;
    }
    if (*text == 'e' || *text == 'E') {
        text += 1 + (text[1] == '+' || text[1] == '-');
        digits = digits_at(text);
        if (digits == 0)
            return false;
        text += digits;
    }
    return *text == '\0';
}

/* Sets *out where text says a number of these types; OPP_OK with *out left alone where it does not. */
static enum opp_code to_number(const char *text, unsigned types, json_t **out)
{
    bool whole = false;
    long long integer;
    double real;

    if (!is_number(text, &whole) || (!whole && (types & SCHEMA_FRACTION) == 0))
        return OPP_OK;
    errno = 0;
    integer = whole ? strtoll(text, NULL, 10) : 0;
    real = whole ? 0 : strtod(text, NULL);
    if ((whole && errno != 0) || integer > EXACT_MAX || integer < -EXACT_MAX || !isfinite(real))
        return OPP_OK;
    *out = whole ? json_integer(integer) : json_real(real);
    return *out != NULL ? OPP_OK : OPP_E_MEMORY;
}

static enum opp_code turn(const json_t *value, unsigned types, json_t **out)
{
    const char *text = json_string_value(value);

    if (text == NULL || (types & SCHEMA_STRING) != 0 || strlen(text) != json_string_length(value))
        return OPP_OK;
    if ((types & SCHEMA_BOOLEAN) != 0 && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        *out = json_boolean(text[0] == 't');
        return OPP_OK;
    }
    if ((types & SCHEMA_NUMBER) == 0 || json_string_length(value) > NUMBER_BYTES_MAX)
        return OPP_OK;
    return to_number(text, types, out);
}

static enum opp_code turn_property(json_t *object, const struct schema_property *property)
{
    const json_t *value = json_object_getn(object, property->name.text, property->name.length);
    json_t *turned = NULL;
    enum opp_code rc;

    if (value == NULL)
        return OPP_OK;
    rc = turn(value, behind_refs(property->node, opp_schema_check_type)->types, &turned);
    if (rc == OPP_OK && turned != NULL &&
        json_object_setn_new(object, property->name.text, property->name.length, turned) != 0)
        rc = OPP_E_MEMORY;
    return rc;
}

/* Not json_copy, which drops members silently when memory runs out. */
static json_t *copy_members(const json_t *object)
{
    json_t *members = opp_schema_iterable(object);
    json_t *copy = json_object();

    for (void *i = json_object_iter(members); copy != NULL && i != NULL; i = json_object_iter_next(members, i)) {
        if (json_object_setn_nocheck(copy, json_object_iter_key(i), json_object_iter_key_len(i),
                                     json_object_iter_value(i)) == 0)
            continue;
        json_decref(copy);
        copy = NULL;
    }
    return copy;
}

enum opp_code opp_schema_coerce(const struct opp_schema *schema, const json_t *value, json_t **out, struct opp_err *err)
{
    const struct schema_node *node = behind_refs(schema->root, opp_schema_check_properties);
    const struct schema_rule *rule = rule_of(node, opp_schema_check_properties);
    const size_t count = json_is_object(value) && rule != NULL ? rule->as.properties.count : 0;
    json_t *copy = json_is_object(value) ? copy_members(value) : json_incref(opp_schema_iterable(value));
    enum opp_code rc = copy != NULL ? OPP_OK : OPP_E_MEMORY;

    for (size_t i = 0; rc == OPP_OK && i < count; i++)
        rc = turn_property(copy, &rule->as.properties.all[i]);
    if (rc == OPP_OK) {
        *out = copy;
        return OPP_OK;
    }
    json_decref(copy);
    return opp_fail(err, rc, "Out of memory.");
}
