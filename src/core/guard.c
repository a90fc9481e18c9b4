/* SPDX-License-Identifier: MIT */
#include "core/guard.h"

#include "adapter/tool.h"
#include "base/json.h"
#include "base/token.h"
#include "core/gateway.h"
#include "core/generation.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BUCKET_MAX 256

static const struct {
    const char *name;
    unsigned role;
} ROLES[] = { { "viewer", OPP_ROLE_VIEWER },
              { "reviewer", OPP_ROLE_REVIEWER },
              { "operator", OPP_ROLE_OPERATOR },
              { "owner", OPP_ROLE_OWNER } };
#define ROLE_COUNT (sizeof ROLES / sizeof ROLES[0])

unsigned opp_role_of(const char *name)
{
    for (size_t i = 0; i < ROLE_COUNT; i++)
        if (name != NULL && strcmp(ROLES[i].name, name) == 0)
            return ROLES[i].role;
    return 0;
}

static void limit_address(const char *ip, char text[OPP_ADDRESS_TEXT_MAX])
{
    struct opp_address address, key;

    snprintf(text, OPP_ADDRESS_TEXT_MAX, "%s", ip);
    if (opp_address_parse(ip, &address, NULL) != OPP_OK)
        return;
    key = opp_address_limit_key(&address);
    opp_address_format(&key, text);
}

static struct opp_limited limited_by(const char *name, const struct opp_rate_verdict *verdict)
{
    return (struct opp_limited){ .retry_after_s = (verdict->retry_after_ms + 999) / 1000,
                                 .limit = { name, verdict->limit, 60, verdict->remaining,
                                            (verdict->reset_ms + 999) / 1000 } };
}

static enum opp_step refuse_rate(struct opp_call *call, const char *name, const struct opp_rate_verdict *verdict)
{
    struct opp_limited limited = limited_by(name, verdict);
    struct opp_reply reply = { .code = OPP_E_RATE_LIMITED,
                               .details = json_pack("{s:s}", "reason", "rate"),
                               .retry_after_s = limited.retry_after_s,
                               .limit = limited.limit };

    return opp_call_reply(call, &reply);
}

/* Strangers who guess are slowed down; who has a good token is never held up by them. */
static void count_stranger(const struct opp_worker *worker, const char *ip, struct opp_rate_verdict *verdict)
{
    const struct opp_gateway *gateway = worker->gateway;
    char address[OPP_ADDRESS_TEXT_MAX];

    opp_meter_add(worker->meter, gateway->cells.auth_failures, 1);
    limit_address(ip, address);
    opp_rate_take(gateway->rate, opp_rate_subject("authentication", address, NULL),
                  gateway->settings.auth_failures_per_minute, opp_monotonic_ms(), verdict);
    if (!verdict->allowed)
        opp_meter_add(worker->meter, gateway->cells.rate_limited + OPP_RATE_STRANGER, 1);
}

static enum opp_step refuse_stranger(struct opp_call *call, enum opp_code code)
{
    struct opp_rate_verdict verdict;

    count_stranger(call->worker, call->ip, &verdict);
    call->audit.action = NULL; /* nobody is known to have called */
    return verdict.allowed ? opp_call_refuse(call, code, NULL, NULL) : refuse_rate(call, "authentication", &verdict);
}

/* Lends the token of a Bearer header that could be one of this kind, or NULL. */
static const char *bearer(const char *authorization, const char *kind)
{
    const char *token;

    if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    token = authorization + 7 + strspn(authorization + 7, " ");
    return opp_token_plausible(kind, token) ? token : NULL;
}

static bool alive(const struct opp_key *key)
{
    return key->revoked_at == 0;
}

static bool app_configured(const struct opp_app_entry *app)
{
    const struct opp_app *record = app->record;
    bool workspace = strcmp(record->scope, "workspace") == 0;

    return app->sound &&
           (workspace ? record->org_id != NULL && record->service_user_id != NULL : record->user_id != NULL);
}

static enum opp_code check_key(const struct opp_key_entry *entry, int64_t now_ms)
{
    if (entry == NULL || !alive(entry->record) || entry->app == NULL || !opp_app_alive(entry->app->record))
        return OPP_E_TOKEN_INVALID;
    if (entry->record->expires_at != 0 && entry->record->expires_at <= now_ms)
        return OPP_E_TOKEN_EXPIRED;
    return OPP_OK;
}

