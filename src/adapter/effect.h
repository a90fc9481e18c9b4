/* SPDX-License-Identifier: MIT
 *
 * adapter/effect.h - a write as data: shown to a reviewer, hashed, and applied at most once under its effect_id.
 * May include: store, base, adapter.
 */
#ifndef OPP_ADAPTER_EFFECT_H
#define OPP_ADAPTER_EFFECT_H

#include "base/error.h"
#include "base/loop.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct opp_adapter_session;
struct opp_adapters;
struct opp_databases;
struct opp_effect;
struct opp_tool_input;
struct opp_upstream_client;
struct opp_upstreams;

#define OPP_UPSTREAM_RETRY_S 5 /* what an agent is told when an upstream cannot be reached */

/* Lends the effect as JSON, with :now, :effect_id and new ids symbolic. */
json_t *opp_effect_data(const struct opp_effect *effect);
void opp_effect_free(struct opp_effect *effect);

/* One application. The caller embeds it and keeps it until done ran on loop.
 * rc: OPP_OK, and *result (gives) what the effect answers · OPP_E_STALE: what the effect was computed from has
 * changed · OPP_E_PRECONDITION: another number of rows was affected, or reason is set: an upstream refused it ·
 * OPP_E_ACTION_INVALID: a constraint of the adapter's database refused it · OPP_E_EXECUTION_FAILED: err says why ·
 * OPP_E_MEMORY. Nothing was applied in any of these; a commit whose outcome cannot be known does not come back
 * (store/writer.h). OPP_E_EXECUTION_UNKNOWN: an upstream has not told, nor its receipt; err says why. */
struct opp_effect_op {
    const struct opp_effect *effect; /* lent */
    const char *action, *effect_id;  /* lent */
    int64_t now_ms;
    struct opp_loop *loop;
    struct opp_upstream_client
        *upstreams; /* the loop's, as the session; input: of the call that made the effect; lent */
    struct opp_adapter_session *session;
    const struct opp_tool_input *input;
    void (*done)(void *arg);
    void *arg;
    enum opp_code rc;
    const char *reason;    /* state_changed or conflict, or NULL */
    int64_t retry_after_s; /* with OPP_E_EXECUTION_FAILED; 0: not said */
    struct opp_err err;
    json_t *result;
    struct opp_effect_run *run; /* the adapter's own */
};

/* An effect that writes nothing is done before this returns. A request is sent once, whatever becomes of it. */
void opp_effect_apply(struct opp_effect_op *op);

/* Where the effect's receipt will be: which database, and which file of that name it is. Lends both; NULL: it writes
 * nothing. */
const char *opp_effect_database(const struct opp_effect *effect);
const char *opp_effect_database_id(const struct opp_effect *effect);

/* Gives what its receipt is asked by when only this is left: JSON text for an effect that is a request, NULL for
 * others. input: of the call that made it. OPP_E_MEMORY. */
enum opp_code opp_effect_receipt(const struct opp_effect *effect, const struct opp_tool_input *input, char **out,
                                 struct opp_err *err);

/* What became of an effect whose process or transaction is over. */
struct opp_receipt {
    /* Lent, as of opp_effect_database. Executions of schema 1 have no database_id: whatever has the name is asked. */
    const char *database, *database_id;
    const char *effect_id; /* lent */
    /* Lent: what opp_effect_receipt gave, NULL: the effect was no request. */
    const char *described;
    int64_t created_at_ms; /* of its claim */
    int64_t ended_ms_ago;  /* the request, surely; an absence counts only when it is long enough */
    /* OPP_OK with result (gives): it was applied. OPP_E_ABSENT: surely not. OPP_E_EXECUTION_UNKNOWN: nobody can say
     * now, and err says why. */
    enum opp_code rc;
    struct opp_err err;
    json_t *result;
};

/* Whom receipts are asked of. */
struct opp_receipt_sources {
    struct opp_databases *databases;
    const struct opp_upstreams *upstreams; /* NULL: none is configured */
    struct opp_adapters *adapters;         /* in force now: what a receipt's answer means, where a tool says it */
};

/* Asks all of them at once, the databases on threads of their own; those that have not answered at a monotonic time are
 * not waited for, and what they were asked stays unknown. On any thread, but not on a loop that requests wait for. */
void opp_receipts_ask(const struct opp_receipt_sources *sources, struct opp_receipt *asked, size_t count,
                      int64_t until_ms);

#endif
