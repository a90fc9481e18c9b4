/* SPDX-License-Identifier: MIT */
#include "base/shared.h"

#include <stdatomic.h>
#include <stdlib.h>

struct opp_shared {
    atomic_uint references;
    struct opp_buf buf;
};

struct opp_shared *opp_shared_new(struct opp_buf *buf)
{
    struct opp_shared *shared = buf->failed ? NULL : malloc(sizeof *shared);

    if (shared == NULL) {
        opp_buf_free(buf);
        return NULL;
    }
    atomic_init(&shared->references, 1);
    shared->buf = *buf;
    *buf = (struct opp_buf){ 0 };
    return shared;
}

struct opp_shared *opp_shared_ref(struct opp_shared *shared)
{
    atomic_fetch_add(&shared->references, 1);
    return shared;
}

void opp_shared_unref(struct opp_shared *shared)
{
    if (shared == NULL || atomic_fetch_sub(&shared->references, 1) != 1)
        return;
    opp_buf_free(&shared->buf);
    free(shared);
}

const char *opp_shared_bytes(const struct opp_shared *shared)
{
    return shared->buf.bytes;
}

size_t opp_shared_length(const struct opp_shared *shared)
{
    return shared->buf.length;
}
