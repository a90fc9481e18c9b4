/* SPDX-License-Identifier: MIT */
#include "core/manifest.h"

#include "adapter/tool.h"
#include "base/jcs.h"
#include "base/shared.h"
#include "core/call.h"
#include "core/freeze.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/intent.h"
#include "core/judge.h"
#include "core/rules.h"
#include "core/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 256
#define ETAG_MAX (OPP_HASH_HEX + 2)

/* Valid for one app, under one registry (0: under none) and one generation, until one of its windows ends. */
struct slot {
    char app_id[OPP_ID_MAX];
    uint64_t registry_version;
    int64_t generation;
    int64_t until_ms; /* 0: no window ends */
    struct opp_shared *bytes;
    char etag[ETAG_MAX];
};

struct opp_manifest_cache {
    struct slot slots[SLOTS];
};

enum opp_code opp_manifest_cache_new(struct opp_manifest_cache **out, struct opp_err *err)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "no memory for manifests");
}

void opp_manifest_cache_free(struct opp_manifest_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        opp_shared_unref(cache->slots[i].bytes);
    free(cache);
}

/* The window ends when the app's or a rule's does. */
static int64_t until(const struct opp_window *window, const struct opp_policy_decision *ruling)
{
    int64_t rule_ms = ruling->until_s * 1000;

    if (rule_ms == 0 || (window->expires_at != 0 && window->expires_at < rule_ms))
        return window->expires_at;
    return rule_ms;
}

/* What is off does nothing; of what is left to people, reads go on. */
static json_t *show_frozen(const struct opp_tool *tool, const struct opp_freeze *freeze)
{
    bool off = opp_freeze_is_off(freeze);

    if (!off && !tool->is_action)
        return json_pack("{s:s, s:n, s:{s:b}}", "mode", "read", "code", "window", "open", 1);
    return json_pack("{s:s, s:s, s:{s:b}, s:o}", "mode", off ? "off" : "draft", "code",
                     opp_code_name(off ? OPP_E_FORBIDDEN : OPP_E_AUTO_DISABLED), "window", "open", 0, "freeze",
                     opp_freeze_shape_now(freeze));
}

static json_t *show_now(const struct opp_app_entry *app, const struct opp_tool *tool,
                        const struct opp_policy_decision *ruling, int64_t now_ms)
{
    const struct opp_freeze *freeze = opp_freeze_of(app, tool->name);
    const struct opp_window *window = opp_judge_window(app, tool);
    enum opp_code rc;

    if (freeze != NULL)
        return show_frozen(tool, freeze);
    if (!tool->is_action)
        return json_pack("{s:s, s:n, s:{s:b}}", "mode", "read", "code", "window", "open", 1);
    rc = opp_judge_window_now(app, tool, ruling, now_ms);
    if (rc == OPP_E_AUTO_CLOSED && ruling->opens_at_s > 0)
        return json_pack("{s:s, s:s, s:{s:b, s:o}}", "mode", "draft", "code", opp_code_name(rc), "window", "open", 0,
                         "opensAt", opp_shape_time(ruling->opens_at_s * 1000));
    if (rc != OPP_OK)
        return json_pack("{s:s, s:s, s:{s:b}}", "mode", "draft", "code", opp_code_name(rc), "window", "open", 0);
    return json_pack("{s:s, s:n, s:{s:b, s:o}}", "mode", "execute", "code", "window", "open", 1, "until",
                     opp_shape_time(until(window, ruling)));
}

static json_t *show_draft_policy(const struct opp_app_entry *app, const struct opp_tool *tool)
{
    const struct opp_window *high = &app->auto_execute.high_risk;
    bool is_high = tool->risk == OPP_RISK_HIGH;

    return json_pack("{s:s, s:b, s:b, s:b}", "defaultMode", "draft", "highRiskRequiresPreflight",
                     is_high && high->require_preflight, "highRiskRequiresIdempotency",
                     is_high && high->require_idempotency, "highRiskRequiresJustification", is_high);
}

/* Tools are shared by the workers, and references to JSON are counted: it is copied. */
static json_t *show_input(const struct opp_tool *tool)
{
    if (!tool->is_action)
        return json_deep_copy(tool->input);
    return json_pack("{s:s, s:[s], s:{s:o}}", "type", "object", "required", "payload", "properties", "payload",
                     json_deep_copy(tool->input));
}

static json_t *show_tool(struct opp_call *call, const struct opp_tool *tool, const struct opp_policy_decision *ruling,
                         int64_t now_ms)
{
    int64_t limit = call->worker->gateway->settings.rate_per_minute;
    json_t *shown =
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:b, s:{s:s, s:s}, s:o, s:o, s:{s:s, s:I}, s:o}", "name", tool->name,
                  "description", tool->description, "kind", tool->is_action ? "action" : "read", "requiredScopes",
                  json_deep_copy(tool->scopes), "risk", opp_risk_name(tool->risk), "requiresConfirmation",
                  opp_judge_confirms(tool), "http", "method", tool->method, "path", tool->path, "inputSchema",
                  show_input(tool), "outputSchema", tool->output != NULL ? json_deep_copy(tool->output) : json_object(),
                  "rateLimitHints", "bucket", tool->rate_bucket != NULL ? tool->rate_bucket : "default",
                  "limitPerMinute", (json_int_t)(tool->rate_per_minute != 0 ? tool->rate_per_minute : limit), "now",
                  show_now(call->app, tool, ruling, now_ms));

    if (tool->is_action && json_object_set_new(shown, "draftPolicy", show_draft_policy(call->app, tool)) != 0) {
        json_decref(shown);
        return NULL;
    }
    return shown;
}

