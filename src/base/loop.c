/* SPDX-License-Identifier: MIT */
#include "base/loop.h"

#include "base/reserve.h"

#include <event2/event.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct posts {
    struct opp_post *first;
    struct opp_post **last;
};

struct opp_loop {
    struct event_base *base;
    struct event *wake, *later;
    int wake_fd;
    pthread_mutex_t lock; /* guards posted and stopping */
    struct posts posted, deferred;
    bool stopping;
};

struct opp_timer {
    struct event *event;
    opp_loop_fn fn;
    void *arg;
};

struct opp_watch {
    struct event *event;
    opp_watch_fn fn;
    void *arg;
};

static struct opp_post *take_all(struct posts *posts)
{
    struct opp_post *taken = posts->first;

    *posts = (struct posts){ .last = &posts->first };
    return taken;
}

/* Says whether it is the first. */
static bool append(struct posts *posts, struct opp_post *post)
{
    bool first = posts->first == NULL;

    post->next = NULL;
    *posts->last = post;
    posts->last = &post->next;
    return first;
}

static struct opp_post *take_posts(struct opp_loop *loop, bool *stopping)
{
    struct opp_post *posts;

    pthread_mutex_lock(&loop->lock);
    posts = take_all(&loop->posted);
    *stopping = loop->stopping;
    pthread_mutex_unlock(&loop->lock);
    return posts;
}

/* A post may be freed by what it runs, so its successor is read before. */
static void run_posts(struct opp_post *posts)
{
    struct opp_post *next;

    for (; posts != NULL; posts = next) {
        next = posts->next;
        posts->run(posts->arg);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct opp_loop *loop = arg;
    uint64_t count;
    bool stopping;

    (void)what;
    if (read((int)fd, &count, sizeof count) < 0)
        return; /* another wake-up already took the count */
    run_posts(take_posts(loop, &stopping));
    if (stopping)
        event_base_loopbreak(loop->base);
}

/* libevent looks at timers when it has looked at sockets, and runs what it found in that order. */
static void on_later(evutil_socket_t fd, short what, void *arg)
{
    struct opp_loop *loop = arg;

    (void)fd;
    (void)what;
    run_posts(take_all(&loop->deferred));
}

static void wake(struct opp_loop *loop)
{
    static const uint64_t one = 1;

    while (write(loop->wake_fd, &one, sizeof one) < 0)
        ; /* only EINTR is possible: the counter cannot overflow by ones */
}

/* The changes that epoll is told are gathered until it waits: evhttp turns reading and writing off and on again within
 * a request, and most of that cancels out. So a closed descriptor is forgotten a moment late, when another worker may
 * have its number already: harmless, as the kernel dropped it at the close, but ThreadSanitizer cannot know. */
#ifdef OPP_EPOLL_AT_ONCE
static const int base_flags = 0;
#else
static const int base_flags = EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
#endif

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config == NULL)
        return NULL;
    if (event_config_set_flag(config, base_flags) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

enum opp_code opp_loop_new(struct opp_loop **out, struct opp_err *err)
{
    struct opp_loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an event loop");
    pthread_mutex_init(&loop->lock, NULL);
    loop->posted.last = &loop->posted.first;
    loop->deferred.last = &loop->deferred.first;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->base = new_base();
    if (loop->wake_fd >= 0 && loop->base != NULL) {
        loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
        loop->later = event_new(loop->base, -1, 0, on_later, loop);
    }
    if (loop->wake == NULL || loop->later == NULL || event_add(loop->wake, NULL) != 0) {
        opp_loop_free(loop);
        return opp_fail(err, OPP_E_IO, "cannot make an event loop");
    }
    *out = loop;
    return OPP_OK;
}

void opp_loop_free(struct opp_loop *loop)
{
    struct opp_post *posts;
    bool stopping;

    if (loop == NULL)
        return;
    while ((posts = take_posts(loop, &stopping)) != NULL || (posts = take_all(&loop->deferred)) != NULL)
        run_posts(posts);
    if (loop->wake != NULL)
        event_free(loop->wake);
    if (loop->later != NULL)
        event_free(loop->later);
    if (loop->base != NULL)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

enum opp_code opp_loop_run(struct opp_loop *loop, struct opp_err *err)
{
    if (event_base_dispatch(loop->base) < 0)
        return opp_fail(err, OPP_E_IO, "the event loop failed");
    return OPP_OK;
}

void opp_loop_post(struct opp_loop *loop, struct opp_post *post)
{
    bool first;

    pthread_mutex_lock(&loop->lock);
    first = append(&loop->posted, post);
    pthread_mutex_unlock(&loop->lock);
    if (first)
        wake(loop);
}

void opp_loop_defer(struct opp_loop *loop, struct opp_post *post)
{
    static const struct timeval now = { 0, 0 };

    if (event_add(loop->later, &now) == 0)
        append(&loop->deferred, post);
    else
        opp_loop_post(loop, post);
}

void opp_loop_stop(struct opp_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stopping = true;
    pthread_mutex_unlock(&loop->lock);
    wake(loop);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct opp_timer *timer = arg;
    opp_loop_fn fn = timer->fn;
    void *fn_arg = timer->arg;

    (void)fd;
    (void)what;
    opp_timer_cancel(timer);
    fn(fn_arg);
}

struct opp_timer *opp_timer_start(struct opp_loop *loop, int64_t after_ms, opp_loop_fn fn, void *arg)
{
    struct timeval after = { .tv_sec = after_ms / 1000, .tv_usec = (after_ms % 1000) * 1000 };
    struct opp_timer *timer = opp_reserve_malloc(sizeof *timer); /* what comes back by timer must not end for ever */

    if (timer == NULL)
        return NULL;
    *timer = (struct opp_timer){ .fn = fn, .arg = arg };
    timer->event = event_new(loop->base, -1, 0, on_timer, timer);
    if (timer->event == NULL || event_add(timer->event, &after) != 0) {
        opp_timer_cancel(timer);
        return NULL;
    }
    return timer;
}

void opp_timer_cancel(struct opp_timer *timer)
{
    if (timer == NULL)
        return;
    if (timer->event != NULL)
        event_free(timer->event);
    opp_reserve_free(timer);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct opp_watch *watch = arg;

    watch->fn(watch->arg, (int)fd,
              ((what & EV_READ) != 0 ? OPP_WATCH_READ : 0) | ((what & EV_WRITE) != 0 ? OPP_WATCH_WRITE : 0));
}

struct opp_watch *opp_watch_start(struct opp_loop *loop, int fd, unsigned what, opp_watch_fn fn, void *arg)
{
    struct opp_watch *watch = opp_reserve_malloc(sizeof *watch);
    int flags = EV_PERSIST;

    if (watch == NULL)
        return NULL;
    flags |= (what & OPP_WATCH_READ) != 0 ? EV_READ : 0;
    flags |= (what & OPP_WATCH_WRITE) != 0 ? EV_WRITE : 0;
    *watch = (struct opp_watch){ .fn = fn, .arg = arg };
    watch->event = event_new(loop->base, fd, (short)flags, on_ready, watch);
    if (watch->event == NULL || event_add(watch->event, NULL) != 0) {
        opp_watch_stop(watch);
        return NULL;
    }
    return watch;
}

void opp_watch_stop(struct opp_watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->event != NULL)
        event_free(watch->event);
    opp_reserve_free(watch);
}

struct event_base *opp_loop_base(struct opp_loop *loop)
{
    return loop->base;
}
