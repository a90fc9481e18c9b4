/* SPDX-License-Identifier: MIT */
#include "core/browser.h"
#include "core/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define HOUR INT64_C(3600000)
#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define MINUTE INT64_C(60000)

static int64_t monotonic_ms = 12345;

int64_t __wrap_opp_monotonic_ms(void);
int64_t __wrap_opp_monotonic_ms(void)
{
    return monotonic_ms;
}

static struct opp_browsers *made(int64_t idle_ms, int64_t lifetime_ms)
{
    struct opp_browsers *browsers = NULL;

    assert_int_equal(opp_browsers_new(idle_ms, lifetime_ms, &browsers, NULL), OPP_OK);
    return browsers;
}

static void begin(struct opp_browsers *browsers, const char *id, const char *token_hash, char *secret)
{
    struct opp_browser_session wish = { .user_id = "u" };

    snprintf(wish.id, sizeof wish.id, "%s", id);
    snprintf(wish.token_hash, sizeof wish.token_hash, "%s", token_hash);
    assert_int_equal(opp_browser_begin(browsers, &wish, 1000, secret, NULL), OPP_OK);
    assert_int_equal(wish.created_at, 1000);
}

static enum opp_code find(struct opp_browsers *browsers, const char *secret)
{
    struct opp_browser_session found;

    return opp_browser_find(browsers, secret, 2000, &found);
}

static void a_session_is_known_by_its_secret_alone(void **state)
{
    struct opp_browsers *browsers = made(HOUR, HOUR);
    char one[OPP_BROWSER_SECRET_MAX], other[OPP_BROWSER_SECRET_MAX];
    struct opp_browser_session found;

    (void)state;
    begin(browsers, "ses_1", "a", one);
    begin(browsers, "ses_2", "a", other);
    assert_string_not_equal(one, other);
    assert_int_equal(strlen(one), OPP_BROWSER_SECRET_MAX - 1);
    assert_int_equal(opp_browser_find(browsers, one, 2000, &found), OPP_OK);
    assert_string_equal(found.id, "ses_1");
    assert_int_equal(found.last_used_at, 2000);
    assert_int_equal(found.expires_at, 1000 + HOUR);
    assert_int_equal(find(browsers, SECRET), OPP_E_TOKEN_INVALID);
    assert_int_equal(find(browsers, ""), OPP_E_TOKEN_INVALID);
    assert_true(opp_browser_end(browsers, "ses_1"));
    assert_false(opp_browser_end(browsers, "ses_1"));
    assert_false(opp_browser_lives(browsers, "ses_1"));
    assert_true(opp_browser_lives(browsers, "ses_2"));
    assert_int_equal(find(browsers, one), OPP_E_TOKEN_INVALID);
    opp_browsers_free(browsers);
}

/* As it is where nobody sets anything: fifteen minutes without use, and eight hours at all. */
static struct opp_browsers *made_as_by_default(void)
{
    const struct opp_settings settings = OPP_SETTINGS_DEFAULT;

    assert_int_equal(settings.session_idle_ms, 15 * MINUTE);
    assert_int_equal(settings.session_lifetime_ms, 8 * HOUR);
    return made(settings.session_idle_ms, settings.session_lifetime_ms);
}

static void a_session_that_is_not_used_ends_after_fifteen_minutes(void **state)
{
    struct opp_browsers *browsers = made_as_by_default();
    char used[OPP_BROWSER_SECRET_MAX], unused[OPP_BROWSER_SECRET_MAX];

    (void)state;
    begin(browsers, "ses_1", "a", used);
    begin(browsers, "ses_2", "a", unused);
    monotonic_ms += 15 * MINUTE - 1;
    assert_int_equal(find(browsers, used), OPP_OK);
    assert_true(opp_browser_lives(browsers, "ses_2")); /* no use of it */
    monotonic_ms++;
    assert_int_equal(find(browsers, unused), OPP_E_TOKEN_EXPIRED);
    assert_int_equal(find(browsers, unused), OPP_E_TOKEN_INVALID);
    assert_int_equal(find(browsers, used), OPP_OK);
    monotonic_ms += 15 * MINUTE;
    assert_false(opp_browser_lives(browsers, "ses_1"));
    assert_false(opp_browser_end(browsers, "ses_1"));
    opp_browsers_free(browsers);
}

