/* SPDX-License-Identifier: MIT */
#include "policy/selftest.h"

#include "base/date.h"
#include "base/json.h"
#include "policy/zone.h"

#include <math.h>
#include <string.h>

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for a rule's test");
}

/* What every request has. */
static json_t *empty_request(enum opp_phase phase, const struct opp_tool_rules *tool)
{
    return json_pack("{s:s, s:o, s:{s:s, s:s, s:s, s:s, s:[], s:{}}, s:{s:s, s:s}, s:{s:s}, s:s, s:i}", "phase",
                     opp_phase_name(phase), "tool", json_deep_copy(tool->tool), "app", "id", "", "name", "", "scope",
                     "", "org_id", "", "scopes", "policy", "key", "id", "", "name", "", "actor", "user_id", "", "ip",
                     "127.0.0.1", "now", 0);
}

static int add_fields(json_t *request, json_t *fields)
{
    int failed = fields == NULL || request == NULL || json_object_update(request, fields) != 0;

    json_decref(fields);
    return failed;
}

/* What a phase has besides. */
static json_t *phase_request(enum opp_phase phase, const struct opp_tool_rules *tool)
{
    json_t *request = empty_request(phase, tool);
    int failed = 0;

    if (phase >= OPP_PHASE_READ)
        failed |= add_fields(request, json_pack("{s:{}, s:[]}", "payload", "resources"));
    if (phase >= OPP_PHASE_PREFLIGHT)
        failed |= add_fields(request, json_pack("{s:{}, s:{}}", "impact", "state"));
    if (phase >= OPP_PHASE_ACTION)
        failed |= add_fields(request, json_pack("{s:s, s:b}", "justification", "", "execute", 0));
    if (phase >= OPP_PHASE_APPROVE)
        failed |= add_fields(request,
                             json_pack("{s:{s:s, s:i, s:i, s:i, s:i, s:[]}}", "draft", "id", "", "created_at", 0,
                                       "expires_at", 0, "approvals_required", 1, "approvals_given", 0, "approved_by"));
    if (phase == OPP_PHASE_APPROVE)
        failed |= add_fields(request, json_pack("{s:{s:s, s:[]}}", "reviewer", "user_id", "", "roles"));
    if (!failed)
        return request;
    json_decref(request);
    return NULL;
}

static enum opp_code overlay(json_t *base, const json_t *over, const json_t *shape, struct opp_err *err);

/* Lua says {} for an empty list too. */
static bool is_empty_list(const json_t *base, const json_t *value)
{
    return json_is_array(base) && json_is_object(value) && json_object_size(value) == 0;
}

/* Whether requests about the tool have no such member, as opp_view_options.shape says it to rules. */
static bool is_unknown(const json_t *shape, const char *key)
{
    const json_t *properties = json_object_get(shape, "properties");
    const json_t *more = json_object_get(shape, "additionalProperties");

    return json_is_object(properties) && (more == NULL || json_is_false(more)) &&
           json_object_get(properties, key) == NULL;
}

/* shape is the member's. */
static enum opp_code overlay_member(json_t *base, const char *key, json_t *value, const json_t *shape,
                                    struct opp_err *err)
{
    json_t *mine = json_object_get(base, key);

    if (is_empty_list(mine, value))
        return OPP_OK;
    if (!json_is_object(value))
        return json_object_set_new(base, key, json_deep_copy(value)) == 0 ? OPP_OK : no_memory(err);
    if (!json_is_object(mine)) {
        mine = json_object();
        if (json_object_set_new(base, key, mine) != 0)
            return no_memory(err);
    }
    return overlay(mine, value, shape, err);
}

/* A name that no request has would only be of use to a rule that misspells it too. */
static enum opp_code overlay(json_t *base, const json_t *over, const json_t *shape, struct opp_err *err)
{
    const json_t *properties = json_object_get(shape, "properties");
    enum opp_code rc = OPP_OK;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)over, key, value)
    {
        rc = is_unknown(shape, key)
                 ? opp_fail(err, OPP_E_VALIDATION, "given has a '%.80s' where requests about the tool have none", key)
                 : overlay_member(base, key, value, json_object_get(properties, key), err);
        if (rc != OPP_OK)
            break;
    }
    return rc;
}