/* Appends the tool if the credential may know of it. */
static int add_tool(struct opp_call *call, json_t *tools, const struct opp_tool *tool, int64_t now_ms)
{
    json_t *missing = opp_scopes_missing(call->app, tool);
    struct opp_policy_decision ruling;
    int failed = 0;

    if (missing != NULL) {
        json_decref(missing);
        return 0;
    }
    opp_rules_look(call, tool, &ruling);
    if (ruling.outcome != OPP_OUTCOME_DENY)
        failed = json_array_append_new(tools, show_tool(call, tool, &ruling, now_ms));
    opp_policy_decision_clear(&ruling);
    return failed;
}

static json_t *show_tools(struct opp_call *call, int64_t now_ms)
{
    const struct opp_adapters *adapters = opp_generation_adapters(call->generation);
    json_t *tools = json_array();

    for (size_t i = 0; i < opp_tool_count(adapters); i++)
        if (add_tool(call, tools, opp_tool_at(adapters, i), now_ms) != 0) {
            json_decref(tools);
            return NULL;
        }
    return tools;
}

static json_t *show_manifest(struct opp_call *call, int64_t now_ms)
{
    const struct opp_app *app = call->app->record;

    return json_pack("{s:{s:s, s:s, s:s, s:s?}, s:o}", "app", "id", app->id, "name", app->name, "scope", app->scope,
                     "orgId", app->org_id, "tools", show_tools(call, now_ms));
}

/* What a rule says can depend on the moment and the address: then nothing is kept. */
static bool rules_speak(struct opp_call *call)
{
    const struct opp_adapters *adapters = opp_generation_adapters(call->generation);
    const struct opp_policy_bundle *bundle = opp_generation_bundle(call->generation);

    for (size_t i = 0; i < opp_tool_count(adapters); i++)
        if (opp_policy_bundle_speaks(bundle, opp_tool_at(adapters, i)->name))
            return true;
    return false;
}

/* The next moment at which the manifest would say something else. */
static int64_t next_change(const struct opp_auto_execute *windows, int64_t now_ms)
{
    int64_t a = windows->writes.expires_at, b = windows->high_risk.expires_at, next = 0;

    if (a > now_ms)
        next = a;
    if (b > now_ms && (next == 0 || b < next))
        next = b;
    return next;
}

static int64_t generation_of(const struct opp_call *call)
{
    return opp_policy_bundle_generation(opp_generation_bundle(call->generation));
}

static enum opp_code fill(struct opp_call *call, struct slot *slot, int64_t now_ms)
{
    struct opp_buf bytes = { 0 };
    json_t *manifest = show_manifest(call, now_ms);
    struct opp_shared *shared;
    char hash[OPP_HASH_HEX];

    if (manifest != NULL)
        opp_jcs_write(&bytes, manifest);
    json_decref(manifest);
    if (manifest == NULL || bytes.failed) {
        opp_buf_free(&bytes);
        return OPP_E_MEMORY;
    }
    opp_hash_hex(bytes.bytes, bytes.length, hash);
    shared = opp_shared_new(&bytes);
    if (shared == NULL)
        return OPP_E_MEMORY;
    opp_shared_unref(slot->bytes);
    slot->bytes = shared;
    slot->registry_version = rules_speak(call) ? 0 : opp_registry_version(call->registry);
    slot->generation = generation_of(call);
    slot->until_ms = next_change(&call->app->auto_execute, now_ms);
    snprintf(slot->app_id, sizeof slot->app_id, "%s", call->app->record->id);
    snprintf(slot->etag, sizeof slot->etag, "\"%s\"", hash);
    return OPP_OK;
}

static bool fresh(const struct slot *slot, struct opp_call *call, int64_t now_ms)
{
    return slot->bytes != NULL && slot->registry_version == opp_registry_version(call->registry) &&
           slot->generation == generation_of(call) && (slot->until_ms == 0 || now_ms < slot->until_ms) &&
           strcmp(slot->app_id, call->app->record->id) == 0;
}

/* If-None-Match is a list of tags, weak ones counting too (RFC 9110 section 13.1.2). */
static bool matches(const char *if_none_match, const char *etag)
{
    return if_none_match != NULL && (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, etag) != NULL);
}

static enum opp_step answer(struct opp_call *call)
{
    struct opp_manifest_cache *cache = call->worker->manifests;
    struct slot *slot = &cache->slots[opp_rate_subject(call->app->record->id, NULL, NULL) % SLOTS];
    int64_t now_ms = opp_call_now_ms(call);
    struct opp_reply reply = { .code = OPP_OK, .etag = slot->etag };

    if (!fresh(slot, call, now_ms) && fill(call, slot, now_ms) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    if (matches(call->if_none_match, slot->etag))
        reply.not_modified = true;
    else
        reply.shared = opp_shared_ref(slot->bytes);
    return opp_call_reply(call, &reply);
}

static const opp_step_fn STEPS[] = { answer, NULL };

const struct opp_flow OPP_FLOW_MANIFEST = { STEPS, 0, NULL, NULL };