static void a_session_that_is_used_ends_after_eight_hours(void **state)
{
    struct opp_browsers *browsers = made_as_by_default();
    char secret[OPP_BROWSER_SECRET_MAX];
    int64_t began_ms = monotonic_ms;

    (void)state;
    begin(browsers, "ses_1", "a", secret);
    while (monotonic_ms < began_ms + 8 * HOUR - MINUTE) {
        monotonic_ms += MINUTE;
        assert_int_equal(find(browsers, secret), OPP_OK);
    }
    monotonic_ms = began_ms + 8 * HOUR - 1;
    assert_true(opp_browser_lives(browsers, "ses_1"));
    monotonic_ms++;
    assert_false(opp_browser_lives(browsers, "ses_1"));
    assert_int_equal(find(browsers, secret), OPP_E_TOKEN_INVALID);
    opp_browsers_free(browsers);
}

static void count(void *arg, const struct opp_browser_session *session)
{
    (void)session;
    ++*(size_t *)arg;
}

static void tokens_and_all_together_have_so_many_and_no_more(void **state)
{
    struct opp_browsers *browsers = made(HOUR, HOUR);
    char secrets[OPP_BROWSERS_PER_TOKEN_MAX + 1][OPP_BROWSER_SECRET_MAX], secret[OPP_BROWSER_SECRET_MAX];
    char id[OPP_ID_MAX], token[32];
    size_t number = 0;

    (void)state;
    for (int i = 0; i <= OPP_BROWSERS_PER_TOKEN_MAX; i++) {
        snprintf(id, sizeof id, "ses_%d", i);
        begin(browsers, id, "a", secrets[i]);
        monotonic_ms += 2;
        if (i == OPP_BROWSERS_PER_TOKEN_MAX - 1) /* so that the second is the one that waits longest */
            assert_int_equal(find(browsers, secrets[0]), OPP_OK);
    }
    assert_int_equal(find(browsers, secrets[0]), OPP_OK);
    assert_int_equal(find(browsers, secrets[1]), OPP_E_TOKEN_INVALID);
    assert_int_equal(find(browsers, secrets[2]), OPP_OK);
    for (int i = 0; i < OPP_BROWSERS_MAX + 10; i++) {
        snprintf(id, sizeof id, "ses_x%d", i);
        snprintf(token, sizeof token, "t%d", i);
        begin(browsers, id, token, secret);
    }
    opp_browsers_each(browsers, count, &number);
    assert_int_equal(number, OPP_BROWSERS_MAX);
    opp_browsers_free(browsers);
}

static void a_csrf_token_is_one_sessions(void **state)
{
    struct opp_browsers *browsers = made(HOUR, HOUR), *others = made(HOUR, HOUR);
    char one[OPP_HASH_HEX], again[OPP_HASH_HEX], other[OPP_HASH_HEX], elsewhere[OPP_HASH_HEX];

    (void)state;
    opp_browser_csrf_token(browsers, "ses_1", one);
    opp_browser_csrf_token(browsers, "ses_1", again);
    opp_browser_csrf_token(browsers, "ses_2", other);
    opp_browser_csrf_token(others, "ses_1", elsewhere);
    assert_string_equal(one, again);
    assert_string_not_equal(one, other);
    assert_string_not_equal(one, elsewhere);
    opp_browsers_free(browsers);
    opp_browsers_free(others);
}

static void a_cookie_is_found_among_others_where_there_is_one(void **state)
{
    static const struct {
        const char *cookie;
        bool found;
    } cases[] = {
        { "__Host-oppd=" SECRET, true },
        { "a=b; __Host-oppd=" SECRET, true },
        { "a=b;__Host-oppd=" SECRET ";c=d", true },
        { "__Host-oppd=" SECRET " ; c", true },
        { "", false },
        { ";;; ; ", false },
        { "a=__Host-oppd=" SECRET, false },
        { "__Host-oppd", false },
        { "__Host-oppd=", false },
        { "__Host-oppd=" SECRET "0", false },
        { "__Host-oppd=\"" SECRET "\"", false },
        { "__Host-oppd=" SECRET "; __Host-oppd=" SECRET, false },
        { "__Host-oppd=" SECRET "; __Host-oppd=x", false },
        { "__Host-oppd=x; __Host-oppd=" SECRET, false },
        { "__Host-oppd=ABCDEF" SECRET, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char secret[OPP_BROWSER_SECRET_MAX] = "";

        if (opp_browser_read_cookie(cases[i].cookie, secret) != cases[i].found)
            fail_msg("%s", cases[i].cookie);
        assert_true(!cases[i].found || strcmp(secret, SECRET) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_known_by_its_secret_alone),
        cmocka_unit_test(a_session_that_is_not_used_ends_after_fifteen_minutes),
        cmocka_unit_test(a_session_that_is_used_ends_after_eight_hours),
        cmocka_unit_test(tokens_and_all_together_have_so_many_and_no_more),
        cmocka_unit_test(a_csrf_token_is_one_sessions),
        cmocka_unit_test(a_cookie_is_found_among_others_where_there_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
