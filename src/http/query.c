/* SPDX-License-Identifier: MIT */
#include "http/query.h"

#include "base/percent.h"
#include "http/issue.h"

#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 64

/* One pair while it is decoded; name and value have room for the whole query each. */
struct pair {
    char *name;
    char *value;
    size_t name_length;
    size_t value_length;
};

static bool decode_pair(const char *text, size_t length, struct pair *pair)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length;
    const char *value = equals != NULL ? equals + 1 : text + length;

    return opp_percent_decode(text, name_length, true, pair->name, &pair->name_length) &&
           opp_percent_decode(value, (size_t)(text + length - value), true, pair->value, &pair->value_length);
}

static enum opp_code add_pair(json_t *query, const struct pair *pair, json_t **issues, struct opp_err *err)
{
    if (json_object_get(query, pair->name) != NULL)
        return opp_issue(issues, "repeated", pair->name, "This query parameter is given more than once.", err);
    if (json_object_size(query) == PAIRS_MAX)
        return opp_issue(issues, "too_many", NULL, "The query has more than 64 parameters.", err);
    if (json_object_set_new(query, pair->name, json_stringn(pair->value, pair->value_length)) != 0)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the query");
    return OPP_OK;
}

static enum opp_code add_pairs(const char *text, struct pair *pair, json_t *query, json_t **issues, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    while (rc == OPP_OK && *text != '\0') {
        size_t length = strcspn(text, "&");

        if (!decode_pair(text, length, pair))
            rc = opp_issue(issues, "invalid_encoding", NULL, "The query has a broken percent-encoding or is not UTF-8.",
                           err);
        else if (length != 0)
            rc = add_pair(query, pair, issues, err);
        text += length;
        text += *text == '&';
    }
    return rc;
}

enum opp_code opp_query_parse(const char *text, json_t **out, json_t **issues, struct opp_err *err)
{
    size_t room = strlen(text) + 1;
    char *memory = malloc(2 * room);
    struct pair pair = { .name = memory, .value = memory != NULL ? memory + room : NULL };
    json_t *query = json_object();
    enum opp_code rc;

    if (memory == NULL || query == NULL)
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for the query");
    else
        rc = add_pairs(text, &pair, query, issues, err);
    if (rc == OPP_OK)
        *out = json_incref(query);
    json_decref(query);
    free(memory);
    return rc;
}
