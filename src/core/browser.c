/* SPDX-License-Identifier: MIT */
#include "core/browser.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_BYTES 32

struct kept {
    struct kept *next;
    struct opp_browser_session session;
    char secret_hash[OPP_HASH_HEX];
    int64_t began_ms, used_ms; /* monotonic: a clock that is set prolongs nothing */
};

struct opp_browsers {
    pthread_mutex_t lock;
    struct kept *first; /* newest first */
    size_t count;
    int64_t idle_ms, lifetime_ms;
    unsigned char csrf_key[OPP_HASH_BYTES];
};

enum opp_code opp_browsers_new(int64_t idle_ms, int64_t lifetime_ms, struct opp_browsers **out, struct opp_err *err)
{
    struct opp_browsers *browsers = calloc(1, sizeof *browsers);
    enum opp_code rc;

    if (browsers == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for sessions");
    pthread_mutex_init(&browsers->lock, NULL);
    browsers->idle_ms = idle_ms;
    browsers->lifetime_ms = lifetime_ms;
    rc = opp_random(browsers->csrf_key, sizeof browsers->csrf_key, err);
    if (rc == OPP_OK)
        *out = browsers;
    else
        opp_browsers_free(browsers);
    return rc;
}

void opp_browsers_free(struct opp_browsers *browsers)
{
    struct kept *next;

    if (browsers == NULL)
        return;
    for (struct kept *kept = browsers->first; kept != NULL; kept = next) {
        next = kept->next;
        free(kept);
    }
    pthread_mutex_destroy(&browsers->lock);
    free(browsers);
}

static void drop(struct opp_browsers *browsers, struct kept **at)
{
    struct kept *gone = *at;

    *at = gone->next;
    browsers->count--;
    free(gone);
}

static bool is_over(const struct opp_browsers *browsers, const struct kept *kept, int64_t monotonic_ms)
{
    return monotonic_ms - kept->used_ms >= browsers->idle_ms || monotonic_ms - kept->began_ms >= browsers->lifetime_ms;
}

static void drop_those_that_are_over(struct opp_browsers *browsers, int64_t monotonic_ms)
{
    struct kept **at = &browsers->first;

    while (*at != NULL) {
        if (is_over(browsers, *at, monotonic_ms))
            drop(browsers, at);
        else
            at = &(*at)->next;
    }
}

/* What points to the one that was not used for longest, of a token's (NULL: of all); *count of them there are. */
static struct kept **longest_unused(struct opp_browsers *browsers, const char *token_hash, size_t *count)
{
    struct kept **found = NULL;

    *count = 0;
    for (struct kept **at = &browsers->first; *at != NULL; at = &(*at)->next) {
        if (token_hash != NULL && strcmp((*at)->session.token_hash, token_hash) != 0)
            continue;
        if (found == NULL || (*at)->used_ms <= (*found)->used_ms)
            found = at;
        ++*count;
    }
    return found;
}

static void make_room(struct opp_browsers *browsers, const char *token_hash, int64_t monotonic_ms)
{
    struct kept **oldest;
    size_t count;

    drop_those_that_are_over(browsers, monotonic_ms);
    oldest = longest_unused(browsers, token_hash, &count);
    if (count >= OPP_BROWSERS_PER_TOKEN_MAX)
        drop(browsers, oldest);
    oldest = longest_unused(browsers, NULL, &count);
    if (count >= OPP_BROWSERS_MAX)
        drop(browsers, oldest);
}

static enum opp_code make_secret(char secret[OPP_BROWSER_SECRET_MAX], struct opp_err *err)
{
    unsigned char bytes[SECRET_BYTES];
    enum opp_code rc = opp_random(bytes, sizeof bytes, err);

