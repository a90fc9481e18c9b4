/* SPDX-License-Identifier: MIT */
#include "core/policy_change.h"

#include "adapter/adapter.h"
#include "adapter/sources.h"
#include "audit/audit.h"
#include "base/crash.h"
#include "base/id.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/hub.h"
#include "core/policy_load.h"
#include "core/staging.h"
#include "store/store.h"
#include "store/tx.h"

#include <string.h>

enum opp_code opp_policy_change_begin(struct opp_policy_change *change, struct opp_err *err)
{
    change->number = opp_generation_begin(change->gateway->policies);
    return change->number != 0 ? OPP_OK
                               : opp_fail(err, OPP_E_UNAVAILABLE, "another change of the policies is under way");
}

/* Gives the generation to roll back to: the one that is named, or the one that was in force before. */
static enum opp_code find_earlier(const struct opp_policy_change *change, const struct opp_generation_head **out,
                                  struct opp_err *err)
{
    const struct opp_policy_history *history = &change->history;

    if (history->count < 2)
        return opp_fail_at(err, OPP_E_PRECONDITION, "nothing_before", "No policies were in force before these.");
    if (change->sha256 != NULL && strcmp(history->latest[0]->sha256, change->sha256) == 0)
        return opp_fail_at(err, OPP_E_PRECONDITION, "in_force", "These policies are in force.");
    for (size_t i = 1; i < history->count; i++)
        if (change->sha256 == NULL || strcmp(history->latest[i]->sha256, change->sha256) == 0) {
            *out = history->latest[i];
            return OPP_OK;
        }
    return opp_fail_at(err, OPP_E_PRECONDITION, "not_stored",
                       "These policies are not among those that can be rolled back to.");
}

static enum opp_code find_staged(const struct opp_policy_change *change, const struct opp_generation_head **out,
                                 struct opp_err *err)
{
    const struct opp_generation_head *staged = change->history.staged;

    if (staged == NULL)
        return opp_fail_at(err, OPP_E_PRECONDITION, "nothing_staged", "Nothing is staged.");
    if (change->sha256 != NULL && strcmp(staged->sha256, change->sha256) != 0)
        return opp_fail_at(err, OPP_E_PRECONDITION, "not_staged", "These policies are not those that are staged.");
    *out = staged;
    return OPP_OK;
}

static enum opp_code find_stored(struct opp_policy_change *change, struct opp_tx *tx, struct opp_err *err)
{
    const struct opp_generation_head *head = NULL;
    void *found = NULL;
    enum opp_code rc =
        change->verb == OPP_POLICY_PROMOTE ? find_staged(change, &head, err) : find_earlier(change, &head, err);

    if (rc == OPP_OK && head != NULL)
        rc = opp_tx_get(tx, &OPP_GENERATION_RECORD, "id", head->id, &found, err);
    change->stored = found;
    return rc == OPP_OK ? opp_policies_stored(change->gateway, tx, change->stored, &change->sources, err) : rc;
}

enum opp_code opp_policy_change_look(struct opp_policy_change *change, struct opp_tx *tx, struct opp_err *err)
{
    enum opp_code rc = opp_policy_history_read(tx, &change->history, err);

    if (rc != OPP_OK)
        return rc;
    switch (change->verb) {
    case OPP_POLICY_RELOAD:
    case OPP_POLICY_STAGE:
        return OPP_OK;
    case OPP_POLICY_DISCARD:
        return find_staged(change, &(const struct opp_generation_head *){ NULL }, err);
    case OPP_POLICY_PROMOTE:
    case OPP_POLICY_ROLLBACK:
        return find_stored(change, tx, err);
    }
    return OPP_E_INTERNAL;
}

static enum opp_code read_sources(struct opp_policy_change *change, struct opp_err *err)
{
    struct opp_gateway *gateway = change->gateway;
    struct opp_generation *current = opp_generation_pin(gateway->policies);
    enum opp_code rc = OPP_OK;

    if (change->verb == OPP_POLICY_STAGE)
        rc = opp_policies_read_rules(gateway, change->profile, &change->sources, err);
    else if (change->verb == OPP_POLICY_RELOAD)
        rc = opp_policies_read_all(
            gateway, current != NULL ? opp_policy_bundle_profile(opp_generation_bundle(current)) : gateway->profile,
            &change->sources, &change->report, err);
    opp_generation_unpin(current);
    return rc;
}

/* A stored generation keeps its number; files that are loaded get the next. */
static enum opp_code make(struct opp_policy_change *change, struct opp_err *err)
{
    struct opp_policies_wanted wanted = {
        .number = change->stored != NULL ? opp_policy_number(&change->stored->head) : change->history.newest + 1,
        .workers = change->verb != OPP_POLICY_STAGE ? change->gateway->worker_count : 0,
        .loaded_at_ms = opp_clock_now_ms(change->gateway->clock),
    };
    enum opp_code rc = read_sources(change, err);

    return rc == OPP_OK
               ? opp_policies_make(change->gateway, &change->sources, &wanted, &change->report, &change->made, err)
               : rc;
}

