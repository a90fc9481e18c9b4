/* SPDX-License-Identifier: MIT
 *
 * A name that is not resolved in time holds up nobody.
 */
#include "adapter/upstream_fixture.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct upstream_fixture f;
static atomic_int asked, told, released;

/* In the place of the C library's, also for curl: knows nothing, and says so only when it is let. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    (void)name;
    (void)service;
    (void)hints;
    (void)out;
    atomic_fetch_add(&asked, 1);
    while (atomic_load(&released) == 0)
        usleep(1000);
    atomic_fetch_add(&told, 1);
    return EAI_NONAME;
}

static void nothing(struct fake_upstream *fake, int fd)
{
    (void)fake;
    (void)fd;
}

static enum opp_upstream_outcome ask(void)
{
    struct opp_upstream_request request = upstream_request(&f, "POST", "/x");

    upstream_send(&f, &request, 1);
    opp_upstream_close(&request);
    return request.outcome;
}

static void a_name_that_takes_long_is_not_waited_for(void **state)
{
    (void)state;
    upstream_begin(&f, nothing, NULL);
    f.settings.base_url = "https://crm.example.com";
    f.settings.timeout_ms = 100;
    upstream_open(&f);
    assert_int_equal(ask(), OPP_UPSTREAM_NOT_SENT);
    assert_int_equal(atomic_load(&asked), 1);
    assert_int_equal(atomic_load(&told), 0); /* it has not come back, and still we have */
    f.settings.timeout_ms = 5000;
    upstream_close(&f);
    atomic_store(&released, 1);
    upstream_open(&f);
    assert_int_equal(ask(), OPP_UPSTREAM_NOT_SENT); /* there is no such name */
    upstream_end(&f);
    while (atomic_load(&told) < atomic_load(&asked))
        usleep(1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_name_that_takes_long_is_not_waited_for) };

    return cmocka_run_group_tests_name("upstream resolver", tests, NULL, NULL);
}
