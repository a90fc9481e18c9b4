/* SPDX-License-Identifier: MIT */
#include "core/policy_load.h"

#include "core/gateway.h"
#include "core/generation.h"
#include "core/policy_change.h"
#include "core/policy_tools.h"
#include "core/shape.h"
#include "store/store.h"
#include "store/tx.h"

#include <string.h>

enum opp_code opp_policies_make(struct opp_gateway *gateway, struct opp_policy_sources *sources,
                                const struct opp_policies_wanted *wanted, struct opp_generation **out,
                                struct opp_err *err)
{
    struct opp_policy_tools tools = { 0 };
    struct opp_policy_bundle *bundle = NULL;
    enum opp_code rc = opp_policy_tools_list(gateway->adapters, &tools, err);

    if (rc != OPP_OK) {
        opp_policy_sources_free(sources);
        return rc;
    }
    rc = opp_policy_bundle_new(sources, &tools, &bundle, wanted->report, err);
    opp_policy_tools_free(&tools);
    if (rc != OPP_OK)
        return rc;
    opp_policy_bundle_number(bundle, wanted->number);
    return opp_generation_new(bundle, wanted->workers, wanted->loaded_at_ms, out, err);
}

enum opp_code opp_policies_stored_sources(const struct opp_generation_record *record, struct opp_policy_sources **out,
                                          struct opp_err *err)
{
    struct opp_policy_sources *sources = NULL;
    enum opp_code rc = opp_policy_sources_from_json(record->sources, &sources, err);

    if (rc == OPP_OK && strcmp(opp_policy_sources_sha256(sources), record->head.sha256) != 0)
        rc = opp_fail(err, OPP_E_VALIDATION, "the stored policies are not those that were stored");
    if (rc == OPP_OK)
        *out = sources;
    else
        opp_policy_sources_free(sources);
    return rc;
}

bool opp_policies_disk_changed(struct opp_gateway *gateway, const char *profile, const char *sha256)
{
    struct opp_policy_sources *sources = NULL;
    bool same = opp_policy_sources_read(gateway->policies_dir, profile, &sources, NULL) == OPP_OK &&
                strcmp(opp_policy_sources_sha256(sources), sha256) == 0;

    opp_policy_sources_free(sources);
    return !same;
}

static bool disk_changed(struct opp_gateway *gateway, const struct opp_policy_bundle *bundle)
{
    return opp_policies_disk_changed(gateway, opp_policy_bundle_profile(bundle), opp_policy_bundle_sha256(bundle));
}

/* What the store has at the start. */
struct opening {
    struct opp_policy_history history;
    struct opp_generation_record *active, *staged;
};

static enum opp_code get(struct opp_tx *tx, const struct opp_generation_head *head, struct opp_generation_record **out,
                         struct opp_err *err)
{
    void *found = NULL;
    enum opp_code rc = head != NULL ? opp_tx_get(tx, &OPP_GENERATION_RECORD, "id", head->id, &found, err) : OPP_OK;

    *out = found;
    return rc;
}

static enum opp_code look(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opening *opening = arg;
    enum opp_code rc = opp_policy_history_read(tx, &opening->history, err);

    if (rc == OPP_OK && opening->history.count > 0)
        rc = get(tx, opening->history.latest[0], &opening->active, err);
    return rc == OPP_OK ? get(tx, opening->history.staged, &opening->staged, err) : rc;
}

static enum opp_code store_first(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_policy_change_store(arg, tx, err);
}

/* The very first start: what is on the disk. */
static enum opp_code open_files(struct opp_gateway *gateway, struct opp_err *err)
{
    struct opp_policy_change change = { .gateway = gateway, .verb = OPP_POLICY_RELOAD };
    enum opp_code rc = opp_policy_change_begin(&change, err);

    if (rc == OPP_OK)
        rc = opp_policy_change_prepare(&change, err);
    if (rc == OPP_OK)
        rc = opp_store_now(gateway->store, store_first, &change, err);
    opp_policy_change_end(&change);
    return rc;
}

static enum opp_code make_stored(struct opp_gateway *gateway, const struct opp_generation_record *record,
                                 size_t workers, struct opp_generation **out, struct opp_err *err)
{
    struct opp_policies_wanted wanted = { .number = opp_policy_number(&record->head),
                                          .workers = workers,
                                          .loaded_at_ms = record->head.loaded_at };
    struct opp_policy_sources *sources = NULL;
    enum opp_code rc = opp_policies_stored_sources(record, &sources, err);

    return rc == OPP_OK ? opp_policies_make(gateway, sources, &wanted, out, err) : rc;
}

