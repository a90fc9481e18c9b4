/* SPDX-License-Identifier: MIT */
#include "core/browser.h"
#include "core/gateway.h"
#include "core/guard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum opp_code opp_guard_cookie(const struct opp_worker *worker, const char *cookie, struct opp_browser_session *out)
{
    const struct opp_gateway *gateway = worker->gateway;
    char secret[OPP_BROWSER_SECRET_MAX];

    if (!opp_browser_read_cookie(cookie, secret))
        return OPP_E_TOKEN_INVALID;
    return opp_browser_find(gateway->browsers, secret, opp_clock_now_ms(gateway->clock), out);
}

/* Whether the page that asks was served by the host that is asked (RFC 6454). Where we speak TLS, so did that page;
 * what ends TLS before us may speak another scheme than we. */
static bool is_own_page(const struct opp_credentials *shown)
{
    const char *origin = shown->origin;

    if (origin == NULL || shown->host == NULL)
        return false;
    if (strncmp(origin, "https://", 8) == 0)
        return strcasecmp(origin + 8, shown->host) == 0;
    return !shown->secure && strncmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, shown->host) == 0;
}

static bool says_token(const struct opp_call *call, const struct opp_credentials *shown)
{
    char token[OPP_HASH_HEX];

    opp_browser_csrf_token(call->worker->gateway->browsers, call->session_id, token);
    return shown->csrf_token != NULL && opp_same_text(token, shown->csrf_token);
}

enum opp_step opp_guard_own_page(struct opp_call *call, const struct opp_credentials *shown)
{
    if (!shown->changes)
        return OPP_NEXT;
    if (!is_own_page(shown))
        return opp_call_refuse_reason(call, OPP_E_FORBIDDEN, "The request comes from another site.", "origin");
    if (!says_token(call, shown))
        return opp_call_refuse_reason(call, OPP_E_FORBIDDEN, "The session's CSRF token is missing or wrong.", "csrf");
    return OPP_NEXT;
}
