/* SPDX-License-Identifier: MIT */
#include "core/redact.h"

#include "adapter/tool.h"
#include "base/buf.h"
#include "base/jcs.h"
#include "core/registry.h"

#include <stdio.h>
#include <string.h>

struct redaction {
    json_t *fields;
    enum opp_redaction kind;
    const unsigned char *key;
};

static json_t *copy(const struct redaction *how, json_t *value);

void opp_redact_app_key(const unsigned char gateway_key[OPP_HASH_BYTES], const char *app_id,
                        unsigned char key[OPP_HASH_BYTES])
{
    char hex[OPP_HASH_HEX];

    opp_hmac_hex(gateway_key, app_id, strlen(app_id), hex);
    opp_hash(hex, strlen(hex), key);
}

static json_t *keyed_hash(const struct redaction *how, const json_t *value)
{
    char text[sizeof "hmac:" + OPP_HASH_HEX] = "hmac:";
    struct opp_buf bytes = { 0 };
    json_t *hash = NULL;

    opp_jcs_write(&bytes, value);
    if (!bytes.failed) {
        opp_hmac_hex(how->key, bytes.bytes, bytes.length, text + 5);
        hash = json_string(text);
    }
    opp_buf_free(&bytes);
    return hash;
}

static json_t *replacement(const struct redaction *how, const json_t *value, json_t *declared)
{
    switch (how->kind) {
    case OPP_REDACT_IMPACT:
        return json_string("[redacted]");
    case OPP_REDACT_RESULT:
        return json_incref(declared);
    case OPP_REDACT_WITNESS:
        return keyed_hash(how, value);
    }
    return NULL;
}

static json_t *copy_object(const struct redaction *how, json_t *value)
{
    json_t *out = json_object(), *member, *declared, *shown;
    const char *name;

    json_object_foreach(value, name, member)
    {
        declared = json_object_get(how->fields, name);
        shown = declared != NULL ? replacement(how, member, declared) : copy(how, member);
        if (json_object_set_new_nocheck(out, name, shown) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static json_t *copy_array(const struct redaction *how, json_t *value)
{
    json_t *out = json_array(), *item;
    size_t index;

    json_array_foreach(value, index, item)
    {
        if (json_array_append_new(out, copy(how, item)) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static json_t *copy(const struct redaction *how, json_t *value)
{
    if (json_is_object(value))
        return copy_object(how, value);
    if (json_is_array(value))
        return copy_array(how, value);
    return json_incref(value);
}

/* Most values hold none of the fields, and looking costs less than a copy. */
static bool holds_any(const json_t *fields, json_t *value)
{
    json_t *inner;
    const char *name;
    size_t index;

    json_object_foreach(value, name, inner)
    {
        if (json_object_get(fields, name) != NULL || holds_any(fields, inner))
            return true;
    }
    json_array_foreach(value, index, inner)
    {
        if (holds_any(fields, inner))
            return true;
    }
    return false;
}

json_t *opp_redact_fields(const struct opp_app_entry *app, const struct opp_tool *tool, const json_t *by_rule)
{
    bool hide = !app->policy.allow_sensitive_fields && tool->sensitive != NULL;
    json_t *fields = json_object(), *name;
    size_t index;
    int failed = fields == NULL || (hide && json_object_update(fields, tool->sensitive) != 0);

    json_array_foreach(by_rule, index, name)
    {
        if (failed == 0 && json_object_get(fields, json_string_value(name)) == NULL)
            failed = json_object_set_new(fields, json_string_value(name), json_string("[redacted]"));
    }
    if (failed == 0)
        return fields;
    json_decref(fields);
    return NULL;
}

enum opp_code opp_redact(json_t *value, json_t *fields, enum opp_redaction kind,
                         const unsigned char key[OPP_HASH_BYTES], json_t **out, struct opp_err *err)
{
    struct redaction how = { fields, kind, key };
    bool whole = json_object_size(fields) == 0 || !holds_any(fields, value);
    json_t *copied = whole ? json_incref(value) : copy(&how, value);

    if (copied == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory to redact");
    *out = copied;
    return OPP_OK;
}
