/* SPDX-License-Identifier: MIT */
#include "base/loop.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define POSTERS 4
#define POSTS_EACH 2000

struct mail {
    struct opp_post post;
    struct poster *poster;
    int number;
};

struct poster {
    struct opp_loop *loop;
    pthread_t thread;
    int expected; /* of the loop's thread */
    int *left;
    struct mail mails[POSTS_EACH];
};

static struct opp_loop *new_loop(void)
{
    struct opp_loop *loop = NULL;

    assert_int_equal(opp_loop_new(&loop, NULL), OPP_OK);
    return loop;
}

static void on_mail(void *arg)
{
    struct mail *mail = arg;

    assert_int_equal(mail->number, mail->poster->expected);
    mail->poster->expected++;
    if (--*mail->poster->left == 0)
        opp_loop_stop(mail->poster->loop);
}

static void *post_all(void *arg)
{
    struct poster *poster = arg;

    for (int i = 0; i < POSTS_EACH; i++) {
        struct mail *mail = &poster->mails[i];

        *mail = (struct mail){ .post = { .run = on_mail, .arg = mail }, .poster = poster, .number = i };
        opp_loop_post(poster->loop, &mail->post);
    }
    return NULL;
}

static void posts_of_each_thread_arrive_in_order(void **state)
{
    struct poster *posters = calloc(POSTERS, sizeof *posters);
    struct opp_loop *loop = new_loop();
    int left = POSTERS * POSTS_EACH;

    (void)state;
    assert_non_null(posters);
    for (int i = 0; i < POSTERS; i++) {
        posters[i].loop = loop;
        posters[i].left = &left;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    assert_int_equal(left, 0);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    opp_loop_free(loop);
    free(posters);
}

struct step {
    struct opp_post post;
    char *trail;
    char letter;
};

static void add_letter(void *arg)
{
    struct step *step = arg;
    char *at = step->trail;

    while (*at != '\0')
        at++;
    *at = step->letter;
}

static struct step step_of(char *trail, char letter)
{
    return (struct step){ .trail = trail, .letter = letter };
}

static void post_step(struct opp_loop *loop, struct step *step)
{
    step->post.run = add_letter;
    step->post.arg = step;
    opp_loop_post(loop, &step->post);
}

static void what_is_posted_before_the_stop_is_run(void **state)
{
    char trail[8] = "";
    struct step a = step_of(trail, 'a'), b = step_of(trail, 'b');
    struct opp_loop *loop = new_loop();

    (void)state;
    post_step(loop, &a);
    post_step(loop, &b);
    opp_loop_stop(loop);
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    assert_string_equal(trail, "ab");
    opp_loop_free(loop);
}

static void what_waits_at_the_end_is_run_by_free(void **state)
{
    char trail[8] = "";
    struct step a = step_of(trail, 'a'), b = step_of(trail, 'b');
    struct opp_loop *loop = new_loop();

    (void)state;
    post_step(loop, &a);
    post_step(loop, &b);
    opp_loop_free(loop);
    assert_string_equal(trail, "ab");
}

static void free_a_post(void *arg)
{
    free(arg);
}

static void a_post_may_be_freed_by_what_it_runs(void **state)
{
    struct opp_loop *loop = new_loop();

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct opp_post *post = calloc(1, sizeof *post);

        assert_non_null(post);
        post->run = free_a_post;
        post->arg = post;
        opp_loop_post(loop, post);
    }
    opp_loop_stop(loop);
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    opp_loop_free(loop);
}

static void stop_loop(void *arg)
{
    opp_loop_stop(arg);
}

static void timers_fire_once_in_the_order_of_their_times(void **state)
{
    char trail[8] = "";
    struct step a = step_of(trail, 'a'), b = step_of(trail, 'b'), c = step_of(trail, 'c');
    struct opp_loop *loop = new_loop();
    int64_t start_ms = opp_monotonic_ms();

    (void)state;
    assert_non_null(opp_timer_start(loop, 40, add_letter, &c));
    assert_non_null(opp_timer_start(loop, 0, add_letter, &a));
    assert_non_null(opp_timer_start(loop, 20, add_letter, &b));
    assert_non_null(opp_timer_start(loop, 60, stop_loop, loop));
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    assert_true(opp_monotonic_ms() - start_ms >= 55);
    assert_string_equal(trail, "abc");
    opp_loop_free(loop);
}

static void cancel(void *arg)
{
    struct opp_timer **timer = arg;

    opp_timer_cancel(*timer);
}

static void a_cancelled_timer_does_not_fire(void **state)
{
    char trail[8] = "";
    struct step never = step_of(trail, 'x'), kept = step_of(trail, 'k');
    struct opp_loop *loop = new_loop();
    struct opp_timer *first = opp_timer_start(loop, 5, add_letter, &never);
    struct opp_timer *second = opp_timer_start(loop, 20, add_letter, &never);

    (void)state;
    assert_non_null(first);
    assert_non_null(second);
    opp_timer_cancel(first);
    opp_timer_cancel(NULL);
    assert_non_null(opp_timer_start(loop, 5, cancel, &second));
    assert_non_null(opp_timer_start(loop, 30, add_letter, &kept));
    assert_non_null(opp_timer_start(loop, 40, stop_loop, loop));
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    assert_string_equal(trail, "k");
    opp_loop_free(loop);
}

