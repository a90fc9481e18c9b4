/* SPDX-License-Identifier: MIT */
#include "adapter/session.h"

#include "script/state.h"

#include <stdlib.h>

#define IDLE_MAX 32

struct opp_adapter_session {
    struct opp_adapters *adapters;
    struct opp_lane **idle; /* by adapter, the one used last first */
    size_t *idle_count;
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
    lane->next = session->idle[adapter];
    session->idle[adapter] = lane;
    session->idle_count[adapter]++;
}

enum opp_code opp_session_take(struct opp_adapter_session *session, size_t adapter, struct opp_lane **out,
                               struct opp_err *err)
{
    struct opp_lane *lane = session->idle[adapter];

    if (lane == NULL)
        return open_lane(session->adapters, adapter, out, err);
    session->idle[adapter] = lane->next;
    session->idle_count[adapter]--;
    lane->next = NULL;
    *out = lane;
    return OPP_OK;
}

void opp_session_put(struct opp_adapter_session *session, struct opp_lane *lane)
{
    size_t adapter = (size_t)(lane->adapter - session->adapters->list);

    if (!opp_script_tripped(lane->script) && session->idle_count[adapter] < IDLE_MAX) {
        push_idle(session, adapter, lane);
        return;
    }
    opp_lane_close(lane);
    /* Made now, so that the next call need not wait for it; should it fail, the next call says why. */
    if (session->idle[adapter] == NULL && open_lane(session->adapters, adapter, &lane, NULL) == OPP_OK)
        push_idle(session, adapter, lane);
}

enum opp_code opp_adapter_session_open(struct opp_adapters *adapters, struct opp_loop *loop,
                                       struct opp_adapter_session **out, struct opp_err *err)
{
    struct opp_adapter_session *session = calloc(1, sizeof *session);
    size_t count = adapters->count > 0 ? adapters->count : 1;
    enum opp_code rc = OPP_OK;

    (void)loop; /* nothing waits yet: SQLite is read at once */
    if (session == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a session");
    session->adapters = adapters;
    session->idle = calloc(count, sizeof *session->idle);
    session->idle_count = calloc(count, sizeof *session->idle_count);
    if (session->idle == NULL || session->idle_count == NULL)
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for a session");
    for (size_t i = 0; i < adapters->count && rc == OPP_OK; i++) {
        struct opp_lane *lane = NULL;

        rc = open_lane(adapters, i, &lane, err);
        if (rc == OPP_OK)
            push_idle(session, i, lane);
    }
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
        while (session->idle[i] != NULL) {
            struct opp_lane *lane = session->idle[i];

            session->idle[i] = lane->next;
            opp_lane_close(lane);
        }
    free(session->idle);
    free(session->idle_count);
    free(session);
}