/* What a token is worth now; *out: its entry, NULL where it has none. */
static enum opp_code find_key(const struct opp_registry *registry, const char *hash, int64_t now_ms,
                              const struct opp_key_entry **out)
{
    *out = opp_registry_key(registry, hash);
    if (*out == NULL && opp_registry_expired(registry, hash))
        return OPP_E_TOKEN_EXPIRED;
    return check_key(*out, now_ms);
}

static void know_agent(struct opp_call *call, const struct opp_key_entry *entry)
{
    const struct opp_app *app = entry->app->record;
    bool workspace = strcmp(app->scope, "workspace") == 0;

    call->key = entry;
    call->app = entry->app;
    call->audit.key_id = entry->record->id;
    call->audit.app_id = app->id;
    call->audit.org_id = app->org_id;
    call->audit.actor_user_id = workspace ? app->service_user_id : app->user_id;
}

/* The route was found a moment ago, perhaps in another generation: if the tool has gone, there is no such route. */
static enum opp_step find_read(struct opp_call *call)
{
    if (call->read_path == NULL)
        return OPP_NEXT;
    call->read = opp_tool_find_read(opp_generation_adapters(call->generation), call->read_path);
    if (call->read == NULL)
        return opp_call_refuse(call, OPP_E_ROUTE_UNKNOWN, NULL, NULL);
    call->audit.action = call->read->audit_action;
    return OPP_NEXT;
}

/* Whoever sees a registry sees what was in force when it came, or later: the writer swaps the generation first. */
static enum opp_step pin(struct opp_call *call)
{
    call->registry = opp_registry_pin(call->worker->gateway->registry);
    call->generation = opp_generation_pin(call->worker->gateway->policies);
    if (call->generation != NULL)
        call->audit.policy_generation = opp_generation_label(call->generation);
    if (call->registry == NULL || call->generation == NULL)
        return opp_call_refuse(call, OPP_E_UNAVAILABLE, NULL, NULL);
    return find_read(call);
}

/* Whether the key may call from there once more; with take it does. */
static bool within_rate(const struct opp_worker *worker, const struct opp_key *key, const char *ip, bool take,
                        struct opp_rate_verdict *verdict)
{
    const struct opp_gateway *gateway = worker->gateway;
    char address[OPP_ADDRESS_TEXT_MAX];

    if (gateway->settings.rate_per_minute == 0)
        return true;
    limit_address(ip, address);
    (take ? opp_rate_take : opp_rate_look)(gateway->rate, opp_rate_subject("key", key->id, address),
                                           gateway->settings.rate_per_minute, opp_monotonic_ms(), verdict);
    if (!verdict->allowed)
        opp_meter_add(worker->meter, gateway->cells.rate_limited + OPP_RATE_KEY, 1);
    return verdict->allowed;
}

static enum opp_step limit_rate(struct opp_call *call)
{
    struct opp_rate_verdict verdict;

    if (within_rate(call->worker, call->key->record, call->ip, true, &verdict))
        return OPP_NEXT;
    return refuse_rate(call, "default", &verdict);
}

enum opp_step opp_guard_limit_tool(struct opp_call *call, const struct opp_tool *tool)
{
    struct opp_rate_verdict verdict;
    char bucket[BUCKET_MAX];

    if (tool->rate_per_minute == 0 || call->key == NULL || call->tool_counted)
        return OPP_NEXT;
    snprintf(bucket, sizeof bucket, "%s/%s", tool->adapter, tool->rate_bucket);
    opp_rate_take(call->worker->gateway->rate, opp_rate_subject("bucket", call->key->record->id, bucket),
                  tool->rate_per_minute, opp_monotonic_ms(), &verdict);
    call->tool_counted = true;
    if (verdict.allowed)
        return OPP_NEXT;
    opp_meter_add(call->worker->meter, call->worker->gateway->cells.rate_limited + OPP_RATE_TOOL, 1);
    return refuse_rate(call, tool->rate_bucket, &verdict);
}

/* Gives the hash of the token that is shown, or that the browser's session stands for; session->id is "" where there is
 * none. */
static enum opp_code find_token(const struct opp_worker *worker, const struct opp_credentials *shown, const char *kind,
                                struct opp_browser_session *session, char hash[OPP_HASH_HEX])
{
    const char *token = bearer(shown->authorization, kind);
    enum opp_code rc;

    session->id[0] = '\0';
    if (token != NULL) {
        opp_token_hash(token, hash);
        return OPP_OK;
    }
    if (shown->authorization != NULL || shown->cookie == NULL)
        return OPP_E_TOKEN_INVALID;
    rc = opp_guard_cookie(worker, shown->cookie, session);
    if (rc == OPP_OK)
        memcpy(hash, session->token_hash, OPP_HASH_HEX);
    return rc;
}