static bool is_time(const json_t *now)
{
    double seconds = json_number_value(now);

    return json_is_number(now) && seconds >= (double)OPP_ZONE_EARLIEST_S && seconds <= (double)OPP_ZONE_LATEST_S;
}

static enum opp_code set_now(json_t *request, const json_t *now, struct opp_err *err)
{
    int64_t ms = 0;

    if (json_is_string(now) && opp_date_parse(json_string_value(now), &ms, NULL) == OPP_OK)
        return json_object_set_new(request, "now", json_integer(ms / 1000)) == 0 ? OPP_OK : no_memory(err);
    if (is_time(now))
        return json_object_set_new(request, "now", json_deep_copy(now)) == 0 ? OPP_OK : no_memory(err);
    return opp_fail(err, OPP_E_VALIDATION, "given.now is neither RFC 3339 with an offset nor seconds since 1970");
}

static enum opp_code set_tool(json_t *request, const json_t *tool, const json_t *shape, struct opp_err *err)
{
    json_t *mine = json_object_get(request, "tool");

    if (json_is_string(tool))
        return json_object_set_new(mine, "name", json_deep_copy(tool)) == 0 ? OPP_OK : no_memory(err);
    if (json_is_object(tool))
        return overlay(mine, tool, shape, err);
    return opp_fail(err, OPP_E_VALIDATION, "given.tool is a name or a table");
}

static enum opp_code set_field(struct opp_given *given, const char *key, json_t *value, const json_t *shape,
                               struct opp_err *err)
{
    json_t *request = given->request.request;

    if (strcmp(key, "now") == 0)
        return set_now(request, value, err);
    if (strcmp(key, "tool") == 0)
        return set_tool(request, value, shape, err);
    if (strcmp(key, "phase") == 0)
        return OPP_OK;
    if (strcmp(key, "recent") == 0 && json_is_integer(value) && given->request.phase != OPP_PHASE_DISCOVER) {
        given->recent = json_integer_value(value);
        return OPP_OK;
    }
    if (json_object_get(request, key) == NULL)
        return opp_fail(err, OPP_E_VALIDATION, "given.%.80s: a request of the phase %s has no such field", key,
                        opp_phase_name(given->request.phase));
    return overlay_member(request, key, value, shape, err);
}

static int64_t count_recent(void *arg, const char *tool, int64_t seconds)
{
    const struct opp_given *given = arg;

    (void)tool;
    (void)seconds;
    return given->recent;
}

static enum opp_code read_phase(const json_t *test, enum opp_phase *out, struct opp_err *err)
{
    const json_t *phase = json_object_get(json_object_get(test, "given"), "phase");

    if (phase == NULL)
        phase = json_object_get(test, "phase");
    *out = phase == NULL           ? OPP_PHASE_ACTION
           : json_is_string(phase) ? opp_phase_find(json_string_value(phase))
                                   : OPP_PHASE_COUNT;
    if (*out == OPP_PHASE_COUNT)
        return opp_fail(err, OPP_E_VALIDATION, "its phase is none");
    return OPP_OK;
}

enum opp_code opp_given_read(const json_t *test, const struct opp_tool_rules *tool, struct opp_given *out,
                             struct opp_err *err)
{
    struct opp_policy_request *request = &out->request;
    const json_t *shape = json_object_get(tool->shape, "properties");
    json_t *given = json_object_get(test, "given"), *value;
    enum opp_code rc = read_phase(test, &request->phase, err);
    const char *key;

    if (rc != OPP_OK)
        return rc;
    if (given != NULL && !json_is_object(given))
        return opp_fail(err, OPP_E_VALIDATION, "given is a table of the request's fields");
    request->request = phase_request(request->phase, tool);
    if (request->request == NULL)
        return no_memory(err);
    json_object_foreach(given, key, value)
    {
        if (rc == OPP_OK)
            rc = set_field(out, key, value, json_object_get(shape, key), err);
    }
    request->tool = tool->name;
    request->now_s = (int64_t)floor(json_number_value(json_object_get(request->request, "now")));
    request->recent = request->phase != OPP_PHASE_DISCOVER ? count_recent : NULL;
    request->arg = out;
    return rc;
}

void opp_given_free(struct opp_given *given)
{
    json_decref(given->request.request);
    given->request.request = NULL;
}
