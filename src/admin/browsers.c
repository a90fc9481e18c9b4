/* SPDX-License-Identifier: MIT */
#include "admin/browsers.h"

#include "admin/tokens.h"
#include "core/browser.h"
#include "core/call.h"
#include "core/gateway.h"
#include "core/guard.h"
#include "core/hub.h"
#include "core/shape.h"

#include <stdio.h>
#include <string.h>

#define COOKIE_MAX 192
#define COOKIE_RULES "; Path=/; Secure; HttpOnly; SameSite=Strict"

struct change {
    struct opp_browser_session session;
    json_t *details;
    char cookie[COOKIE_MAX];
};

static void dispose(void *state)
{
    json_decref(((struct change *)state)->details);
}

/* What a session stands for; NULL: that counts no more, and neither does the session. */
static const struct opp_admin_token *token_of(const struct opp_call *call, const struct opp_browser_session *session)
{
    const struct opp_admin_token *token = opp_registry_admin(call->registry, session->token_hash);

    if (token == NULL || token->revoked_at != 0)
        return NULL;
    return token->expires_at != 0 && token->expires_at <= opp_call_now_ms(call) ? NULL : token;
}

/* With its token, if that ends sooner. */
static int64_t end_of(const struct opp_call *call, const struct opp_browser_session *session)
{
    const struct opp_admin_token *token = token_of(call, session);
    bool sooner = token != NULL && token->expires_at != 0 && token->expires_at < session->expires_at;

    return sooner ? token->expires_at : session->expires_at;
}

static json_t *shape(const struct opp_call *call, const struct opp_browser_session *session)
{
    return json_pack("{s:s, s:s, s:s, s:s%, s:b, s:o, s:o, s:o}", "id", session->id, "user_id", session->user_id, "ip",
                     session->ip, "user_agent", session->user_agent, strlen(session->user_agent), "current",
                     strcmp(session->id, call->session_id) == 0, "created_at", opp_shape_time(session->created_at),
                     "last_used_at", opp_shape_time(session->last_used_at), "expires_at",
                     opp_shape_time(end_of(call, session)));
}

static json_t *csrf_token(const struct opp_call *call, const char *id)
{
    char token[OPP_HASH_HEX];

    opp_browser_csrf_token(call->worker->gateway->browsers, id, token);
    return json_string(token);
}

static enum opp_code record(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    const struct change *change = call->state;

    return opp_call_audit(call, tx, call->audit.action, OPP_OK, change->details, err);
}

/* Printable ASCII of the header, so that a list shows nothing else. */
static void copy_user_agent(char to[128], const char *from)
{
    size_t length = 0;

    for (; from != NULL && *from != '\0' && length < 127; from++)
        if (*from >= ' ' && *from < 0x7f)
            to[length++] = *from;
    to[length] = '\0';
}

/* A session cannot make others: it would outlive itself. */
static enum opp_step ask_for_token(struct opp_call *call)
{
    struct change *change = call->state;
    struct opp_browser_session *session = &change->session;

    if (call->session_id[0] != '\0')
        return opp_call_refuse_reason(call, OPP_E_FORBIDDEN, "A session begins with a token.", "session");
    opp_id_make(session->id, "ses_", opp_call_now_ms(call));
    memcpy(session->token_hash, call->admin->token_hash, OPP_HASH_HEX);
    snprintf(session->user_id, sizeof session->user_id, "%s", call->admin->user_id);
    snprintf(session->ip, sizeof session->ip, "%s", call->ip);
    copy_user_agent(session->user_agent, call->user_agent);
    change->details = json_pack("{s:s, s:s}", "session_id", session->id, "user_id", session->user_id);
    return change->details != NULL ? OPP_NEXT : opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
}

static enum opp_step record_change(struct opp_call *call)
{
    return opp_flow_write(call, record);
}

/* Takes data. The change has its audit row. */
static enum opp_step answer(struct opp_call *call, json_t *data)
{
    struct change *change = call->state;
    struct opp_reply reply = { .data = data, .set_cookie = change->cookie[0] != '\0' ? change->cookie : NULL };

    call->audit.action = NULL;
    if (data == NULL)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return opp_call_reply(call, &reply);
}

static enum opp_step begin(struct opp_call *call)
{
    const struct opp_gateway *gateway = call->worker->gateway;
    struct change *change = call->state;
    struct opp_err err = { 0 };
    char secret[OPP_BROWSER_SECRET_MAX];
    enum opp_code rc = call->op.rc;

