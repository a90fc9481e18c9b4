/* SPDX-License-Identifier: MIT */
#include "adapter/http_target.h"

#include "base/jcs.h"
#include "base/percent.h"

#include <stdbool.h>
#include <string.h>

static void add_encoded(struct opp_buf *out, const char *text, size_t length)
{
    char *room = opp_buf_room(out, 3 * length);

    if (room != NULL)
        out->length += opp_percent_encode(text, length, "", room);
}

/* What stands before an upstream may decode a segment and then look for the path's parts, or for the end of a line: one
 * that would be another path by then is nobody's id. */
static bool leads_elsewhere(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == '\x7f')
            return true;
    while (true) {
        size_t part = strcspn(text, "/\\");

        if (part > 0 && part <= 2 && strspn(text, ".") == part)
            return true;
        if (text[part] == '\0')
            return false;
        text += part + 1;
    }
}

static enum opp_code add_segment(const json_t *segment, struct opp_buf *out, struct opp_err *err)
{
    const char *text = json_string_value(segment);

    opp_buf_char(out, '/');
    if (json_is_integer(segment)) {
        opp_buf_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(segment));
        return OPP_OK;
    }
    if (text == NULL)
        return opp_fail(err, OPP_E_SCRIPT, "path: a segment is a text or an integer");
    if (text[0] == '\0' || leads_elsewhere(text, json_string_length(segment)))
        return opp_fail(err, OPP_E_SCRIPT,
                        "path: a segment is not empty, and neither . nor .., also not between slashes, and has no"
                        " control byte");
    add_encoded(out, text, json_string_length(segment));
    return OPP_OK;
}

enum opp_code opp_http_path(const json_t *segments, struct opp_buf *out, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    json_t *segment;
    size_t i;

    if (!json_is_array(segments) && !(json_is_object(segments) && json_object_size(segments) == 0))
        return opp_fail(err, OPP_E_SCRIPT, "path is a list of segments");
    if (json_array_size(segments) == 0)
        opp_buf_char(out, '/');
    json_array_foreach(segments, i, segment)
    {
        rc = add_segment(segment, out, err);
        if (rc != OPP_OK)
            return rc;
    }
    opp_buf_char(out, '\0');
    return opp_buf_check(out, err);
}

static enum opp_code add_parameter(const char *name, const json_t *value, struct opp_buf *out, struct opp_err *err)
{
    if (out->length > 0)
        opp_buf_char(out, '&');
    add_encoded(out, name, strlen(name));
    opp_buf_char(out, '=');
    if (json_is_string(value))
        add_encoded(out, json_string_value(value), json_string_length(value));
    else if (json_is_number(value) || json_is_boolean(value))
        opp_jcs_write(out, value);
    else
        return opp_fail(err, OPP_E_SCRIPT, "query: %s is no text, number or boolean", name);
    return OPP_OK;
}

static enum opp_code add_parameters(const char *name, const json_t *values, struct opp_buf *out, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    json_t *value;
    size_t i;

    if (!json_is_array(values))
        return add_parameter(name, values, out, err);
    json_array_foreach(values, i, value)
    {
        rc = add_parameter(name, value, out, err);
        if (rc != OPP_OK)
            break;
    }
    return rc;
}

enum opp_code opp_http_query(const json_t *query, struct opp_buf *out, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    const char *name;
    json_t *values;

    if (query != NULL && !json_is_object(query))
        return opp_fail(err, OPP_E_SCRIPT, "query is a table of names and values");
    json_object_foreach((json_t *)(uintptr_t)query, name, values)
    {
        rc = add_parameters(name, values, out, err);
        if (rc != OPP_OK)
            return rc;
    }
    opp_buf_char(out, '\0');
    return opp_buf_check(out, err);
}