/* What was judged beside the policies in force is what its author sees in the files, or it is not promoted. */
static enum opp_code check_staged(const struct opp_policy_change *change, struct opp_err *err)
{
    if (change->verb != OPP_POLICY_PROMOTE || opp_policies_staged_same(change->gateway))
        return OPP_OK;
    return opp_fail_at(err, OPP_E_PRECONDITION, "files_changed",
                       "The staged files, or the adapters, have changed since: stage them again.");
}

enum opp_code opp_policy_change_prepare(struct opp_policy_change *change, struct opp_err *err)
{
    struct opp_generation_slot *slot = change->gateway->policies;
    struct opp_generation *next = NULL, *staged = NULL;
    enum opp_code rc = check_staged(change, err);

    if (rc == OPP_OK && change->verb != OPP_POLICY_DISCARD)
        rc = make(change, err);
    if (rc != OPP_OK)
        return rc;
    if (change->verb == OPP_POLICY_STAGE)
        staged = change->made;
    else
        next = change->made;
    if (change->verb == OPP_POLICY_RELOAD || change->verb == OPP_POLICY_ROLLBACK)
        staged = opp_generation_pin_staged(slot);
    opp_generation_prepare(slot, next, staged);
    return OPP_OK;
}

static int64_t next_turn(const struct opp_policy_change *change)
{
    return change->history.count > 0 ? change->history.latest[0]->turn + 1 : 1;
}

/* The adapters' files are kept once, however many generations have the same. */
static enum opp_code insert_adapters(struct opp_tx *tx, const struct opp_adapter_sources *sources, struct opp_err *err)
{
    union {
        const char *in;
        char *out;
    } id = { .in = opp_adapter_sources_sha256(sources) };
    struct opp_adapters_record record = { .id = id.out };
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_ADAPTERS_RECORD, "id", id.in, &found, err);

    opp_record_free(&OPP_ADAPTERS_RECORD, found);
    if (rc != OPP_E_ABSENT)
        return rc;
    record.files = opp_adapter_sources_to_json(sources);
    rc = record.files != NULL ? opp_tx_insert(tx, &OPP_ADAPTERS_RECORD, &record, err) : OPP_E_MEMORY;
    json_decref(record.files);
    return rc;
}

static enum opp_code insert(const struct opp_policy_change *change, struct opp_tx *tx, struct opp_err *err)
{
    const struct opp_policy_bundle *bundle = opp_generation_bundle(change->made);
    const struct opp_adapter_sources *adapters = opp_adapters_sources(opp_generation_adapters(change->made));
    bool staged = change->verb == OPP_POLICY_STAGE;
    char id[OPP_POLICY_ID_MAX];
    union {
        const char *in;
        char *out;
    } profile = { .in = opp_policy_bundle_profile(bundle) }, sha256 = { .in = opp_generation_sha256(change->made) },
      files = { .in = opp_adapter_sources_sha256(adapters) };
    struct opp_generation_record record = { .head = { .id = id,
                                                      .profile = profile.out,
                                                      .sha256 = sha256.out,
                                                      .adapters = files.out,
                                                      .loaded_at = opp_generation_loaded_at(change->made),
                                                      .turn = staged ? 0 : next_turn(change),
                                                      .staged = staged },
                                            .sources = opp_policy_sources_to_json(opp_policy_bundle_sources(bundle)) };
    enum opp_code rc = record.sources != NULL ? insert_adapters(tx, adapters, err) : OPP_E_MEMORY;

    opp_policy_id(opp_policy_bundle_generation(bundle), id);
    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_GENERATION_RECORD, &record, err);
    json_decref(record.sources);
    return rc;
}

static enum opp_code set(struct opp_tx *tx, struct opp_generation_head *head, int64_t turn, bool staged,
                         struct opp_err *err)
{
    static const char *const columns[] = { "turn", "staged", NULL };

    head->turn = turn;
    head->staged = staged;
    return opp_tx_update(tx, &OPP_GENERATION_HEAD, head, columns, err);
}

static enum opp_code unstage(const struct opp_policy_change *change, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_generation_head *staged = change->history.staged;

    return staged != NULL ? set(tx, staged, staged->turn, false, err) : OPP_OK;
}

static enum opp_code write(struct opp_policy_change *change, struct opp_tx *tx, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    switch (change->verb) {
    case OPP_POLICY_STAGE:
        rc = unstage(change, tx, err);
        return rc == OPP_OK ? insert(change, tx, err) : rc;
    case OPP_POLICY_DISCARD:
        return unstage(change, tx, err);
    case OPP_POLICY_RELOAD:
        return insert(change, tx, err);
    case OPP_POLICY_PROMOTE:
    case OPP_POLICY_ROLLBACK:
        return set(tx, &change->stored->head, next_turn(change), false, err);
    }
    return OPP_E_INTERNAL;
}

enum opp_code opp_policy_change_store(struct opp_policy_change *change, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_policy_history before = change->history;
    enum opp_code rc;

    opp_crash_point("generation.unstored");
    rc = write(change, tx, err);
    opp_crash_point("policies.unaudited");
    change->history = (struct opp_policy_history){ 0 };
    if (rc == OPP_OK)
        rc = opp_policy_history_read(tx, &change->history, err);
    opp_policy_history_clear(&before);
    if (rc != OPP_OK)
        return rc;
    opp_generation_ready(change->gateway->policies);
    opp_tx_registry_changed(tx); /* what was judged under the old rules is judged again */
    return OPP_OK;
}

