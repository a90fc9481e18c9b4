/* SPDX-License-Identifier: MIT */
#include "core/stranded.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct opp_stranded {
    pthread_mutex_t lock;
    struct opp_stranded_item *first;
    atomic_size_t open; /* those that are not settled */
};

enum opp_code opp_stranded_new(struct opp_stranded **out, struct opp_err *err)
{
    struct opp_stranded *stranded = calloc(1, sizeof *stranded);

    if (stranded == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for stranded executions");
    pthread_mutex_init(&stranded->lock, NULL);
    *out = stranded;
    return OPP_OK;
}

static void free_items(struct opp_stranded_item *item)
{
    struct opp_stranded_item *next;

    for (; item != NULL; item = next) {
        next = item->next;
        free(item);
    }
}

void opp_stranded_free(struct opp_stranded *stranded)
{
    if (stranded == NULL)
        return;
    free_items(stranded->first);
    pthread_mutex_destroy(&stranded->lock);
    free(stranded);
}

static void put(struct opp_stranded *stranded, struct opp_stranded_item *item)
{
    pthread_mutex_lock(&stranded->lock);
    item->next = stranded->first;
    stranded->first = item;
    pthread_mutex_unlock(&stranded->lock);
}

void opp_stranded_add(struct opp_stranded *stranded, struct opp_stranded_item *item, const char *execution_id,
                      const char *draft_id)
{
    snprintf(item->execution_id, sizeof item->execution_id, "%s", execution_id);
    snprintf(item->draft_id, sizeof item->draft_id, "%s", draft_id);
    atomic_fetch_add(&stranded->open, 1);
    put(stranded, item);
}

struct opp_stranded_item *opp_stranded_take(struct opp_stranded *stranded)
{
    struct opp_stranded_item *items;

    pthread_mutex_lock(&stranded->lock);
    items = stranded->first;
    stranded->first = NULL;
    pthread_mutex_unlock(&stranded->lock);
    return items;
}

void opp_stranded_return(struct opp_stranded *stranded, struct opp_stranded_item *items)
{
    struct opp_stranded_item *next;

    for (; items != NULL; items = next) {
        next = items->next;
        if (!items->settled) {
            put(stranded, items);
            continue;
        }
        free(items);
        atomic_fetch_sub(&stranded->open, 1);
    }
}

bool opp_stranded_any(const struct opp_stranded *stranded)
{
    return stranded != NULL && atomic_load(&stranded->open) > 0;
}
