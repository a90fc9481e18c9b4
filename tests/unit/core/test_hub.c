/* SPDX-License-Identifier: MIT */
#include "core/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static struct opp_hub *hub;
static struct opp_loop *loop;

static int set_up(void **state)
{
    (void)state;
    return opp_hub_new(&hub, NULL) == OPP_OK && opp_loop_new(&loop, NULL) == OPP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    opp_loop_free(loop);
    opp_hub_free(hub);
    return 0;
}

static void count(void *arg)
{
    ++*(int *)arg;
}

/* Runs what is posted by now. */
static void settle(void)
{
    opp_loop_stop(loop);
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
}

static void a_notice_reaches_who_watches_its_subject(void **state)
{
    int a = 0, b = 0, any = 0;
    struct opp_watch *of_a = opp_hub_watch(hub, loop, "a", count, &a);
    struct opp_watch *of_b = opp_hub_watch(hub, loop, "b", count, &b);
    struct opp_watch *of_any = opp_hub_watch(hub, loop, NULL, count, &any);

    (void)state;
    opp_hub_notify(hub, "a");
    settle();
    assert_int_equal(a, 1);
    assert_int_equal(b, 0);
    assert_int_equal(any, 1);
    opp_hub_notify(hub, NULL);
    settle();
    assert_int_equal(a, 2);
    assert_int_equal(b, 1);
    assert_int_equal(any, 2);
    opp_hub_unwatch(of_a);
    opp_hub_unwatch(of_any);
    opp_hub_notify(hub, "a");
    opp_hub_notify(hub, "b");
    settle();
    assert_int_equal(a, 2);
    assert_int_equal(b, 2);
    assert_int_equal(any, 2);
    opp_hub_unwatch(of_b);
    opp_hub_unwatch(NULL);
}

static void several_notices_may_be_one_and_the_next_is_another(void **state)
{
    int calls = 0;
    struct opp_watch *watch = opp_hub_watch(hub, loop, "a", count, &calls);

    (void)state;
    for (int i = 0; i < 10; i++)
        opp_hub_notify(hub, "a");
    settle();
    assert_int_equal(calls, 1);
    opp_hub_notify(hub, "a");
    settle();
    assert_int_equal(calls, 2);
    opp_hub_unwatch(watch);
}

static void who_unwatches_is_not_called_by_a_notice_on_its_way(void **state)
{
    int calls = 0;
    struct opp_watch *first = opp_hub_watch(hub, loop, "a", count, &calls);
    struct opp_watch *second = opp_hub_watch(hub, loop, "a", count, &calls);

    (void)state;
    opp_hub_notify(hub, "a");
    opp_hub_unwatch(first);
    settle();
    assert_int_equal(calls, 1);
    opp_hub_notify(hub, "a");
    opp_hub_unwatch(second); /* the notice is left to the loop's end */
}

struct self {
    struct opp_watch *watch;
    int calls;
};

static void unwatch_self(void *arg)
{
    struct self *self = arg;

    self->calls++;
    opp_hub_unwatch(self->watch);
    self->watch = NULL;
}

static void who_is_called_may_unwatch(void **state)
{
    struct self self = { 0 };

    (void)state;
    self.watch = opp_hub_watch(hub, loop, "a", unwatch_self, &self);
    opp_hub_notify(hub, "a");
    settle();
    opp_hub_notify(hub, "a");
    settle();
    assert_int_equal(self.calls, 1);
}

#define WATCHERS 3
#define NOTIFIERS 2
#define ROUNDS 2000
#define CALLS 100
#define HELD 4

/* One loop's thread: takes watches up and gives them up again while others notify. */
struct held {
    struct opp_watch *watch;
    bool live;
    long *calls, *wrong;
};

struct watcher {
    pthread_t thread;
    struct opp_loop *loop;
    struct opp_post post;
    int round, last; /* last: the round from which watches are only given up */
    long calls, wrong;
    struct held held[HELD];
};

static void on_notice(void *arg)
{
    struct held *held = arg;

    ++*held->calls;
    *held->wrong += held->live ? 0 : 1;
}

static void next_round(void *arg)
{
    static const char *const subjects[HELD] = { "a", "b", NULL, "c" };
    struct watcher *watcher = arg;
    struct held *held = &watcher->held[watcher->round % HELD];

    if (held->live)
        opp_hub_unwatch(held->watch);
    if (watcher->last == 0 && watcher->round >= ROUNDS && watcher->calls >= CALLS)
        watcher->last = watcher->round;
    held->live = !held->live && watcher->last == 0;
    if (held->live)
        held->watch = opp_hub_watch(hub, watcher->loop, subjects[watcher->round % HELD], on_notice, held);
    if (++watcher->round >= watcher->last + HELD && watcher->last != 0) {
        opp_loop_stop(watcher->loop);
        return;
    }
    watcher->post = (struct opp_post){ .run = next_round, .arg = watcher };
    opp_loop_post(watcher->loop, &watcher->post);
}

static void *watch_on(void *arg)
{
    struct watcher *watcher = arg;

    next_round(watcher);
    opp_loop_run(watcher->loop, NULL);
    return NULL;
}

static void *notify_on(void *arg)
{
    atomic_bool *stop = arg;

    while (!atomic_load(stop)) {
        opp_hub_notify(hub, "a");
        opp_hub_notify(hub, "b");
        opp_hub_notify(hub, NULL);
    }
    return NULL;
}

static void threads_watch_and_notify_without_a_late_call(void **state)
{
    struct watcher watchers[WATCHERS] = { 0 };
    pthread_t notifiers[NOTIFIERS];
    atomic_bool stop = false;

    (void)state;
    for (int i = 0; i < NOTIFIERS; i++)
        assert_int_equal(pthread_create(&notifiers[i], NULL, notify_on, &stop), 0);
    for (int i = 0; i < WATCHERS; i++) {
        assert_int_equal(opp_loop_new(&watchers[i].loop, NULL), OPP_OK);
        for (int n = 0; n < HELD; n++)
            watchers[i].held[n] = (struct held){ .calls = &watchers[i].calls, .wrong = &watchers[i].wrong };
        assert_int_equal(pthread_create(&watchers[i].thread, NULL, watch_on, &watchers[i]), 0);
    }
    for (int i = 0; i < WATCHERS; i++)
        pthread_join(watchers[i].thread, NULL);
    atomic_store(&stop, true);
    for (int i = 0; i < NOTIFIERS; i++)
        pthread_join(notifiers[i], NULL);
    for (int i = 0; i < WATCHERS; i++) {
        opp_loop_free(watchers[i].loop);
        assert_int_equal(watchers[i].wrong, 0);
        assert_true(watchers[i].calls >= CALLS);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_notice_reaches_who_watches_its_subject),
        TEST(several_notices_may_be_one_and_the_next_is_another),
        TEST(who_unwatches_is_not_called_by_a_notice_on_its_way),
        TEST(who_is_called_may_unwatch),
        TEST(threads_watch_and_notify_without_a_late_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
