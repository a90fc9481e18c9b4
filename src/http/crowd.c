/* SPDX-License-Identifier: MIT */
#include "http/crowd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A power of two. There are no more members than connections, so that chains are short enough even where somebody
 * chooses addresses that share one. */
#define BUCKETS 1024

struct member {
    struct member *next;
    struct opp_address address;
    size_t count;
};

struct opp_crowd {
    pthread_mutex_t lock;
    struct member *buckets[BUCKETS];
};

struct opp_crowd *opp_crowd_new(void)
{
    struct opp_crowd *crowd = calloc(1, sizeof *crowd);

    if (crowd != NULL && pthread_mutex_init(&crowd->lock, NULL) != 0) {
        free(crowd);
        return NULL;
    }
    return crowd;
}

void opp_crowd_free(struct opp_crowd *crowd)
{
    struct member *next;

    if (crowd == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct member *member = crowd->buckets[i]; member != NULL; member = next) {
            next = member->next;
            free(member);
        }
    }
    pthread_mutex_destroy(&crowd->lock);
    free(crowd);
}

/* FNV-1a. */
static size_t bucket_of(const struct opp_address *key)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < sizeof key->bytes; i++)
        hash = (hash ^ key->bytes[i]) * 16777619U;
    return (hash ^ hash >> 16) % BUCKETS;
}

/* What points to the member of this key, or to NULL. */
static struct member **find(struct opp_crowd *crowd, const struct opp_address *key)
{
    struct member **at = &crowd->buckets[bucket_of(key)];

    while (*at != NULL && memcmp(&(*at)->address, key, sizeof *key) != 0)
        at = &(*at)->next;
    return at;
}

static bool enter(struct opp_crowd *crowd, const struct opp_address *key, size_t max)
{
    struct member **at = find(crowd, key);

    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at == NULL)
            return false;
        (*at)->address = *key;
    }
    if ((*at)->count == max)
        return false;
    (*at)->count++;
    return true;
}

bool opp_crowd_enter(struct opp_crowd *crowd, const struct opp_address *address, size_t max)
{
    struct opp_address key = opp_address_limit_key(address);
    bool entered;

    pthread_mutex_lock(&crowd->lock);
    entered = enter(crowd, &key, max);
    pthread_mutex_unlock(&crowd->lock);
    return entered;
}

static void leave(struct opp_crowd *crowd, const struct opp_address *key)
{
    struct member **at = find(crowd, key), *member = *at;

    if (member == NULL || --member->count > 0)
        return;
    *at = member->next;
    free(member);
}

void opp_crowd_leave(struct opp_crowd *crowd, const struct opp_address *address)
{
    struct opp_address key = opp_address_limit_key(address);

    pthread_mutex_lock(&crowd->lock);
    leave(crowd, &key);
    pthread_mutex_unlock(&crowd->lock);
}
