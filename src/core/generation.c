/* SPDX-License-Identifier: MIT */
#include "core/generation.h"

#include "adapter/adapter.h"
#include "base/clock.h"
#include "base/loop.h"
#include "policy/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROOM_WAIT_S 1

/* A worker's own. */
struct seat {
    struct opp_generation *generation;
    struct opp_policy_engine *engine;
    struct opp_adapter_session *session;
    struct opp_post renew;
    bool renewing; /* the post is on its way, and holds a pin */
};

struct opp_generation {
    atomic_uint pins;
    struct opp_generation_slot *slot; /* that counts it, once it was prepared */
    struct opp_loaded loaded;
    char label[OPP_GENERATION_LABEL_MAX];
    pthread_mutex_t lock; /* guards the errors */
    int64_t loaded_at_ms, errors;
    int64_t *logged_ms; /* when each rule's error was logged last, 0 for never; one more for no rule in particular */
    char last_where[128], last_message[256];
    size_t workers;
    struct seat seats[];
};

struct opp_generation_slot {
    pthread_mutex_t lock;
    pthread_cond_t gone; /* one that was counted is freed */
    unsigned living;
    struct opp_generation *current, *staged;
    struct opp_generation *next, *next_staged; /* after the change that is prepared; next NULL: current stays */
    uint64_t changes;                          /* that were begun */
    bool changing, ready; /* the last of them is under way; it is in the transaction that commits next */
};

static void free_loaded(const struct opp_loaded *loaded)
{
    opp_policy_bundle_unref(loaded->bundle);
    opp_adapters_free(loaded->adapters);
}

static void leave_slot(struct opp_generation_slot *slot)
{
    if (slot == NULL)
        return;
    pthread_mutex_lock(&slot->lock);
    slot->living--;
    pthread_cond_signal(&slot->gone);
    pthread_mutex_unlock(&slot->lock);
}

static void free_generation(struct opp_generation *generation)
{
    struct opp_generation_slot *slot = generation->slot;

    for (size_t i = 0; i < generation->workers; i++) {
        opp_policy_engine_free(generation->seats[i].engine);
        opp_adapter_session_close(generation->seats[i].session);
    }
    free_loaded(&generation->loaded);
    free(generation->logged_ms);
    pthread_mutex_destroy(&generation->lock);
    free(generation);
    leave_slot(slot);
}

/* What was opened is freed with the generation, also when the rest of a seat fails. */
static enum opp_code open_seat(struct opp_generation *generation, struct opp_err *err)
{
    struct seat *seat = &generation->seats[generation->workers++];
    enum opp_code rc;

    seat->generation = generation;
    rc = opp_policy_engine_new(generation->loaded.bundle, &seat->engine, err);
    return rc == OPP_OK ? opp_adapter_session_open(generation->loaded.adapters, &seat->session, err) : rc;
}

enum opp_code opp_generation_new(const struct opp_loaded *loaded, size_t workers, int64_t loaded_at_ms,
                                 struct opp_generation **out, struct opp_err *err)
{
    struct opp_generation *generation = calloc(1, sizeof *generation + workers * sizeof(struct seat));
    enum opp_code rc;

    if (generation == NULL) {
        free_loaded(loaded);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a generation");
    }
    atomic_init(&generation->pins, 1);
    pthread_mutex_init(&generation->lock, NULL);
    generation->loaded = *loaded;
    generation->loaded_at_ms = loaded_at_ms;
    snprintf(generation->label, sizeof generation->label, "%lld-%.12s",
             (long long)opp_policy_bundle_generation(loaded->bundle), loaded->sha256);
    generation->logged_ms = calloc(opp_policy_bundle_count(loaded->bundle) + 1, sizeof *generation->logged_ms);
    rc = generation->logged_ms != NULL ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "no memory for a generation");
    while (rc == OPP_OK && generation->workers < workers)
        rc = open_seat(generation, err);
    if (rc == OPP_OK)
        *out = generation;
    else
        free_generation(generation);
    return rc;
}

struct opp_generation *opp_generation_repin(struct opp_generation *generation)
{
    atomic_fetch_add(&generation->pins, 1);
    return generation;
}

