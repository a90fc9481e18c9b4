/* SPDX-License-Identifier: MIT */
#include "core/app_policy.h"

#include "base/date.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum opp_code read_addresses(const json_t *texts, struct opp_app_policy *out, struct opp_err *err)
{
    size_t count = json_array_size(texts);
    struct opp_cidr *blocks = calloc(count, sizeof *blocks);
    char where[64];

    if (blocks == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an address list");
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(texts, i));

        if (text != NULL && opp_cidr_parse(text, &blocks[i], NULL) == OPP_OK)
            continue;
        free(blocks);
        snprintf(where, sizeof where, "/network/allowed_ips/%zu", i);
        return opp_fail_at(err, OPP_E_VALIDATION, where, "must be an IP address or a CIDR block");
    }
    out->allowed_ips = blocks;
    out->allowed_ip_count = count;
    return OPP_OK;
}

static bool is_id_list(const json_t *list)
{
    size_t index;
    json_t *item;

    json_array_foreach(list, index, item)
    {
        if (!json_is_string(item))
            return false;
    }
    return json_is_array(list); /* an empty one admits nothing */
}

static bool data_sound(json_t *data)
{
    const char *name;
    json_t *value;

    json_object_foreach(data, name, value)
    {
        bool sound = is_id_list(value);

        if (strcmp(name, "max_days") == 0)
            sound = opp_json_integer(data, name) > 0;
        else if (strcmp(name, "allow_sensitive_fields") == 0)
            sound = json_is_boolean(value);
        if (!sound)
            return false;
    }
    return true;
}

static bool object_or_none(const json_t *value)
{
    return value == NULL || json_is_object(value);
}

/* What a schema has checked is sound; what was stored may be damaged, and must not be read as no restriction. */
static bool sound(const json_t *document)
{
    const json_t *network = json_object_get(document, "network"), *addresses = json_object_get(network, "allowed_ips");
    json_t *data = json_object_get(document, "data");

    return json_is_object(document) && object_or_none(network) && object_or_none(data) &&
           (addresses == NULL || is_id_list(addresses)) && data_sound(data);
}

enum opp_code opp_app_policy_read(const json_t *document, struct opp_app_policy *out, struct opp_err *err)
{
    const json_t *addresses = json_object_get(json_object_get(document, "network"), "allowed_ips");
    json_t *data = json_object_get(document, "data");
    const json_t *sensitive = json_object_get(data, "allow_sensitive_fields");
    struct opp_app_policy policy = { .data = data, .allow_sensitive_fields = !json_is_false(sensitive) };
    enum opp_code rc = OPP_OK;

    if (!sound(document))
        return opp_fail(err, OPP_E_VALIDATION, "must be a policy");
    policy.max_days = opp_json_integer(data, "max_days");
    if (addresses != NULL)
        rc = read_addresses(addresses, &policy, err);
    if (rc == OPP_OK)
        *out = policy;
    return rc;
}

void opp_app_policy_clear(struct opp_app_policy *policy)
{
    free(policy->allowed_ips);
    policy->allowed_ips = NULL;
}

bool opp_app_policy_admits(const struct opp_app_policy *policy, const char *address)
{
    struct opp_address parsed;

    if (policy->allowed_ips == NULL)
        return true;
    if (opp_address_parse(address, &parsed, NULL) != OPP_OK)
        return false;
    for (size_t i = 0; i < policy->allowed_ip_count; i++)
        if (opp_cidr_holds(&policy->allowed_ips[i], &parsed))
            return true;
    return false;
}

static void read_window(const json_t *section, struct opp_window *out)
{
    const json_t *actions = json_object_get(section, "allowed_actions");
    const char *expires_at = opp_json_text(section, "expires_at");

    *out = (struct opp_window){
        .enabled = opp_json_true(section, "enabled"),
        .allowed_actions = json_is_array(actions) ? actions : NULL,
        .require_preflight = opp_json_true(section, "require_preflight"),
        .require_idempotency = opp_json_true(section, "require_idempotency"),
        .max_export_rows = opp_json_integer(section, "max_export_rows"),
    };
    if (expires_at != NULL && opp_date_parse(expires_at, &out->expires_at, NULL) != OPP_OK)
        out->enabled = false; /* never written by us: closed is the safe reading */
}

void opp_auto_execute_read(const json_t *document, struct opp_auto_execute *out)
{
    read_window(json_object_get(document, "writes"), &out->writes);
    read_window(json_object_get(document, "high_risk"), &out->high_risk);
}