/* What is staged judges beside the rest: that it does not load any more (a tool that it names has gone) holds up
 * nobody. */
static void open_staged(struct opp_gateway *gateway, const struct opp_generation_record *record,
                        struct opp_generation **out)
{
    struct opp_err err = { 0 };

    if (record != NULL && make_stored(gateway, record, 0, out, &err) != OPP_OK)
        opp_log_event(gateway->log, OPP_LOG_ERROR, "policy.staged_failed", "profile", record->head.profile, "where",
                      err.where[0] != '\0' ? err.where : NULL, "message", err.message, NULL);
}

/* The profile that is named counts for a new data directory only: what is in force stays until it is changed. */
static void note_profile(struct opp_gateway *gateway, const struct opp_generation_record *record)
{
    if (strcmp(record->head.profile, gateway->profile) != 0)
        opp_log_event(gateway->log, OPP_LOG_WARN, "policy.profile_kept", "profile", record->head.profile, "named",
                      gateway->profile, "message", "the profile that is named counts for a new data directory", NULL);
}

static enum opp_code open_stored(struct opp_gateway *gateway, const struct opening *opening, struct opp_err *err)
{
    struct opp_generation *active = NULL, *staged = NULL;
    enum opp_code rc = make_stored(gateway, opening->active, gateway->worker_count, &active, err);

    if (rc != OPP_OK)
        return rc;
    note_profile(gateway, opening->active);
    open_staged(gateway, opening->staged, &staged);
    opp_generation_prepare(gateway->policies, active, staged);
    opp_generation_ready(gateway->policies);
    opp_generation_commit(gateway->policies);
    if (opening->staged != NULL && staged == NULL)
        rc = opp_policies_change_now(gateway, OPP_POLICY_DISCARD, "start", err);
    return rc;
}

static void note_disk(struct opp_gateway *gateway)
{
    struct opp_generation *current = opp_generation_pin(gateway->policies);

    if (disk_changed(gateway, opp_generation_bundle(current)))
        opp_log_event(gateway->log, OPP_LOG_WARN, "policy.disk_changed", "generation", opp_generation_label(current),
                      "message", "the files differ from what is in force; reload takes them", NULL);
    opp_generation_unpin(current);
}

enum opp_code opp_policies_open(struct opp_gateway *gateway, struct opp_err *err)
{
    struct opening opening = { .active = NULL };
    enum opp_code rc = opp_store_now(gateway->store, look, &opening, err);

    if (rc == OPP_OK)
        rc = opening.active != NULL ? open_stored(gateway, &opening, err) : open_files(gateway, err);
    opp_policy_history_clear(&opening.history);
    opp_record_free(&OPP_GENERATION_RECORD, opening.active);
    opp_record_free(&OPP_GENERATION_RECORD, opening.staged);
    if (rc == OPP_OK)
        note_disk(gateway);
    return rc;
}

static json_t *show(struct opp_gateway *gateway, const struct opp_generation *generation)
{
    const struct opp_policy_bundle *bundle = opp_generation_bundle(generation);

    return json_pack("{s:s, s:I, s:s, s:o, s:I, s:s}", "profile", opp_policy_bundle_profile(bundle), "generation",
                     (json_int_t)opp_policy_bundle_generation(bundle), "sha256", opp_policy_bundle_sha256(bundle),
                     "loaded_at", opp_shape_time(opp_generation_loaded_at(generation)), "rules",
                     (json_int_t)opp_policy_bundle_count(bundle), "disk",
                     disk_changed(gateway, bundle) ? "changed" : "same");
}

json_t *opp_policies_active(struct opp_gateway *gateway)
{
    struct opp_generation *current = opp_generation_pin(gateway->policies);
    json_t *shown = show(gateway, current);

    json_object_set_new(shown, "errors", opp_generation_errors(current));
    opp_generation_unpin(current);
    return shown;
}

json_t *opp_policies_staged(struct opp_gateway *gateway)
{
    struct opp_generation *staged = opp_generation_pin_staged(gateway->policies);
    json_t *shown = staged != NULL ? show(gateway, staged) : json_null();

    opp_generation_unpin(staged);
    return shown;
}
