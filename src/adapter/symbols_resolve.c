/* SPDX-License-Identifier: MIT */
#include "adapter/effect_internal.h"
#include "base/date.h"
#include "base/id.h"

#include <string.h>

static enum opp_code give(json_t *made, json_t **out, struct opp_err *err)
{
    if (made == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a result");
    *out = made;
    return OPP_OK;
}

static enum opp_code resolve_new_id(const json_t *symbol, const struct opp_sql_host *host, json_t **out,
                                    struct opp_err *err)
{
    char id[OPP_ID_MAX];

    opp_id_derive(id, json_string_value(json_object_get(symbol, "prefix")), host->effect_id,
                  (unsigned)json_integer_value(json_object_get(symbol, "n")));
    return give(json_string(id), out, err);
}

static enum opp_code resolve_host(const char *name, const struct opp_sql_host *host, json_t **out, struct opp_err *err)
{
    char now[OPP_DATE_MAX];

    if (strcmp(name, "effect_id") == 0)
        return give(json_string(host->effect_id), out, err);
    if (strcmp(name, "now_ms") == 0)
        return give(json_integer(host->now_ms), out, err);
    opp_date_format(host->now_ms, now);
    return give(json_string(now), out, err);
}

/* A statement that changed nothing gave no row: null stands for it and for its fields. */
static enum opp_code resolve_from(const json_t *symbol, const struct opp_sql_host *host, const json_t *rows,
                                  json_t **out, struct opp_err *err)
{
    const json_t *row = json_object_get(rows, json_string_value(json_array_get(symbol, 0)));
    const char *field = json_string_value(json_array_get(symbol, 1));
    const json_t *value = row;

    if (field != NULL && (json_is_object(row) || host->lenient))
        value = json_object_get(row, field);
    if (value == NULL && host->lenient)
        return give(json_null(), out, err);
    if (value == NULL)
        return opp_fail(err, OPP_E_SCRIPT, "the statement gives no column '%s'", field != NULL ? field : "?");
    return give(json_deep_copy(value), out, err);
}

static enum opp_code resolve_members(json_t *pattern, const struct opp_sql_host *host, const json_t *rows,
                                     json_t *object, struct opp_err *err)
{
    const char *key;
    json_t *child;

    json_object_foreach(pattern, key, child)
    {
        json_t *value = NULL;
        enum opp_code rc = opp_symbols_resolve(child, host, rows, &value, err);

        if (rc != OPP_OK)
            return rc;
        if (json_object_set_new(object, key + (key[0] == '$'), value) != 0)
            return opp_fail(err, OPP_E_MEMORY, "no memory for a result");
    }
    return OPP_OK;
}

static enum opp_code resolve_elements(const json_t *pattern, const struct opp_sql_host *host, const json_t *rows,
                                      json_t *array, struct opp_err *err)
{
    json_t *child;
    size_t i;

    json_array_foreach(pattern, i, child)
    {
        json_t *value = NULL;
        enum opp_code rc = opp_symbols_resolve(child, host, rows, &value, err);

        if (rc != OPP_OK)
            return rc;
        if (json_array_append_new(array, value) != 0)
            return opp_fail(err, OPP_E_MEMORY, "no memory for a result");
    }
    return OPP_OK;
}

enum opp_code opp_symbols_resolve(const json_t *pattern, const struct opp_sql_host *host, const json_t *rows,
                                  json_t **out, struct opp_err *err)
{
    json_t *made;
    enum opp_code rc;

    if (json_object_get(pattern, "$new_id") != NULL)
        return resolve_new_id(json_object_get(pattern, "$new_id"), host, out, err);
    if (json_object_get(pattern, "$host") != NULL)
        return resolve_host(json_string_value(json_object_get(pattern, "$host")), host, out, err);
    if (json_object_get(pattern, "$from") != NULL)
        return resolve_from(json_object_get(pattern, "$from"), host, rows, out, err);
    if (!json_is_object(pattern) && !json_is_array(pattern))
        return give(json_deep_copy(pattern), out, err);
    made = json_is_object(pattern) ? json_object() : json_array();
    if (made == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a result");
    if (json_is_object(pattern))
        rc = resolve_members((json_t *)(uintptr_t)pattern, host, rows, made, err);
    else
        rc = resolve_elements(pattern, host, rows, made, err);
    if (rc == OPP_OK)
        *out = made;
    else
        json_decref(made);
    return rc;
}
