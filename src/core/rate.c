/* SPDX-License-Identifier: MIT */
#include "core/rate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 64
#define PROBES 8
#define MINUTE_NS INT64_C(60000000000)

/* tat_ns is GCRA's theoretical arrival time: when the subject's burst will be whole again. 0: free. */
struct slot {
    uint64_t subject;
    int64_t tat_ns;
};

struct shard {
    pthread_mutex_t lock;
    struct slot *slots;
};

struct opp_rate {
    uint32_t slots_per_shard;
    struct shard shards[SHARDS];
};

enum opp_code opp_rate_new(uint32_t subjects_max, struct opp_rate **out, struct opp_err *err)
{
    struct opp_rate *rate = calloc(1, sizeof *rate);

    if (rate == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for rate limits");
    rate->slots_per_shard = subjects_max / SHARDS > PROBES ? subjects_max / SHARDS : PROBES;
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&rate->shards[i].lock, NULL);
    for (int i = 0; i < SHARDS; i++) {
        rate->shards[i].slots = calloc(rate->slots_per_shard, sizeof(struct slot));
        if (rate->shards[i].slots == NULL) {
            opp_rate_free(rate);
            return opp_fail(err, OPP_E_MEMORY, "no memory for rate limits");
        }
    }
    *out = rate;
    return OPP_OK;
}

void opp_rate_free(struct opp_rate *rate)
{
    if (rate == NULL)
        return;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_destroy(&rate->shards[i].lock);
        free(rate->shards[i].slots);
    }
    free(rate);
}

static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 33);
}

uint64_t opp_rate_subject(const char *a, const char *b, const char *c)
{
    const char *parts[] = { a, b, c };
    uint64_t hash = UINT64_C(1469598103934665603);

    for (size_t i = 0; i < 3; i++) {
        for (const char *at = parts[i] != NULL ? parts[i] : ""; *at != '\0'; at++)
            hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
        hash = (hash ^ 0xff) * UINT64_C(1099511628211);
    }
    hash = mix(hash);
    return hash != 0 ? hash : 1; /* 0 is no subject */
}

/* The subject's slot, a free one, or the one nearest to being free: a full table makes limits stricter, never looser
 * for the subject that lost its place by more than what it had left. */
static struct slot *find(struct opp_rate *rate, struct shard *shard, uint64_t subject, int64_t now_ns)
{
    struct slot *best = NULL;

    for (uint32_t i = 0; i < PROBES; i++) {
        struct slot *slot = &shard->slots[((subject >> 6) + i) % rate->slots_per_shard];

        if (slot->subject == subject)
            return slot;
        if (best == NULL || slot->tat_ns < best->tat_ns)
            best = slot;
    }
    if (best->tat_ns <= now_ns)
        *best = (struct slot){ .subject = subject };
    return best;
}

/* Takes one where it may, if take. Gives when the slot's burst is whole again. */
static int64_t judge(struct opp_rate *rate, uint64_t subject, int64_t step, int64_t now_ns, bool take, bool *allowed)
{
    struct shard *shard = &rate->shards[subject % SHARDS];
    struct slot *slot;
    int64_t tat;

    pthread_mutex_lock(&shard->lock);
    slot = find(rate, shard, subject, now_ns);
    tat = slot->tat_ns > now_ns ? slot->tat_ns : now_ns;
    *allowed = tat + step - now_ns <= MINUTE_NS;
    if (*allowed && take) {
        tat += step;
        slot->tat_ns = tat;
    }
    pthread_mutex_unlock(&shard->lock);
    return tat;
}

static void tell(int64_t tat, int64_t per_minute, int64_t now_ns, struct opp_rate_verdict *out)
{
    int64_t step = MINUTE_NS / per_minute;

    out->limit = per_minute;
    out->remaining = tat - now_ns < MINUTE_NS ? (MINUTE_NS - (tat - now_ns)) / step : 0;
    out->retry_after_ms = out->allowed ? 0 : (tat + step - now_ns - MINUTE_NS + 999999) / 1000000;
    out->reset_ms = (tat - now_ns + 999999) / 1000000;
}

void opp_rate_take(struct opp_rate *rate, uint64_t subject, int64_t per_minute, int64_t now_ms,
                   struct opp_rate_verdict *out)
{
    int64_t now_ns = now_ms * 1000000;

    tell(judge(rate, subject, MINUTE_NS / per_minute, now_ns, true, &out->allowed), per_minute, now_ns, out);
}

void opp_rate_look(struct opp_rate *rate, uint64_t subject, int64_t per_minute, int64_t now_ms,
                   struct opp_rate_verdict *out)
{
    int64_t now_ns = now_ms * 1000000;

    tell(judge(rate, subject, MINUTE_NS / per_minute, now_ns, false, &out->allowed), per_minute, now_ns, out);
}
