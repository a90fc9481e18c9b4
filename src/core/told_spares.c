/* SPDX-License-Identifier: MIT */
#include "core/told_spares.h"

#include "core/told.h"

#include <stdlib.h>

void opp_told_spares_init(struct opp_told_spares *spares)
{
    *spares = (struct opp_told_spares){ 0 };
    pthread_mutex_init(&spares->lock, NULL);
}

static void free_list(struct opp_told *list)
{
    struct opp_told *next;

    for (; list != NULL; list = next) {
        next = list->next;
        opp_told_free(list);
    }
}

void opp_told_spares_free(struct opp_told_spares *spares)
{
    free_list(spares->first);
    pthread_mutex_destroy(&spares->lock);
}

struct opp_told *opp_told_spares_take(struct opp_told_spares *spares)
{
    struct opp_told *told;

    pthread_mutex_lock(&spares->lock);
    told = spares->first;
    if (told != NULL) {
        spares->first = told->next;
        spares->count--;
    }
    pthread_mutex_unlock(&spares->lock);
    return told != NULL ? told : calloc(1, sizeof *told);
}

void opp_told_spares_give(struct opp_told_spares *spares, struct opp_told *list)
{
    struct opp_told *next, *rest = NULL;

    pthread_mutex_lock(&spares->lock);
    for (; list != NULL; list = next) {
        struct opp_told **kept = &rest;

        next = list->next;
        if (spares->count < OPP_TOLD_SPARES_MAX && opp_told_bytes(list) <= OPP_TOLD_SPARE_MAX_BYTES) {
            kept = &spares->first;
            spares->count++;
        }
        list->next = *kept;
        *kept = list;
    }
    pthread_mutex_unlock(&spares->lock);
    free_list(rest);
}
