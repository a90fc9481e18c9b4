/* SPDX-License-Identifier: MIT
 *
 * base/loop.h - one thread's event loop: timers for its own use, and a mailbox that other threads post work to.
 * May include: base.
 */
#ifndef OPP_BASE_LOOP_H
#define OPP_BASE_LOOP_H

#include "base/error.h"

#include <stdint.h>

struct event_base;
struct opp_loop;
struct opp_timer;
struct opp_watch;

typedef void (*opp_loop_fn)(void *arg);

/* A piece of work for a loop. The caller embeds it where it lives until it ran, so posting never allocates. */
struct opp_post {
    struct opp_post *next;
    opp_loop_fn run;
    void *arg;
};

/* Gives a loop that nobody runs yet. OPP_E_IO: no descriptor or memory left. */
enum opp_code opp_loop_new(struct opp_loop **out, struct opp_err *err);
/* The loop must have ended. Posts still waiting are run first, so that nobody's completion is lost. */
void opp_loop_free(struct opp_loop *loop);

/* Runs on the calling thread until opp_loop_stop. */
enum opp_code opp_loop_run(struct opp_loop *loop, struct opp_err *err);

/* From any thread: run post->run(post->arg) on the loop's thread, in the order of posting. */
void opp_loop_post(struct opp_loop *loop, struct opp_post *post);
/* On the loop's own thread: as opp_loop_post, but after what sockets are ready for by then: a reply that was handed
 * over for sending is with the kernel before, unless its peer does not take it. */
void opp_loop_defer(struct opp_loop *loop, struct opp_post *post);
/* From any thread: leave opp_loop_run after what is posted already. */
void opp_loop_stop(struct opp_loop *loop);

/* On the loop's own thread: call fn once, after_ms from now. Gives a timer, NULL when memory is out;
 * cancel it or let it fire, either frees it. */
struct opp_timer *opp_timer_start(struct opp_loop *loop, int64_t after_ms, opp_loop_fn fn, void *arg);
void opp_timer_cancel(struct opp_timer *timer);

/* What a descriptor is watched for, and found to be. */
#define OPP_WATCH_READ 1U
#define OPP_WATCH_WRITE 2U
typedef void (*opp_watch_fn)(void *arg, int fd, unsigned ready);

/* On the loop's own thread: call fn whenever fd is ready for any of what. Gives a watch, NULL when memory is out; stop
 * it before fd is closed. */
struct opp_watch *opp_watch_start(struct opp_loop *loop, int fd, unsigned what, opp_watch_fn fn, void *arg);
void opp_watch_stop(struct opp_watch *watch); /* NULL allowed */

/* Lends the libevent base, for the layer that speaks to sockets. */
struct event_base *opp_loop_base(struct opp_loop *loop);

#endif