void opp_generation_unpin(struct opp_generation *generation)
{
    if (generation != NULL && atomic_fetch_sub(&generation->pins, 1) == 1)
        free_generation(generation);
}

/* Whether the caller's pin is the only one: nobody can add another then, for it is not in force. */
static bool is_last(struct opp_generation *generation)
{
    return atomic_load(&generation->pins) == 1;
}

static void renew(void *arg)
{
    struct seat *seat = arg;

    seat->renewing = false;
    if (!is_last(seat->generation) && opp_policy_engine_stale(seat->engine))
        opp_policy_engine_renew(seat->engine, NULL);
    opp_generation_unpin(seat->generation);
}

void opp_generation_done(struct opp_generation *generation, size_t worker, struct opp_loop *loop)
{
    struct seat *seat;

    if (generation == NULL)
        return;
    seat = &generation->seats[worker];
    if (seat->renewing || (!opp_policy_engine_stale(seat->engine) && !is_last(generation))) {
        opp_generation_unpin(generation);
        return;
    }
    seat->renewing = true;
    seat->renew = (struct opp_post){ .run = renew, .arg = seat };
    opp_loop_defer(loop, &seat->renew);
}

struct opp_policy_bundle *opp_generation_bundle(const struct opp_generation *generation)
{
    return generation->loaded.bundle;
}

struct opp_adapters *opp_generation_adapters(const struct opp_generation *generation)
{
    return generation->loaded.adapters;
}

const char *opp_generation_sha256(const struct opp_generation *generation)
{
    return generation->loaded.sha256;
}

struct opp_policy_engine *opp_generation_engine(const struct opp_generation *generation, size_t worker)
{
    return generation->seats[worker].engine;
}

struct opp_adapter_session *opp_generation_session(const struct opp_generation *generation, size_t worker)
{
    return generation->seats[worker].session;
}

const char *opp_generation_label(const struct opp_generation *generation)
{
    return generation->label;
}

int64_t opp_generation_loaded_at(const struct opp_generation *generation)
{
    return generation->loaded_at_ms;
}

static size_t number_of(const struct opp_policy_bundle *bundle, const char *rule)
{
    size_t count = opp_policy_bundle_count(bundle), i = 0;

    while (i < count && (rule == NULL || strcmp(opp_policy_bundle_rule(bundle, i), rule) != 0))
        i++;
    return i;
}

bool opp_generation_note_error(struct opp_generation *generation, const char *rule, const char *where,
                               const char *message)
{
    int64_t now_ms = opp_monotonic_ms(),
            *logged_ms = &generation->logged_ms[number_of(generation->loaded.bundle, rule)];
    bool log;

    pthread_mutex_lock(&generation->lock);
    generation->errors++;
    log = *logged_ms == 0 || now_ms - *logged_ms >= 1000;
    if (log)
        *logged_ms = now_ms;
    snprintf(generation->last_where, sizeof generation->last_where, "%s", where);
    snprintf(generation->last_message, sizeof generation->last_message, "%s", message);
    pthread_mutex_unlock(&generation->lock);
    return log;
}

json_t *opp_generation_errors(struct opp_generation *generation)
{
    json_t *shown;

    pthread_mutex_lock(&generation->lock);
    if (generation->errors == 0)
        shown = json_pack("{s:i, s:n}", "count", 0, "last");
    else
        shown = json_pack("{s:I, s:{s:s, s:s}}", "count", (json_int_t)generation->errors, "last", "where",
                          generation->last_where, "message", generation->last_message);
    pthread_mutex_unlock(&generation->lock);
    return shown;
}

enum opp_code opp_generation_slot_new(struct opp_generation_slot **out, struct opp_err *err)
{
    struct opp_generation_slot *slot = calloc(1, sizeof *slot);
    pthread_condattr_t monotonic;

