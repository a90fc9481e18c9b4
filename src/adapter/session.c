/* SPDX-License-Identifier: MIT */
#include "adapter/session.h"

#include "script/state.h"

#include <stdlib.h>

#define IDLE_MAX 32

/* The lanes of one adapter that no call has, the one used last first. */
struct idle {
    struct opp_lane *first;
    size_t count;
};

struct opp_adapter_session {
    struct opp_adapters *adapters;
    struct idle *idle; /* by adapter */
};

static enum opp_code open_lane(const struct opp_adapters *adapters, size_t adapter, struct opp_lane **out,
                               struct opp_err *err)
{
    struct opp_lane *lane = NULL;
    enum opp_code rc = opp_lane_open(&adapters->list[adapter], adapters->log, &lane, err);

    if (rc == OPP_OK)
        rc = opp_lane_connect(lane, err);
    if (rc == OPP_OK)
        *out = lane;
    else
        opp_lane_close(lane);
    return rc;
}

static void push_idle(struct opp_adapter_session *session, size_t adapter, struct opp_lane *lane)
{
    struct idle *idle = &session->idle[adapter];

    lane->next = idle->first;
    idle->first = lane;
    idle->count++;
}

enum opp_code opp_session_take(struct opp_adapter_session *session, size_t adapter, struct opp_lane **out,
                               struct opp_err *err)
{
    struct idle *idle = &session->idle[adapter];
    struct opp_lane *lane = idle->first;

    if (lane == NULL)
        return open_lane(session->adapters, adapter, out, err);
    idle->first = lane->next;
    idle->count--;
    lane->next = NULL;
    *out = lane;
    return OPP_OK;
}

void opp_session_put(struct opp_adapter_session *session, struct opp_lane *lane)
{
    size_t adapter = (size_t)(lane->adapter - session->adapters->list);

    if (!opp_script_tripped(lane->script) && session->idle[adapter].count < IDLE_MAX) {
        push_idle(session, adapter, lane);
        return;
    }
    opp_lane_close(lane);
    /* Made now, so that the next call need not wait for it; should it fail, the next call says why. */
    if (session->idle[adapter].first == NULL && open_lane(session->adapters, adapter, &lane, NULL) == OPP_OK)
        push_idle(session, adapter, lane);
}

/* Puts a lane of every adapter in it. */
static enum opp_code fill(struct opp_adapter_session *session, struct opp_err *err)
{
    for (size_t i = 0; i < session->adapters->count; i++) {
        struct opp_lane *lane = NULL;
        enum opp_code rc = open_lane(session->adapters, i, &lane, err);

        if (rc != OPP_OK)
            return rc;
        push_idle(session, i, lane);
    }
    return OPP_OK;
}

enum opp_code opp_adapter_session_open(struct opp_adapters *adapters, struct opp_adapter_session **out,
                                       struct opp_err *err)
{
    struct opp_adapter_session *session = calloc(1, sizeof *session);
    size_t count = adapters->count > 0 ? adapters->count : 1;
    enum opp_code rc;

    if (session == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a session");
    session->adapters = adapters;
    session->idle = calloc(count, sizeof *session->idle);
    if (session->idle == NULL) {
        opp_adapter_session_close(session);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a session");
    }
    rc = fill(session, err);
    if (rc == OPP_OK)
        *out = session;
    else
        opp_adapter_session_close(session);
    return rc;
}

void opp_adapter_session_close(struct opp_adapter_session *session)
{
    if (session == NULL)
        return;
    for (size_t i = 0; session->idle != NULL && i < session->adapters->count; i++)
        while (session->idle[i].first != NULL) {
            struct opp_lane *lane = session->idle[i].first;

            session->idle[i].first = lane->next;
            opp_lane_close(lane);
        }
    free(session->idle);
    free(session);
}
