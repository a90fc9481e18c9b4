/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/schema.h"
#include "fuzz.h"

#define ISSUES_MAX 20

static void check_issues(enum opp_code rc, const json_t *issues)
{
    const json_t *issue;
    size_t i;

    require((rc == OPP_E_VALIDATION) == (json_array_size(issues) > 0));
    require(json_array_size(issues) <= ISSUES_MAX);
    json_array_foreach(issues, i, issue)
    {
        require(opp_json_text(issue, "message") != NULL && opp_json_text(issue, "pointer") != NULL);
    }
}

static void check_value(const struct opp_schema *schema, const json_t *value)
{
    json_t *issues = NULL, *coerced = NULL;
    enum opp_code rc = opp_schema_validate(schema, value, &issues, NULL);

    require(rc == OPP_OK || rc == OPP_E_VALIDATION || rc == OPP_E_LIMIT);
    if (rc != OPP_E_LIMIT)
        check_issues(rc, issues);
    require(opp_schema_validate(schema, value, NULL, NULL) == rc);
    if (opp_schema_coerce(schema, value, &coerced, NULL) == OPP_OK)
        opp_schema_validate(schema, coerced, NULL, NULL);
    json_decref(coerced);
    json_decref(issues);
}

/* A schema, a line break, a value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    json_t *document = NULL, *value = NULL;
    struct opp_schema *schema = NULL;
    struct opp_err err = { 0 };

    if (end == NULL || opp_json_parse((const char *)data, (size_t)(end - data), &document, NULL) != OPP_OK)
        return 0;
    if (opp_schema_compile(document, &schema, &err) != OPP_OK)
        require(err.code == OPP_E_VALIDATION);
    else if (opp_json_parse((const char *)end + 1, size - (size_t)(end - data) - 1, &value, NULL) == OPP_OK)
        check_value(schema, value);
    json_decref(value);
    opp_schema_free(schema);
    json_decref(document);
    return 0;
}
