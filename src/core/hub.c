/* SPDX-License-Identifier: MIT */
#include "core/hub.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct opp_watch {
    struct opp_hub *hub;
    struct opp_watch *previous, *next;
    struct opp_loop *loop;
    struct opp_post post;
    opp_loop_fn fn;
    void *arg;
    bool posted, gone; /* with the hub's lock */
    char *subject;
};

struct opp_hub {
    pthread_mutex_t lock;
    struct opp_watch *first;
    atomic_bool closed;
};

enum opp_code opp_hub_new(struct opp_hub **out, struct opp_err *err)
{
    struct opp_hub *hub = calloc(1, sizeof *hub);

    if (hub == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for notices");
    pthread_mutex_init(&hub->lock, NULL);
    *out = hub;
    return OPP_OK;
}

void opp_hub_free(struct opp_hub *hub)
{
    if (hub == NULL)
        return;
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

static void free_watch(struct opp_watch *watch)
{
    free(watch->subject);
    free(watch);
}

/* Runs on the watch's loop. A watch that was given up while the post was on its way ends here. */
static void deliver(void *arg)
{
    struct opp_watch *watch = arg;
    bool gone;

    pthread_mutex_lock(&watch->hub->lock);
    watch->posted = false;
    gone = watch->gone;
    pthread_mutex_unlock(&watch->hub->lock);
    if (gone)
        free_watch(watch);
    else
        watch->fn(watch->arg);
}

struct opp_watch *opp_hub_watch(struct opp_hub *hub, struct opp_loop *loop, const char *subject, opp_loop_fn fn,
                                void *arg)
{
    struct opp_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    *watch = (struct opp_watch){ .hub = hub, .loop = loop, .fn = fn, .arg = arg };
    watch->subject = subject != NULL ? strdup(subject) : NULL;
    if (subject != NULL && watch->subject == NULL) {
        free(watch);
        return NULL;
    }
    pthread_mutex_lock(&hub->lock);
    watch->next = hub->first;
    if (hub->first != NULL)
        hub->first->previous = watch;
    hub->first = watch;
    pthread_mutex_unlock(&hub->lock);
    return watch;
}

void opp_hub_unwatch(struct opp_watch *watch)
{
    bool posted;

    if (watch == NULL)
        return;
    pthread_mutex_lock(&watch->hub->lock);
    if (watch->previous != NULL)
        watch->previous->next = watch->next;
    else
        watch->hub->first = watch->next;
    if (watch->next != NULL)
        watch->next->previous = watch->previous;
    watch->gone = true;
    posted = watch->posted;
    pthread_mutex_unlock(&watch->hub->lock);
    if (!posted)
        free_watch(watch);
}

void opp_hub_notify(struct opp_hub *hub, const char *subject)
{
    pthread_mutex_lock(&hub->lock);
    for (struct opp_watch *watch = hub->first; watch != NULL; watch = watch->next) {
        if (watch->posted || (subject != NULL && watch->subject != NULL && strcmp(subject, watch->subject) != 0))
            continue;
        watch->posted = true;
        watch->post = (struct opp_post){ .run = deliver, .arg = watch };
        opp_loop_post(watch->loop, &watch->post);
    }
    pthread_mutex_unlock(&hub->lock);
}

void opp_hub_close(struct opp_hub *hub)
{
    atomic_store(&hub->closed, true);
    opp_hub_notify(hub, NULL);
}

bool opp_hub_is_closed(const struct opp_hub *hub)
{
    return atomic_load(&hub->closed);
}
