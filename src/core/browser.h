/* SPDX-License-Identifier: MIT
 *
 * core/browser.h - people who come by a browser: each has a session, in memory, that stands for a token of theirs.
 * May include: base.
 *
 * What a session is known by is random and is kept as its hash. It counts for no more than its token does now, ends
 * when it was not used for a while, and a fixed time after it began, and with the process.
 */
#ifndef OPP_CORE_BROWSER_H
#define OPP_CORE_BROWSER_H

#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/net.h"

#include <stdbool.h>
#include <stdint.h>

#define OPP_BROWSER_COOKIE "__Host-oppd"
#define OPP_BROWSER_SECRET_MAX 65 /* with the NUL */
#define OPP_BROWSERS_MAX 1024     /* then the one that was not used for longest ends */
#define OPP_BROWSERS_PER_TOKEN_MAX 16

struct opp_browsers;

struct opp_browser_session {
    char id[OPP_ID_MAX];
    char token_hash[OPP_HASH_HEX]; /* of the token that it stands for */
    char user_id[256];
    char ip[OPP_ADDRESS_TEXT_MAX];
    char user_agent[128];                         /* cut to that */
    int64_t created_at, last_used_at, expires_at; /* milliseconds since 1970 */
};

/* idle_ms: without use; lifetime_ms: at all. OPP_E_MEMORY; OPP_E_INTERNAL: no randomness. */
enum opp_code opp_browsers_new(int64_t idle_ms, int64_t lifetime_ms, struct opp_browsers **out, struct opp_err *err);
void opp_browsers_free(struct opp_browsers *browsers);

/* All below from any thread. wish says who and from where; id and times are filled in. Writes what the browser is to
 * show. OPP_E_INTERNAL: no randomness. OPP_E_MEMORY. */
enum opp_code opp_browser_begin(struct opp_browsers *browsers, struct opp_browser_session *wish, int64_t now_ms,
                                char secret[OPP_BROWSER_SECRET_MAX], struct opp_err *err);

/* Gives the session that is known by secret; this is a use of it. OPP_E_TOKEN_INVALID: there is none.
 * OPP_E_TOKEN_EXPIRED: there was one until now. */
enum opp_code opp_browser_find(struct opp_browsers *browsers, const char *secret, int64_t now_ms,
                               struct opp_browser_session *out);
bool opp_browser_lives(struct opp_browsers *browsers, const char *id);
/* False: there is none. */
bool opp_browser_end(struct opp_browsers *browsers, const char *id);
/* Shows all that live to each, newest first, while others wait. */
void opp_browsers_each(struct opp_browsers *browsers,
                       void (*each)(void *arg, const struct opp_browser_session *session), void *arg);

/* What the session's pages say with each change, so that no other page can have it done; always the same. */
void opp_browser_csrf_token(const struct opp_browsers *browsers, const char *id, char token[OPP_HASH_HEX]);
/* Finds the secret in a Cookie header. False: it is not there, is there twice, or is none. */
bool opp_browser_read_cookie(const char *cookie, char secret[OPP_BROWSER_SECRET_MAX]);

#endif