json_t *opp_policy_change_details(const struct opp_policy_change *change)
{
    const struct opp_policy_bundle *bundle;

    if (change->made == NULL)
        return opp_policy_head_json(change->history.staged);
    bundle = opp_generation_bundle(change->made);
    return json_pack("{s:s, s:I, s:s}", "profile", opp_policy_bundle_profile(bundle), "generation",
                     (json_int_t)opp_policy_bundle_generation(bundle), "sha256", opp_generation_sha256(change->made));
}

void opp_policy_change_end(struct opp_policy_change *change)
{
    if (change->number != 0)
        opp_generation_abandon(change->gateway->policies, change->number);
    opp_policy_history_clear(&change->history);
    opp_record_free(&OPP_GENERATION_RECORD, change->stored);
    opp_sources_clear(&change->sources);
    opp_load_report_clear(&change->report);
    change->stored = NULL;
    change->made = NULL;
}

void opp_policies_tell_staging(struct opp_gateway *gateway)
{
    struct opp_generation *staged = opp_generation_pin_staged(gateway->policies);
    struct opp_err err = { 0 };
    enum opp_code rc;

    if (gateway->staging == NULL) {
        opp_generation_unpin(staged);
        return;
    }
    rc = opp_staging_set(gateway->staging, staged, &err);
    if (rc != OPP_OK)
        opp_log_event(gateway->log, OPP_LOG_ERROR, "policy.staged_failed", "message", err.message, NULL);
    opp_generation_unpin(staged);
}

static int64_t staged_number(struct opp_gateway *gateway)
{
    struct opp_generation *staged = opp_generation_pin_staged(gateway->policies);
    int64_t number = staged != NULL ? opp_policy_bundle_generation(opp_generation_bundle(staged)) : 0;

    opp_generation_unpin(staged);
    return number;
}

static void commit(struct opp_gateway *gateway)
{
    int64_t before = staged_number(gateway);

    opp_generation_commit(gateway->policies);
    if (staged_number(gateway) != before)
        opp_policies_tell_staging(gateway);
}

void opp_policies_committed(struct opp_gateway *gateway, struct opp_tx *tx)
{
    struct opp_policy_history stored = { 0 };
    struct opp_err err = { 0 };
    int64_t current, staged;

    if (!opp_generation_is_ready(gateway->policies, &current, &staged))
        return;
    if (opp_policy_history_read(tx, &stored, NULL) != OPP_OK && opp_policy_history_read(tx, &stored, &err) != OPP_OK) {
        opp_log_event(gateway->log, OPP_LOG_ERROR, "policy.not_in_force", "message", err.message, NULL);
        return;
    }
    if (stored.count > 0 && opp_policy_number(stored.latest[0]) == current &&
        (stored.staged != NULL ? opp_policy_number(stored.staged) : 0) == staged)
        commit(gateway);
    opp_policy_history_clear(&stored);
}

static enum opp_code look_now(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_policy_change_look(arg, tx, err);
}

const char *opp_policy_verb_action(enum opp_policy_verb verb)
{
    static const char *const actions[] = { "policy.reload", "policy.stage", "policy.discard", "policy.promote",
                                           "policy.rollback" };

    return actions[verb];
}

/* A change that nobody asked for by a request. */
struct own_change {
    struct opp_policy_change change;
    const char *who;
};

static enum opp_code store_own(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct own_change *own = arg;
    char request_id[OPP_ID_MAX];
    struct opp_audit_event event = { .action = opp_policy_verb_action(own->change.verb),
                                     .status = "success",
                                     .performed_by_user_id = own->who,
                                     .request_id = request_id,
                                     .created_at = opp_clock_now_ms(own->change.gateway->clock) };
    json_t *details = opp_policy_change_details(&own->change);
    enum opp_code rc = opp_policy_change_store(&own->change, tx, err);

    event.details = details;
    opp_id_make(request_id, "req_", event.created_at);
    if (rc == OPP_OK)
        rc = opp_audit_append(tx, &event, err);
    json_decref(details);
    return rc;
}

enum opp_code opp_policies_change_now(struct opp_gateway *gateway, enum opp_policy_verb verb, const char *who,
                                      struct opp_err *err)
{
    struct own_change own = { { .gateway = gateway, .verb = verb }, who };
    enum opp_code rc = opp_policy_change_begin(&own.change, err);

    if (rc == OPP_OK)
        rc = opp_store_now(gateway->store, look_now, &own.change, err);
    if (rc == OPP_OK)
        rc = opp_policy_change_prepare(&own.change, err);
    if (rc == OPP_OK)
        rc = opp_store_now(gateway->store, store_own, &own, err);
    if (rc == OPP_OK)
        opp_hub_notify(gateway->hub, NULL); /* who waits for events sees this one */
    opp_policy_change_end(&own.change);
    return rc;
}