/* Pins what the call is judged by, and hashes its token; a call without a token of this kind is refused. */
static enum opp_step take_token(struct opp_call *call, const struct opp_credentials *shown, const char *kind,
                                char hash[OPP_HASH_HEX])
{
    struct opp_browser_session session;
    enum opp_code rc = find_token(call->worker, shown, kind, &session, hash);

    if (rc != OPP_OK)
        return refuse_stranger(call, rc);
    memcpy(call->session_id, session.id, sizeof call->session_id);
    return pin(call);
}

enum opp_step opp_guard_agent(struct opp_call *call, const char *authorization)
{
    const struct opp_credentials shown = { .authorization = authorization };
    const struct opp_key_entry *entry;
    char hash[OPP_HASH_HEX];
    enum opp_code rc;

    if (take_token(call, &shown, OPP_TOKEN_AGENT, hash) == OPP_DONE)
        return OPP_DONE;
    rc = find_key(call->registry, hash, opp_call_now_ms(call), &entry);
    if (rc != OPP_OK)
        return refuse_stranger(call, rc);
    know_agent(call, entry);
    opp_registry_used_key(call->registry, entry, opp_call_now_ms(call));
    if (!app_configured(call->app))
        return opp_call_refuse(call, OPP_E_FORBIDDEN, "The app is not configured.", NULL);
    if (limit_rate(call) == OPP_DONE)
        return OPP_DONE;
    if (!opp_app_policy_admits(&call->app->policy, call->ip))
        return opp_call_refuse(call, OPP_E_POLICY_DENIED, "This address may not use the credential.", NULL);
    return OPP_NEXT;
}

static enum opp_code check_admin(const struct opp_admin_token *admin, int64_t now_ms)
{
    if (admin == NULL || admin->revoked_at != 0)
        return OPP_E_TOKEN_INVALID;
    if (admin->expires_at != 0 && admin->expires_at <= now_ms)
        return OPP_E_TOKEN_EXPIRED;
    return OPP_OK;
}

static enum opp_code find_admin(const struct opp_registry *registry, const char *hash, int64_t now_ms,
                                const struct opp_admin_token **out)
{
    *out = opp_registry_admin(registry, hash);
    if (*out == NULL && opp_registry_expired(registry, hash))
        return OPP_E_TOKEN_EXPIRED;
    return check_admin(*out, now_ms);
}

static enum opp_code key_fate(const struct opp_worker *worker, const struct opp_registry *registry, const char *hash,
                              const char *ip, struct opp_limited *limited)
{
    const struct opp_key_entry *entry;
    enum opp_code rc = find_key(registry, hash, opp_clock_now_ms(worker->gateway->clock), &entry);
    struct opp_rate_verdict verdict;

    if (rc != OPP_OK || within_rate(worker, entry->record, ip, false, &verdict))
        return rc;
    *limited = limited_by("default", &verdict);
    return OPP_E_RATE_LIMITED;
}

/* What the token would be answered, by the registry of now. */
static enum opp_code token_fate(const struct opp_worker *worker, const struct opp_credentials *shown, const char *kind,
                                const char *ip, struct opp_limited *limited)
{
    const struct opp_gateway *gateway = worker->gateway;
    const struct opp_registry *registry;
    const struct opp_admin_token *admin;
    char hash[OPP_HASH_HEX];
    struct opp_browser_session session;
    enum opp_code rc = find_token(worker, shown, kind, &session, hash);

    if (rc != OPP_OK)
        return rc;
    registry = opp_registry_pin(gateway->registry);
    if (registry == NULL) {
        limited->retry_after_s = 1;
        return OPP_E_UNAVAILABLE;
    }
    if (strcmp(kind, OPP_TOKEN_AGENT) == 0)
        rc = key_fate(worker, registry, hash, ip, limited);
    else
        rc = find_admin(registry, hash, opp_clock_now_ms(gateway->clock), &admin);
    opp_registry_unpin(registry);
    return rc;
}

enum opp_code opp_guard_glance(const struct opp_worker *worker, const struct opp_credentials *shown, const char *kind,
                               const char *ip, struct opp_limited *limited)
{
    struct opp_rate_verdict verdict;
    enum opp_code rc = token_fate(worker, shown, kind, ip, limited);

    if (rc != OPP_E_TOKEN_INVALID && rc != OPP_E_TOKEN_EXPIRED)
        return rc;
    count_stranger(worker, ip, &verdict);
    if (verdict.allowed)
        return rc;
    *limited = limited_by("authentication", &verdict);
    return OPP_E_RATE_LIMITED;
}