    if (rc != OPP_OK)
        return opp_call_fail(call, rc, &call->op.err);
    rc = opp_browser_begin(gateway->browsers, &change->session, opp_call_now_ms(call), secret, &err);
    if (rc != OPP_OK)
        return opp_call_fail(call, rc, &err);
    snprintf(change->cookie, sizeof change->cookie, OPP_BROWSER_COOKIE "=%s; Max-Age=%lld" COOKIE_RULES, secret,
             (long long)gateway->settings.session_lifetime_ms / 1000);
    memcpy(call->session_id, change->session.id, sizeof call->session_id);
    return answer(call, json_pack("{s:o, s:o}", "session", shape(call, &change->session), "csrfToken",
                                  csrf_token(call, change->session.id)));
}

static const opp_step_fn BEGIN_STEPS[] = { ask_for_token, record_change, begin, NULL };
const struct opp_flow OPP_FLOW_BROWSER_BEGIN = { BEGIN_STEPS, sizeof(struct change), dispose, "admin_session.create" };

/* One's own, and for an owner those of all whose tokens reach no further. Those whose token counts no more are not to
 * be seen. */
static bool sees(const struct opp_call *call, const struct opp_browser_session *session)
{
    const struct opp_admin_token *token = token_of(call, session);

    if (token == NULL)
        return false;
    if (strcmp(session->user_id, call->admin->user_id) == 0)
        return true;
    return opp_guard_has_role(call->admin, OPP_ROLE_OWNER) && opp_token_within_reach(call->admin, token);
}

struct listing {
    const struct opp_call *call;
    json_t *items;
    bool failed;
};

static void show(void *arg, const struct opp_browser_session *session)
{
    struct listing *listing = arg;

    if (sees(listing->call, session) && json_array_append_new(listing->items, shape(listing->call, session)) != 0)
        listing->failed = true;
}

static enum opp_step list(struct opp_call *call)
{
    struct listing listing = { .call = call, .items = json_array() };

    opp_browsers_each(call->worker->gateway->browsers, show, &listing);
    if (listing.failed) {
        json_decref(listing.items);
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    }
    return opp_call_answer(call,
                           json_pack("{s:o, s:o}", "items", listing.items, "csrfToken",
                                     call->session_id[0] != '\0' ? csrf_token(call, call->session_id) : json_null()));
}

static const opp_step_fn LIST_STEPS[] = { list, NULL };
const struct opp_flow OPP_FLOW_BROWSER_LIST = { LIST_STEPS, 0, NULL, NULL };

struct search {
    const struct opp_call *call;
    const char *id;
    struct opp_browser_session found;
};

static void look(void *arg, const struct opp_browser_session *session)
{
    struct search *search = arg;

    if (strcmp(session->id, search->id) == 0 && sees(search->call, session))
        search->found = *session;
}

/* It ends before that is on record: whatever fails then, nobody goes on with it. */
static enum opp_step end(struct opp_call *call)
{
    struct opp_browsers *browsers = call->worker->gateway->browsers;
    const char *id = call->param(call, "id");
    struct search search = { .call = call, .id = id[0] != '\0' ? id : call->session_id };
    struct change *change = call->state;

    opp_browsers_each(browsers, look, &search);
    if (search.found.id[0] == '\0' || !opp_browser_end(browsers, search.found.id))
        return opp_call_refuse(call, OPP_E_NOT_FOUND, NULL, NULL);
    change->session = search.found;
    change->details = json_pack("{s:s, s:s}", "session_id", change->session.id, "user_id", change->session.user_id);
    return change->details != NULL ? OPP_NEXT : opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
}

static enum opp_step answer_end(struct opp_call *call)
{
    struct change *change = call->state;

    opp_hub_notify(call->worker->gateway->hub, NULL); /* what it listens to ends with it, whatever is recorded */
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    if (strcmp(change->session.id, call->session_id) == 0)
        snprintf(change->cookie, sizeof change->cookie, "%s", OPP_BROWSER_COOKIE "=; Max-Age=0" COOKIE_RULES);
    return answer(call, json_pack("{s:b, s:o}", "ok", 1, "session", shape(call, &change->session)));
}

static const opp_step_fn END_STEPS[] = { end, record_change, answer_end, NULL };
const struct opp_flow OPP_FLOW_BROWSER_END = { END_STEPS, sizeof(struct change), dispose, "admin_session.revoke" };
