/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "http/issue.h"
#include "http/query.h"
#include "http/state.h"

#include <event2/buffer.h>
#include <string.h>

#define JSON_TYPE "application/json"

static const char *skip_spaces(const char *at)
{
    return at + strspn(at, " \t");
}

/* application/json, alone or with charset=utf-8 (RFC 9110, section 8.3). */
static bool is_json_type(const char *type)
{
    static const char *const charsets[] = { "charset=utf-8", "charset=\"utf-8\"" };

    if (type == NULL || strncasecmp(type, JSON_TYPE, strlen(JSON_TYPE)) != 0)
        return false;
    type = skip_spaces(type + strlen(JSON_TYPE));
    if (*type != ';')
        return *type == '\0';
    type = skip_spaces(type + 1);
    for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
        if (strncasecmp(type, charsets[i], strlen(charsets[i])) == 0)
            return *skip_spaces(type + strlen(charsets[i])) == '\0';
    return false;
}

static enum opp_code parse_object(const char *bytes, size_t length, json_t **out, json_t **issues, struct opp_err *err)
{
    struct opp_err why = { 0 };
    json_t *value = NULL;
    enum opp_code rc = opp_json_parse(bytes, length, &value, &why);

    if (rc == OPP_E_VALIDATION)
        return opp_issue(issues, "invalid_json", NULL, why.message, err);
    if (rc != OPP_OK)
        return opp_fail(err, rc, "%s", why.message);
    if (!json_is_object(value)) {
        json_decref(value);
        return opp_issue(issues, "invalid_type", NULL, "The body must be a JSON object.", err);
    }
    *out = value;
    return OPP_OK;
}

enum opp_code opp_request_json(const struct opp_request *request, json_t **out, json_t **issues, struct opp_err *err)
{
    const char *type = opp_request_header(request, "Content-Type");
    struct evbuffer *input = request->ev != NULL ? evhttp_request_get_input_buffer(request->ev) : NULL;
    size_t length = input != NULL ? evbuffer_get_length(input) : 0;
    const char *bytes;

    if (length == 0) { /* no body, whatever type many clients send along: it is the flow that says what is needed */
        *out = NULL;
        return OPP_OK;
    }
    if (!is_json_type(type))
        return opp_fail(err, OPP_E_MEDIA_TYPE, "%s", opp_code_message(OPP_E_MEDIA_TYPE));
    bytes = (const char *)evbuffer_pullup(input, -1);
    if (bytes == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a body of %zu bytes", length);
    return parse_object(bytes, length, out, issues, err);
}

enum opp_code opp_request_query(const struct opp_request *request, json_t **out, json_t **issues, struct opp_err *err)
{
    return opp_query_parse(request->ev != NULL ? request->query : "", out, issues, err);
}
