/* SPDX-License-Identifier: MIT */
#include "command/config_upstreams.h"

#include "base/json.h"
#include "command/config_schema.h"

#include <stdio.h>
#include <stdlib.h>

#define POINTER_MAX 128

static enum opp_code fill(const json_t *schema, json_t *upstreams, const char *name, const json_t *said,
                          struct opp_err *err)
{
    json_t *filled = NULL, *copy = json_deep_copy(said);
    enum opp_code rc = opp_config_defaults(schema, &filled, err);

    if (rc == OPP_OK &&
        (json_object_update_recursive(filled, copy) != 0 || json_object_set(upstreams, name, filled) != 0))
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for the configuration");
    json_decref(copy);
    json_decref(filled);
    return rc;
}

enum opp_code opp_config_fill_upstreams(const json_t *schema, json_t *document, struct opp_err *err)
{
    const json_t *map = json_object_get(json_object_get(schema, "properties"), "upstreams");
    json_t *upstreams = json_object_get(document, "upstreams"), *said;
    enum opp_code rc = OPP_OK;
    const char *name;
    void *next;

    json_object_foreach_safe(upstreams, next, name, said)
    {
        if (rc == OPP_OK)
            rc = fill(json_object_get(map, "additionalProperties"), upstreams, name, said, err);
    }
    return rc;
}

static struct opp_upstream_settings settings_of(const char *name, const json_t *said)
{
    const json_t *credential = json_object_get(said, "credential");

    return (struct opp_upstream_settings){
        .name = name,
        .base_url = opp_json_text(said, "base_url"),
        .insecure = opp_json_true(said, "insecure"),
        .ca_file = opp_json_text(said, "ca_file"),
        .client_certificate = opp_json_text(said, "client_certificate"),
        .client_key = opp_json_text(said, "client_key"),
        .credential_header = opp_json_text(credential, "header"),
        .credential_prefix = opp_json_text(credential, "prefix"),
        .credential_file = opp_json_text(credential, "file"),
        .credential_env = opp_json_text(credential, "env"),
        .timeout_ms = opp_json_integer(said, "timeout_ms"),
        .connect_timeout_ms = opp_json_integer(said, "connect_timeout_ms"),
        .response_max_bytes = opp_json_integer(said, "response_max_bytes"),
        .connections_max = opp_json_integer(said, "connections_max"),
    };
}

static enum opp_code check(const struct opp_config_source *source, const struct opp_upstream_settings *settings)
{
    struct opp_err why = { 0 };
    char pointer[POINTER_MAX];
    enum opp_code rc = opp_upstream_check(settings, &why);

    if (rc == OPP_OK)
        return OPP_OK;
    if (rc != OPP_E_CONFIG)
        return opp_fail(source->err, rc, "%s", why.message);
    snprintf(pointer, sizeof pointer, "/upstreams/%.32s%.64s", settings->name, why.where);
    return opp_config_blame(source, pointer, why.message);
}

enum opp_code opp_config_read_upstreams(const struct opp_config_source *source, struct opp_config *config)
{
    json_t *upstreams = json_object_get(config->document, "upstreams"), *said;
    enum opp_code rc = OPP_OK;
    const char *name;

    if (json_object_size(upstreams) == 0)
        return OPP_OK;
    config->upstreams = calloc(json_object_size(upstreams), sizeof *config->upstreams);
    if (config->upstreams == NULL)
        return opp_fail(source->err, OPP_E_MEMORY, "no memory for the configuration");
    json_object_foreach(upstreams, name, said)
    {
        if (rc == OPP_OK) {
            config->upstreams[config->upstream_count] = settings_of(name, said);
            rc = check(source, &config->upstreams[config->upstream_count++]);
        }
    }
    return rc;
}
