/* SPDX-License-Identifier: MIT
 *
 * core/told_spares.h - memory of what was told, given back by the staging thread for what is told next.
 * May include: core.
 *
 * What one thread allocates and another frees makes both wait for the same lock of malloc, and that other one is the
 * first to be set aside on a busy machine: a worker would wait for it.
 */
#ifndef OPP_CORE_TOLD_SPARES_H
#define OPP_CORE_TOLD_SPARES_H

#include <pthread.h>
#include <stddef.h>

#define OPP_TOLD_SPARES_MAX 1024
#define OPP_TOLD_SPARE_MAX_BYTES ((size_t)8 * 1024) /* what is larger is freed */

struct opp_told;

struct opp_told_spares {
    pthread_mutex_t lock;
    struct opp_told *first;
    size_t count;
};

void opp_told_spares_init(struct opp_told_spares *spares);
void opp_told_spares_free(struct opp_told_spares *spares);

/* Gives one that says nothing yet; NULL when memory is out. From any thread. */
struct opp_told *opp_told_spares_take(struct opp_told_spares *spares);

/* Takes a list of them, which pin nothing any more; NULL allowed. From any thread. */
void opp_told_spares_give(struct opp_told_spares *spares, struct opp_told *list);

#endif
