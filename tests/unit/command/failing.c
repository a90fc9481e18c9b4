/* SPDX-License-Identifier: MIT */
#include "command/failing.h"

#include "adapter/effect.h"
#include "core/told.h"
#include "core/told_spares.h"
#include "store/tx.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static atomic_uint left;
static atomic_bool happened;
static _Thread_local bool counted, paused;

static struct {
    void (*run)(void *arg);
    void *arg;
} hook, effect_hook;
static enum opp_code effects = OPP_E_INTERNAL;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

void failing_set(unsigned n)
{
    atomic_store(&happened, false);
    atomic_store(&left, n);
    counted = n != 0;
}

bool failing_happened(void)
{
    return atomic_load(&happened);
}

void failing_pause(bool pause)
{
    paused = pause;
    counted = !pause && atomic_load(&left) != 0;
}

static enum opp_code join(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    (void)tx;
    (void)arg;
    (void)err;
    counted = true;
    return OPP_OK;
}

void failing_join_writer(struct opp_store *store)
{
    json_set_alloc_funcs(__real_malloc, free); /* base/reserve.h: it has what it needs, or the process ends */
    opp_store_now(store, join, NULL, NULL);
}

static bool fails_now(void)
{
    if (!counted || atomic_load(&left) == 0 || atomic_fetch_sub(&left, 1) > 1)
        return false;
    atomic_store(&happened, true);
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : __real_strdup(text);
}

/* A question to the store: its parameters, and the same as arguments. */
#define WRAP(name, parameters, arguments)                                                                        \
    enum opp_code __real_##name parameters;                                                                      \
    enum opp_code __wrap_##name parameters;                                                                      \
    enum opp_code __wrap_##name parameters                                                                       \
    {                                                                                                            \
        return fails_now() ? opp_fail(err, OPP_E_UNAVAILABLE, "the test wants it so") : __real_##name arguments; \
    }

WRAP(opp_tx_get,
     (struct opp_tx * tx, const struct opp_record *record, const char *column, const char *text, void **out,
      struct opp_err *err),
     (tx, record, column, text, out, err))
WRAP(opp_tx_get_any,
     (struct opp_tx * tx, const struct opp_record *record, const char *column, const char *text, void **out,
      struct opp_err *err),
     (tx, record, column, text, out, err))
WRAP(opp_tx_insert, (struct opp_tx * tx, const struct opp_record *record, const void *value, struct opp_err *err),
     (tx, record, value, err))
WRAP(opp_tx_update,
     (struct opp_tx * tx, const struct opp_record *record, const void *value, const char *const *columns,
      struct opp_err *err),
     (tx, record, value, columns, err))
WRAP(opp_tx_delete, (struct opp_tx * tx, const struct opp_record *record, const void *value, struct opp_err *err),
     (tx, record, value, err))
WRAP(opp_tx_each, (struct opp_tx * tx, const struct opp_query *query, opp_each_fn each, void *arg, struct opp_err *err),
     (tx, query, each, arg, err))
WRAP(opp_tx_count, (struct opp_tx * tx, const struct opp_query *query, int64_t *out, struct opp_err *err),
     (tx, query, out, err))
WRAP(opp_tx_pending, (struct opp_tx * tx, const char *app_id, int64_t *out, struct opp_err *err),
     (tx, app_id, out, err))
WRAP(opp_tx_pending_add, (struct opp_tx * tx, const char *app_id, int change, struct opp_err *err),
     (tx, app_id, change, err))
WRAP(opp_tx_chain_append, (struct opp_tx * tx, const struct opp_audit_row *row, struct opp_err *err), (tx, row, err))

/* Whether the staging thread has given some back already is chance: each call of a kind asks for memory equally often.
 */
struct opp_told *__wrap_opp_told_spares_take(struct opp_told_spares *spares);

struct opp_told *__wrap_opp_told_spares_take(struct opp_told_spares *spares)
{
    (void)spares;
    return calloc(1, sizeof(struct opp_told));
}

static bool no_randomness;

void failing_randomness(bool fails)
{
    no_randomness = fails;
}

enum opp_code __real_opp_random(void *bytes, size_t length, struct opp_err *err);
enum opp_code __wrap_opp_random(void *bytes, size_t length, struct opp_err *err);

enum opp_code __wrap_opp_random(void *bytes, size_t length, struct opp_err *err)
{
    return no_randomness ? opp_fail(err, OPP_E_INTERNAL, "the test wants it so")
                         : __real_opp_random(bytes, length, err);
}

static bool no_receipts;

void failing_receipts(bool fails)
{
    no_receipts = fails;
}

enum opp_code __real_opp_effect_receipt(const struct opp_effect *effect, const struct opp_tool_input *input, char **out,
                                        struct opp_err *err);
enum opp_code __wrap_opp_effect_receipt(const struct opp_effect *effect, const struct opp_tool_input *input, char **out,
                                        struct opp_err *err);

enum opp_code __wrap_opp_effect_receipt(const struct opp_effect *effect, const struct opp_tool_input *input, char **out,
                                        struct opp_err *err)
{
    return no_receipts ? opp_fail(err, OPP_E_MEMORY, "the test wants it so")
                       : __real_opp_effect_receipt(effect, input, out, err);
}

void failing_before_write(void (*run)(void *arg), void *arg)
{
    hook.run = run;
    hook.arg = arg;
}

void __real_opp_store_write(struct opp_session *session, struct opp_store_op *op);
void __wrap_opp_store_write(struct opp_session *session, struct opp_store_op *op);

void __wrap_opp_store_write(struct opp_session *session, struct opp_store_op *op)
{
    void (*run)(void *arg) = hook.run;

    hook.run = NULL;
    if (run != NULL)
        run(hook.arg);
    __real_opp_store_write(session, op);
}

void failing_before_effect(void (*run)(void *arg), void *arg)
{
    effect_hook.run = run;
    effect_hook.arg = arg;
}

static bool short_waits;

void failing_short_waits(bool shorten)
{
    short_waits = shorten;
}

struct opp_timer *__real_opp_timer_start(struct opp_loop *loop, int64_t ms, void (*run)(void *arg), void *arg);
struct opp_timer *__wrap_opp_timer_start(struct opp_loop *loop, int64_t ms, void (*run)(void *arg), void *arg);

struct opp_timer *__wrap_opp_timer_start(struct opp_loop *loop, int64_t ms, void (*run)(void *arg), void *arg)
{
    return fails_now() ? NULL : __real_opp_timer_start(loop, short_waits && !paused ? 1 : ms, run, arg);
}

void failing_effects(enum opp_code rc)
{
    effects = rc;
}

static struct opp_post answered;

void __real_opp_effect_apply(struct opp_effect_op *op);
void __wrap_opp_effect_apply(struct opp_effect_op *op);

void __wrap_opp_effect_apply(struct opp_effect_op *op)
{
    if (effect_hook.run != NULL)
        effect_hook.run(effect_hook.arg);
    if (effects == OPP_E_INTERNAL) {
        __real_opp_effect_apply(op);
        return;
    }
    op->rc = opp_fail(&op->err, effects, "the test wants it so");
    answered = (struct opp_post){ .run = op->done, .arg = op->arg };
    opp_loop_post(op->loop, &answered);
}
