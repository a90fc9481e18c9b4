/* SPDX-License-Identifier: MIT */
#include "command/config_check.h"

#include "base/json.h"
#include "base/schema.h"
#include "command/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64
#define POINTER_MAX 128

/* Lends the value at a pointer whose names need no escapes, as ours do not; NULL: there is none. */
static const json_t *value_at(const json_t *value, const char *pointer)
{
    while (value != NULL && *pointer == '/') {
        size_t length = strcspn(++pointer, "/");

        value = json_is_array(value) ? json_array_get(value, strtoul(pointer, NULL, 10))
                                     : json_object_getn(value, pointer, length);
        pointer += length;
    }
    return value;
}

/* "/limits/rate_per_minute" is called limits.rate_per_minute. */
static void name_of(const char *pointer, char name[POINTER_MAX])
{
    snprintf(name, POINTER_MAX, "%s", *pointer == '/' ? pointer + 1 : "the configuration");
    for (char *at = name; *at != '\0'; at++)
        if (*at == '/')
            *at = '.';
}

static enum opp_code blame_file(const struct opp_config_source *source, const char *pointer, const char *problem)
{
    char where[sizeof source->err->where], name[POINTER_MAX];

    name_of(pointer, name);
    snprintf(where, sizeof where, "%.100s:%d", source->name, opp_yaml_line(source->file, pointer));
    return opp_fail_at(source->err, OPP_E_CONFIG, where, "%s %s", name, problem);
}

enum opp_code opp_config_blame(const struct opp_config_source *source, const char *pointer, const char *problem)
{
    if (source->file != NULL && value_at(source->flags, pointer) == NULL &&
        value_at(opp_yaml_value(source->file), pointer) != NULL)
        return blame_file(source, pointer, problem);
    return opp_fail_at(source->err, OPP_E_VALIDATION, pointer, "%s", problem);
}

/* Lends the properties that the schema knows beside the pointer's last name. */
static json_t *known_at(const json_t *schema, const char *pointer)
{
    const char *slash;

    while ((slash = strchr(++pointer, '/')) != NULL) {
        const json_t *known = json_object_get(schema, "properties");

        schema = known != NULL ? json_object_getn(known, pointer, (size_t)(slash - pointer))
                               : json_object_get(schema, "additionalProperties");
        pointer = slash;
    }
    return json_object_get(schema, "properties");
}

static void say_unknown(const json_t *schema, const char *pointer, char *problem, size_t size)
{
    const char *names[NAMES_MAX], *name, *meant;
    json_t *known = known_at(schema, pointer), *value;
    size_t count = 0;

    json_object_foreach(known, name, value)
    {
        if (count < NAMES_MAX)
            names[count++] = name;
    }
    meant = opp_nearest(strrchr(pointer, '/') + 1, names, count);
    if (meant != NULL)
        snprintf(problem, size, "is no setting; did you mean %s?", meant);
    else
        snprintf(problem, size, "is no setting; oppd help config lists them");
}

/* Says the first of the issues. */
static enum opp_code blame_issue(const struct opp_config_source *source, const json_t *schema, const json_t *issues)
{
    const json_t *issue = json_array_get(issues, 0);
    const char *code = opp_json_text(issue, "code"), *pointer = opp_json_text(issue, "pointer");
    char problem[160];

    if (strcmp(code, "additionalProperties") == 0)
        say_unknown(schema, pointer, problem, sizeof problem);
    else
        snprintf(problem, sizeof problem, "%s", opp_json_text(issue, "message"));
    if (source->flags != NULL)
        return opp_fail_at(source->err, OPP_E_VALIDATION, pointer, "%s", problem);
    return blame_file(source, pointer, problem);
}

static enum opp_code check_one(const struct opp_config_source *source, const struct opp_schema *schema,
                               const json_t *document, const json_t *value)
{
    json_t *issues = NULL;
    struct opp_err why = { 0 };
    enum opp_code rc = value != NULL ? opp_schema_validate(schema, value, &issues, &why) : OPP_OK;

    if (rc == OPP_E_VALIDATION && json_array_size(issues) > 0)
        rc = blame_issue(source, document, issues);
    else if (rc != OPP_OK)
        opp_fail(source->err, rc, "%s", why.message);
    json_decref(issues);
    return rc;
}

enum opp_code opp_config_check(const struct opp_config_source *source, const json_t *schema)
{
    struct opp_config_source flags = *source, file = *source;
    struct opp_schema *compiled = NULL;
    enum opp_code rc = opp_schema_compile(schema, &compiled, source->err);

    flags.file = NULL;
    file.flags = NULL;
    if (rc == OPP_OK)
        rc = check_one(&flags, compiled, schema, source->flags);
    if (rc == OPP_OK && source->file != NULL)
        rc = check_one(&file, compiled, schema, opp_yaml_value(source->file));
    opp_schema_free(compiled);
    return rc;
}