/* How long a window is open that names no end. */
static int64_t default_length(const struct opp_settings *settings)
{
    if (settings->window_max_ms > 0 && settings->window_max_ms < settings->window_default_ms)
        return settings->window_max_ms;
    return settings->window_default_ms;
}

/* When the section's window ends: as it says, or after the default time when it is open and names no end. */
static enum opp_code window_end(const json_t *section, const char *name, const struct opp_settings *settings,
                                int64_t now_ms, int64_t *end, struct opp_err *err)
{
    const char *expires_at = opp_json_text(section, "expires_at");
    int64_t expires_in = opp_json_integer(section, "expires_in");
    char where[64];

    snprintf(where, sizeof where, "/%s/expires_at", name);
    *end = 0;
    if (expires_at != NULL && expires_in > 0) /* whichever counted, the window could be open longer than was meant */
        return opp_fail_at(err, OPP_E_VALIDATION, where, "must not be given together with expires_in");
    if (expires_at != NULL && opp_date_parse(expires_at, end, NULL) != OPP_OK)
        return opp_fail_at(err, OPP_E_VALIDATION, where, "must be an RFC 3339 time");
    if (expires_at != NULL && *end == 0)
        *end = 1; /* 0 is no end at all, and this one has been */
    else if (expires_at == NULL && expires_in > 0)
        *end = now_ms + expires_in * 1000;
    else if (expires_at == NULL && opp_json_true(section, "enabled"))
        *end = now_ms + default_length(settings);
    if (settings->window_max_ms > 0 && *end > now_ms + settings->window_max_ms)
        return opp_fail_at(err, OPP_E_VALIDATION, where, "must be at most %lld seconds from now",
                           (long long)settings->window_max_ms / 1000);
    return OPP_OK;
}

static json_t *or_default(const json_t *section, const char *key, json_t *fallback)
{
    json_t *value = json_object_get(section, key);

    if (value == NULL)
        return fallback;
    json_decref(fallback);
    return json_incref(value);
}

/* A safeguard that is left out would be read as off: false when memory is out. */
static bool add_safeguards(json_t *written, const json_t *section)
{
    return json_object_set_new(written, "require_preflight", or_default(section, "require_preflight", json_true())) ==
               0 &&
           json_object_set_new(written, "require_idempotency",
                               or_default(section, "require_idempotency", json_true())) == 0 &&
           json_object_set_new(written, "max_export_rows",
                               or_default(section, "max_export_rows", json_integer(1000))) == 0;
}

static enum opp_code write_section(json_t *document, const char *name, const json_t *section,
                                   const struct opp_settings *settings, int64_t now_ms, struct opp_err *err)
{
    bool high = strcmp(name, "high_risk") == 0;
    char text[OPP_DATE_MAX] = "";
    int64_t end;
    json_t *written;
    enum opp_code rc = window_end(section, name, settings, now_ms, &end, err);

    if (rc != OPP_OK)
        return rc;
    if (end != 0)
        opp_date_format(end, text);
    written = json_pack("{s:b, s:s?, s:o}", "enabled", opp_json_true(section, "enabled"), "expires_at",
                        end != 0 ? text : NULL, "allowed_actions", or_default(section, "allowed_actions", json_null()));
    if (written == NULL || (high && !add_safeguards(written, section))) {
        json_decref(written);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a window");
    }
    if (json_object_set_new(document, name, written) != 0)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a window");
    return OPP_OK;
}

enum opp_code opp_auto_execute_merge(const json_t *current, const json_t *change, const struct opp_settings *settings,
                                     int64_t now_ms, json_t **out, struct opp_err *err)
{
    static const char *const names[] = { "writes", "high_risk" };
    json_t *document = json_object();
    enum opp_code rc = document != NULL ? OPP_OK : OPP_E_MEMORY;

    for (size_t i = 0; rc == OPP_OK && i < 2; i++) {
        const json_t *section = json_object_get(change, names[i]);
        json_t *kept = json_object_get(current, names[i]);

        if (section == NULL && kept != NULL)
            rc = json_object_set(document, names[i], kept) == 0 ? OPP_OK : OPP_E_MEMORY;
        else
            rc = write_section(document, names[i], section, settings, now_ms, err);
    }
    if (rc == OPP_OK)
        *out = document;
    else
        json_decref(document);
    return rc;
}