    if (rc == OPP_OK)
        opp_hex(bytes, sizeof bytes, secret);
    return rc;
}

static void add(struct opp_browsers *browsers, struct kept *kept)
{
    pthread_mutex_lock(&browsers->lock);
    make_room(browsers, kept->session.token_hash, kept->began_ms);
    kept->next = browsers->first;
    browsers->first = kept;
    browsers->count++;
    pthread_mutex_unlock(&browsers->lock);
}

enum opp_code opp_browser_begin(struct opp_browsers *browsers, struct opp_browser_session *wish, int64_t now_ms,
                                char secret[OPP_BROWSER_SECRET_MAX], struct opp_err *err)
{
    struct kept *kept = calloc(1, sizeof *kept);
    enum opp_code rc;

    if (kept == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a session");
    rc = make_secret(secret, err);
    if (rc != OPP_OK) {
        free(kept);
        return rc;
    }
    wish->created_at = wish->last_used_at = now_ms;
    wish->expires_at = now_ms + browsers->lifetime_ms;
    kept->session = *wish;
    kept->began_ms = kept->used_ms = opp_monotonic_ms();
    opp_hash_hex(secret, strlen(secret), kept->secret_hash);
    add(browsers, kept);
    return OPP_OK;
}

static enum opp_code find(struct opp_browsers *browsers, const char *secret_hash, int64_t now_ms,
                          struct opp_browser_session *out)
{
    struct kept **at = &browsers->first;
    int64_t monotonic_ms = opp_monotonic_ms();

    while (*at != NULL && strcmp((*at)->secret_hash, secret_hash) != 0)
        at = &(*at)->next;
    if (*at == NULL)
        return OPP_E_TOKEN_INVALID;
    if (is_over(browsers, *at, monotonic_ms)) {
        drop(browsers, at);
        return OPP_E_TOKEN_EXPIRED;
    }
    (*at)->used_ms = monotonic_ms;
    (*at)->session.last_used_at = now_ms;
    *out = (*at)->session;
    return OPP_OK;
}

enum opp_code opp_browser_find(struct opp_browsers *browsers, const char *secret, int64_t now_ms,
                               struct opp_browser_session *out)
{
    char secret_hash[OPP_HASH_HEX];
    enum opp_code rc;

    opp_hash_hex(secret, strlen(secret), secret_hash);
    pthread_mutex_lock(&browsers->lock);
    rc = find(browsers, secret_hash, now_ms, out);
    pthread_mutex_unlock(&browsers->lock);
    return rc;
}

static struct kept **find_id(struct opp_browsers *browsers, const char *id)
{
    struct kept **at = &browsers->first;

    drop_those_that_are_over(browsers, opp_monotonic_ms());
    while (*at != NULL && strcmp((*at)->session.id, id) != 0)
        at = &(*at)->next;
    return at;
}

bool opp_browser_lives(struct opp_browsers *browsers, const char *id)
{
    bool found;

    pthread_mutex_lock(&browsers->lock);
    found = *find_id(browsers, id) != NULL;
    pthread_mutex_unlock(&browsers->lock);
    return found;
}

bool opp_browser_end(struct opp_browsers *browsers, const char *id)
{
    struct kept **at;
    bool found;

    pthread_mutex_lock(&browsers->lock);
    at = find_id(browsers, id);
    found = *at != NULL;
    if (found)
        drop(browsers, at);
    pthread_mutex_unlock(&browsers->lock);
    return found;
}

void opp_browsers_each(struct opp_browsers *browsers,
                       void (*each)(void *arg, const struct opp_browser_session *session), void *arg)
{
    pthread_mutex_lock(&browsers->lock);
    drop_those_that_are_over(browsers, opp_monotonic_ms());
    for (const struct kept *kept = browsers->first; kept != NULL; kept = kept->next)
        each(arg, &kept->session);
    pthread_mutex_unlock(&browsers->lock);
}

void opp_browser_csrf_token(const struct opp_browsers *browsers, const char *id, char token[OPP_HASH_HEX])
{
    opp_hmac_hex(browsers->csrf_key, id, strlen(id), token);
}

/* The value of a pair, if it could be a secret: its hexadecimal digits, and nothing behind them. */
static bool read_secret(const char *value, size_t length, char secret[OPP_BROWSER_SECRET_MAX])
{
    if (length != OPP_BROWSER_SECRET_MAX - 1 || strspn(value, "0123456789abcdef") < length)
        return false;
    memcpy(secret, value, length);
    secret[length] = '\0';
    return true;
}

bool opp_browser_read_cookie(const char *cookie, char secret[OPP_BROWSER_SECRET_MAX])
{
    static const char name[] = OPP_BROWSER_COOKIE "=";
    bool found = false, twice = false;

    while (*cookie != '\0') {
        size_t length;

        cookie += strspn(cookie, " \t;");
        length = strcspn(cookie, ";");
        if (strncmp(cookie, name, sizeof name - 1) == 0) {
            twice = twice || found;
            found = read_secret(cookie + sizeof name - 1, strcspn(cookie + sizeof name - 1, "; \t"), secret);
            twice = twice || !found;
        }
        cookie += length;
    }
    return found && !twice;
}