static unsigned roles_of(const struct opp_admin_token *admin)
{
    unsigned roles = 0;
    size_t index;
    json_t *name;

    json_array_foreach(admin->roles, index, name)
    {
        roles |= opp_role_of(json_string_value(name));
    }
    return roles;
}

static json_t *role_names(unsigned roles)
{
    json_t *names = json_array();

    for (size_t i = 0; i < ROLE_COUNT; i++)
        if ((roles & ROLES[i].role) != 0)
            json_array_append_new(names, json_string(ROLES[i].name));
    return names;
}

enum opp_step opp_guard_admin(struct opp_call *call, const struct opp_credentials *shown, unsigned roles)
{
    const struct opp_admin_token *admin;
    char hash[OPP_HASH_HEX];
    enum opp_code rc;

    if (take_token(call, shown, OPP_TOKEN_ADMIN, hash) == OPP_DONE)
        return OPP_DONE;
    rc = find_admin(call->registry, hash, opp_call_now_ms(call), &admin);
    if (rc != OPP_OK)
        return refuse_stranger(call, rc);
    call->admin = admin;
    call->audit.performed_by_user_id = admin->user_id;
    opp_registry_used_admin(call->registry, admin, opp_call_now_ms(call));
    if (call->session_id[0] != '\0' && opp_guard_own_page(call, shown) == OPP_DONE)
        return OPP_DONE;
    return opp_guard_require(call, roles);
}

bool opp_guard_has_role(const struct opp_admin_token *admin, unsigned roles)
{
    return (roles_of(admin) & roles) != 0;
}

enum opp_step opp_guard_require(struct opp_call *call, unsigned roles)
{
    if ((roles & OPP_ROLE_VIEWER) != 0 || opp_guard_has_role(call->admin, roles))
        return OPP_NEXT;
    return opp_call_refuse(call, OPP_E_FORBIDDEN, "This needs another role.",
                           json_pack("{s:o}", "missing", role_names(roles)));
}

/* Rules that changed are those that count from now on. */
static void renew_generation(struct opp_call *call)
{
    struct opp_generation *now = opp_generation_pin(call->worker->gateway->policies);

    if (now == NULL)
        return;
    opp_generation_unpin(call->generation);
    call->generation = now;
    call->audit.policy_generation = opp_generation_label(now);
}

void opp_guard_let_go(struct opp_call *call)
{
    opp_generation_unpin(call->generation);
    call->generation = NULL;
    call->audit.policy_generation = NULL;
}

enum opp_step opp_guard_go_on(struct opp_call *call)
{
    if (call->generation == NULL)
        renew_generation(call);
    return call->generation != NULL ? OPP_NEXT : opp_call_refuse(call, OPP_E_UNAVAILABLE, NULL, NULL);
}

enum opp_code opp_guard_renew(struct opp_call *call)
{
    const struct opp_registry *before = call->registry;
    const struct opp_key_entry *entry = NULL;
    enum opp_code rc;

    call->registry = opp_registry_pin(call->worker->gateway->registry);
    if (call->registry == NULL) {
        call->registry = before;
        return OPP_E_UNAVAILABLE;
    }
    if (call->key != NULL) {
        rc = find_key(call->registry, call->key->record->token_hash, opp_call_now_ms(call), &entry);
    } else {
        const struct opp_admin_token *admin;

        rc = find_admin(call->registry, call->admin->token_hash, opp_call_now_ms(call), &admin);
        if (rc == OPP_OK && call->session_id[0] != '\0' &&
            !opp_browser_lives(call->worker->gateway->browsers, call->session_id))
            rc = OPP_E_TOKEN_INVALID;
        if (rc == OPP_OK)
            call->admin = admin;
    }
    if (rc != OPP_OK) { /* what the call lends stays pinned until it ends */
        opp_registry_unpin(call->registry);
        call->registry = before;
        return rc;
    }
    if (entry != NULL)
        know_agent(call, entry);
    else
        call->audit.performed_by_user_id = call->admin->user_id;
    opp_registry_unpin(before);
    renew_generation(call);
    return OPP_OK;
}

bool opp_guard_sees_org(const struct opp_admin_token *admin, const char *org_id)
{
    size_t index;
    json_t *item;

    if (admin->org_ids == NULL)
        return true;
    json_array_foreach(admin->org_ids, index, item)
    {
        if (org_id != NULL && strcmp(json_string_value(item), org_id) == 0)
            return true;
    }
    return false;
}