static void *stop_from_outside(void *arg)
{
    opp_loop_stop(arg);
    return NULL;
}

static void another_thread_may_stop_it(void **state)
{
    struct opp_loop *loop = new_loop();
    pthread_t thread;

    (void)state;
    assert_non_null(opp_loop_base(loop));
    assert_int_equal(pthread_create(&thread, NULL, stop_from_outside, loop), 0);
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    pthread_join(thread, NULL);
    opp_loop_free(loop);
    opp_loop_free(NULL);
}

/* A reply on its way: something that the next round finds ready to be written. */
struct reply {
    struct opp_loop *loop;
    struct opp_post send, later, last;
    int ends[2];
    struct event *event;
    char order[8];
};

static void note(struct reply *reply, char what)
{
    reply->order[strlen(reply->order)] = what;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    note(arg, 'w');
}

static void on_later(void *arg)
{
    struct reply *reply = arg;

    note(reply, 'l');
    opp_loop_defer(reply->loop, &reply->last);
}

static void on_last(void *arg)
{
    struct reply *reply = arg;

    note(reply, 'e');
    opp_loop_stop(reply->loop);
}

static void send_reply(void *arg)
{
    struct reply *reply = arg;

    opp_loop_defer(reply->loop, &reply->later);
    assert_int_equal(event_add(reply->event, NULL), 0);
    note(reply, 's');
}

static void what_is_deferred_runs_after_what_is_ready_to_be_sent(void **state)
{
    struct reply reply = { .loop = new_loop() };

    (void)state;
    assert_int_equal(pipe(reply.ends), 0);
    reply.event = event_new(opp_loop_base(reply.loop), reply.ends[1], EV_WRITE, on_writable, &reply);
    assert_non_null(reply.event);
    reply.send = (struct opp_post){ .run = send_reply, .arg = &reply };
    reply.later = (struct opp_post){ .run = on_later, .arg = &reply };
    reply.last = (struct opp_post){ .run = on_last, .arg = &reply };
    opp_loop_post(reply.loop, &reply.send);
    assert_int_equal(opp_loop_run(reply.loop, NULL), OPP_OK);
    assert_string_equal(reply.order, "swle");
    event_free(reply.event);
    opp_loop_free(reply.loop);
    close(reply.ends[0]);
    close(reply.ends[1]);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void what_is_deferred_at_the_end_is_run_by_free(void **state)
{
    struct opp_loop *loop = new_loop();
    int ran = 0;
    struct opp_post post = { .run = count, .arg = &ran };

    (void)state;
    opp_loop_defer(loop, &post);
    opp_loop_free(loop);
    assert_int_equal(ran, 1);
}

/* Both ends of a connection, of which one is watched. */
struct watched {
    struct opp_loop *loop;
    struct opp_watch *watch;
    int ends[2], read, written;
};

static void on_byte(void *arg, int fd, unsigned ready)
{
    struct watched *watched = arg;
    char byte;

    assert_int_equal(fd, watched->ends[0]);
    assert_int_equal(ready, OPP_WATCH_READ);
    assert_int_equal(read(fd, &byte, 1), 1);
    if (++watched->read == 2) { /* it may be stopped by what it calls */
        opp_watch_stop(watched->watch);
        opp_loop_stop(watched->loop);
    }
}

static void on_room(void *arg, int fd, unsigned ready)
{
    struct watched *watched = arg;

    assert_int_equal(ready, OPP_WATCH_WRITE);
    opp_watch_stop(watched->watch);
    watched->written++;
    assert_int_equal(write(watched->ends[1], "ab", 2), 2);
    watched->watch = opp_watch_start(watched->loop, fd, OPP_WATCH_READ, on_byte, watched);
    assert_non_null(watched->watch);
}

static void a_descriptor_is_watched_until_that_is_stopped(void **state)
{
    struct watched watched = { .loop = new_loop() };

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, watched.ends), 0);
    watched.watch = opp_watch_start(watched.loop, watched.ends[0], OPP_WATCH_WRITE, on_room, &watched);
    assert_int_equal(opp_loop_run(watched.loop, NULL), OPP_OK);
    assert_int_equal(watched.written, 1);
    assert_int_equal(watched.read, 2);
    opp_loop_free(watched.loop);
    close(watched.ends[0]);
    close(watched.ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_of_each_thread_arrive_in_order),
        cmocka_unit_test(what_is_posted_before_the_stop_is_run),
        cmocka_unit_test(what_waits_at_the_end_is_run_by_free),
        cmocka_unit_test(a_post_may_be_freed_by_what_it_runs),
        cmocka_unit_test(timers_fire_once_in_the_order_of_their_times),
        cmocka_unit_test(a_cancelled_timer_does_not_fire),
        cmocka_unit_test(another_thread_may_stop_it),
        cmocka_unit_test(what_is_deferred_runs_after_what_is_ready_to_be_sent),
        cmocka_unit_test(what_is_deferred_at_the_end_is_run_by_free),
        cmocka_unit_test(a_descriptor_is_watched_until_that_is_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
