/* SPDX-License-Identifier: MIT */
#include "base/id.h"

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_MAX 8
#define POOL_BYTES 4096
#define VALUE_CHARS 26

/* The 128 bits of an id. */
struct value {
    uint64_t high; /* 48 bits of time, 16 random */
    uint64_t low;
};

/* Each thread's own random bytes and last id: no lock, and a system call only every 4 KiB. */
struct maker {
    unsigned char pool[POOL_BYTES];
    size_t left;
    bool started;
    struct value last;
};

static _Thread_local struct maker maker;

/* Without randomness ids would repeat, and a caller cannot refuse: Linux has it from early in its boot on. */
static uint64_t random_bits(size_t bytes)
{
    uint64_t bits = 0;

    if (maker.left < bytes) {
        if (opp_random(maker.pool, POOL_BYTES, NULL) != OPP_OK)
            abort();
        maker.left = POOL_BYTES;
    }
    while (bytes-- > 0)
        bits = bits << 8 | maker.pool[--maker.left];
    return bits;
}

/* Within a millisecond an id is the last one and a random step, so that ids of a thread ascend and yet one does not
 * tell the next. The sum leaves its 80 bits once in 2^48 steps; that id is unique still, but sorts before. */
static struct value next_value(uint64_t time)
{
    struct value next = { .high = time << 16 };
    uint64_t random_high = maker.last.high & 0xffff;

    if (maker.started && maker.last.high >> 16 == time) {
        next.low = maker.last.low + 1 + random_bits(4);
        random_high += next.low < maker.last.low;
    } else {
        next.low = random_bits(8);
        random_high = random_bits(2);
    }
    next.high |= random_high & 0xffff;
    maker.started = true;
    maker.last = next;
    return next;
}

static void write_id(char id[OPP_ID_MAX], const char *prefix, struct value value)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    size_t length = strnlen(prefix, PREFIX_MAX);

    memcpy(id, prefix, length);
    id += length;
    for (size_t i = VALUE_CHARS; i > 0; i--) {
        id[i - 1] = digits[value.low & 31];
        value.low = value.low >> 5 | value.high << 59;
        value.high >>= 5;
    }
    id[VALUE_CHARS] = '\0';
}

void opp_id_make(char id[OPP_ID_MAX], const char *prefix, int64_t now_ms)
{
    write_id(id, prefix, next_value((uint64_t)now_ms & UINT64_C(0xffffffffffff)));
}

uint64_t opp_id_random(void)
{
    return random_bits(sizeof(uint64_t));
}

void opp_id_derive(char id[OPP_ID_MAX], const char *prefix, const char *seed, unsigned n)
{
    unsigned char key[OPP_HASH_BYTES + 4], digest[OPP_HASH_BYTES];
    struct value value = { 0, 0 };

    opp_hash(seed, strlen(seed), key);
    for (size_t i = 0; i < 4; i++)
        key[OPP_HASH_BYTES + i] = (unsigned char)(n >> (24 - 8 * i));
    opp_hash(key, sizeof key, digest);
    for (size_t i = 0; i < 8; i++) {
        value.high = value.high << 8 | digest[i];
        value.low = value.low << 8 | digest[i + 8];
    }
    write_id(id, prefix, value);
}
