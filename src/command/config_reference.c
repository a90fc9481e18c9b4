/* SPDX-License-Identifier: MIT */
#include "command/config_reference.h"

#include "base/json.h"
#include "base/reserve.h"
#include "command/config_schema.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_MAX 64

static void add_json(struct opp_buf *out, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text == NULL)
        out->failed = true;
    else
        opp_buf_text(out, text);
    opp_reserve_free(text);
}

static void add_choices(struct opp_buf *out, const json_t *choices)
{
    for (size_t i = 0; i < json_array_size(choices); i++) {
        opp_buf_text(out, i > 0 ? " or " : "");
        opp_buf_text(out, json_string_value(json_array_get(choices, i)));
    }
}

static void add_kind(struct opp_buf *out, const json_t *property)
{
    const json_t *type = json_object_get(property, "type"), *choices = json_object_get(property, "enum");
    const char *name = json_string_value(json_is_array(type) ? json_array_get(type, 0) : type);

    if (choices != NULL)
        add_choices(out, choices);
    else if (strcmp(name, "integer") == 0)
        opp_buf_format(out, "%" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT,
                       json_integer_value(json_object_get(property, "minimum")),
                       json_integer_value(json_object_get(property, "maximum")));
    else if (strcmp(name, "boolean") == 0)
        opp_buf_text(out, "true or false");
    else
        opp_buf_text(out, strcmp(name, "array") == 0 ? "list of text" : "text");
}

static void add_row(struct opp_buf *out, const char *group, const char *name, const json_t *property)
{
    const json_t *usual = json_object_get(property, "default");

    opp_buf_format(out, "| `%s%s` | ", group, name);
    add_kind(out, property);
    opp_buf_text(out, " | ");
    if (usual != NULL) {
        opp_buf_char(out, '`');
        add_json(out, usual);
        opp_buf_char(out, '`');
    } else {
        opp_buf_text(out, "must be given");
    }
    opp_buf_format(out, " | %s |\n", opp_json_text(property, "description"));
}

/* One row for each setting; a group's, and those of a map's members, have its name before theirs. Recursive, as deep as
 * our own schema is. */
static void add_rows(struct opp_buf *out, const char *group, json_t *properties)
{
    char inner[GROUP_MAX];
    json_t *property;
    const char *name;

    json_object_foreach(properties, name, property)
    {
        json_t *members = json_object_get(property, "properties");
        const json_t *each = json_object_get(property, "additionalProperties");

        snprintf(inner, sizeof inner, "%s%s.%s", group, name, members == NULL ? "NAME." : "");
        if (members == NULL)
            members = json_object_get(each, "properties");
        if (members != NULL)
            add_rows(out, inner, members);
        else
            add_row(out, group, name, property);
    }
}

enum opp_code opp_config_reference(struct opp_buf *out, struct opp_err *err)
{
    json_t *schema = NULL;
    enum opp_code rc = opp_config_schema(&schema, err);

    if (rc != OPP_OK)
        return rc;
    opp_buf_text(out, "| Setting | Value | Default | Meaning |\n|---|---|---|---|\n");
    add_rows(out, "", json_object_get(schema, "properties"));
    json_decref(schema);
    return opp_buf_check(out, err);
}