    if (slot == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the policies");
    pthread_mutex_init(&slot->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&slot->gone, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out = slot;
    return OPP_OK;
}

void opp_generation_slot_free(struct opp_generation_slot *slot)
{
    if (slot == NULL)
        return;
    opp_generation_unpin(slot->current);
    opp_generation_unpin(slot->staged);
    opp_generation_unpin(slot->next);
    opp_generation_unpin(slot->next_staged);
    pthread_cond_destroy(&slot->gone);
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

static struct opp_generation *pin(struct opp_generation_slot *slot, struct opp_generation *const *at)
{
    struct opp_generation *generation;

    pthread_mutex_lock(&slot->lock);
    generation = *at;
    if (generation != NULL)
        atomic_fetch_add(&generation->pins, 1);
    pthread_mutex_unlock(&slot->lock);
    return generation;
}

struct opp_generation *opp_generation_pin(struct opp_generation_slot *slot)
{
    return pin(slot, &slot->current);
}

struct opp_generation *opp_generation_pin_staged(struct opp_generation_slot *slot)
{
    return pin(slot, &slot->staged);
}

uint64_t opp_generation_begin(struct opp_generation_slot *slot)
{
    uint64_t change = 0;

    pthread_mutex_lock(&slot->lock);
    if (!slot->changing)
        change = ++slot->changes;
    slot->changing = true;
    pthread_mutex_unlock(&slot->lock);
    return change;
}

bool opp_generation_await_room(struct opp_generation_slot *slot)
{
    struct timespec until;
    int failed = 0;
    bool room;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ROOM_WAIT_S;
    pthread_mutex_lock(&slot->lock);
    while (slot->living >= OPP_GENERATIONS_MAX && failed == 0)
        failed = pthread_cond_timedwait(&slot->gone, &slot->lock, &until);
    room = slot->living < OPP_GENERATIONS_MAX;
    pthread_mutex_unlock(&slot->lock);
    return room;
}

/* With the lock. */
static void count(struct opp_generation_slot *slot, struct opp_generation *generation)
{
    if (generation == NULL || generation->slot != NULL)
        return;
    generation->slot = slot;
    slot->living++;
}

void opp_generation_prepare(struct opp_generation_slot *slot, struct opp_generation *next,
                            struct opp_generation *staged)
{
    pthread_mutex_lock(&slot->lock);
    count(slot, next);
    count(slot, staged);
    slot->next = next;
    slot->next_staged = staged;
    slot->ready = false;
    pthread_mutex_unlock(&slot->lock);
}

void opp_generation_ready(struct opp_generation_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    slot->ready = true;
    pthread_mutex_unlock(&slot->lock);
}

static int64_t number_of_generation(const struct opp_generation *generation)
{
    return generation != NULL ? opp_policy_bundle_generation(generation->loaded.bundle) : 0;
}

bool opp_generation_is_ready(struct opp_generation_slot *slot, int64_t *current, int64_t *staged)
{
    bool ready;

    pthread_mutex_lock(&slot->lock);
    ready = slot->ready;
    *current = number_of_generation(slot->next != NULL ? slot->next : slot->current);
    *staged = number_of_generation(slot->next_staged);
    pthread_mutex_unlock(&slot->lock);
    return ready;
}

/* With the lock, which it gives back: what the change leaves behind is freed outside of it. */
static void end(struct opp_generation_slot *slot, bool committed)
{
    struct opp_generation *dropped[2] = { slot->next, slot->next_staged };

    if (committed && slot->next != NULL) {
        dropped[0] = slot->current;
        slot->current = slot->next;
    }
    if (committed) {
        dropped[1] = slot->staged;
        slot->staged = slot->next_staged;
    }
    slot->next = slot->next_staged = NULL;
    slot->changing = slot->ready = false;
    pthread_mutex_unlock(&slot->lock);
    opp_generation_unpin(dropped[0]);
    opp_generation_unpin(dropped[1]);
}

void opp_generation_commit(struct opp_generation_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    if (slot->ready)
        end(slot, true);
    else
        pthread_mutex_unlock(&slot->lock);
}

void opp_generation_abandon(struct opp_generation_slot *slot, uint64_t change)
{
    pthread_mutex_lock(&slot->lock);
    if (slot->changing && slot->changes == change)
        end(slot, false);
    else
        pthread_mutex_unlock(&slot->lock);
}
