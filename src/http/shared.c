/* SPDX-License-Identifier: MIT */
#include "http/shared.h"

#include "http/envelope.h"

#include <stdlib.h>
#include <string.h>

struct opp_shared *opp_shared_envelope(const struct opp_buf *data)
{
    size_t before = strlen(OPP_ENVELOPE_BEFORE), after = strlen(OPP_ENVELOPE_AFTER);
    struct opp_shared *shared = data->failed ? NULL : malloc(sizeof *shared + before + data->length + after);

    if (shared == NULL)
        return NULL;
    atomic_init(&shared->references, 1);
    shared->length = before + data->length + after;
    memcpy(shared->bytes, OPP_ENVELOPE_BEFORE, before);
    if (data->length != 0)
        memcpy(shared->bytes + before, data->bytes, data->length);
    memcpy(shared->bytes + before + data->length, OPP_ENVELOPE_AFTER, after);
    return shared;
}

struct opp_shared *opp_shared_ref(struct opp_shared *shared)
{
    atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
    return shared;
}

void opp_shared_unref(struct opp_shared *shared)
{
    /* Whoever frees has seen all that others did with it before they let go. */
    if (shared != NULL && atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) == 1)
        free(shared);
}
