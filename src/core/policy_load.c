/* SPDX-License-Identifier: MIT */
#include "core/policy_load.h"

#include "adapter/adapter.h"
#include "adapter/sources.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/policy_change.h"
#include "core/shape.h"
#include "store/store.h"
#include "store/tx.h"

#include <string.h>

enum opp_code opp_policies_make(struct opp_gateway *gateway, struct opp_sources *sources,
                                const struct opp_policies_wanted *wanted, struct opp_load_report *report,
                                struct opp_generation **out, struct opp_err *err)
{
    struct opp_load_host host = { gateway->databases, gateway->upstreams, gateway->log };
    struct opp_loaded loaded = { 0 };
    enum opp_code rc;

    if (!opp_generation_await_room(gateway->policies)) {
        opp_sources_clear(sources);
        return opp_fail(err, OPP_E_UNAVAILABLE, "too many old generations are still in use");
    }
    rc = opp_load(sources, &host, &loaded, report, err);
    if (rc != OPP_OK)
        return rc;
    opp_policy_bundle_number(loaded.bundle, wanted->number);
    return opp_generation_new(&loaded, wanted->workers, wanted->loaded_at_ms, out, err);
}

enum opp_code opp_policies_read_rules(struct opp_gateway *gateway, const char *profile, struct opp_sources *out,
                                      struct opp_err *err)
{
    struct opp_generation *current = opp_generation_pin(gateway->policies);
    struct opp_sources sources = { .adapters = opp_adapter_sources_ref(
                                       opp_adapters_sources(opp_generation_adapters(current))) };
    enum opp_code rc = opp_policy_sources_read(gateway->policies_dir, profile, &sources.policies, err);

    opp_generation_unpin(current);
    if (rc == OPP_OK)
        *out = sources;
    else
        opp_sources_clear(&sources);
    return rc;
}

enum opp_code opp_policies_read_all(struct opp_gateway *gateway, const char *profile, struct opp_sources *out,
                                    struct opp_load_report *report, struct opp_err *err)
{
    struct opp_load_dirs dirs = { gateway->adapters_dir, gateway->policies_dir, profile };

    return opp_load_read(&dirs, out, report, err);
}

static enum opp_code read_stored(struct opp_tx *tx, const struct opp_generation_record *record,
                                 struct opp_sources *sources, struct opp_err *err)
{
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_ADAPTERS_RECORD, "id", record->head.adapters, &found, err);

    if (rc == OPP_OK)
        rc = opp_adapter_sources_from_json(((const struct opp_adapters_record *)found)->files, &sources->adapters, err);
    if (rc == OPP_OK)
        rc = opp_policy_sources_from_json(record->sources, &sources->policies, err);
    opp_record_free(&OPP_ADAPTERS_RECORD, found);
    return rc;
}

/* One that a gateway of schema 1 kept: without its adapters, which were those on the disk at each start. */
static enum opp_code read_schema_1(const struct opp_gateway *gateway, const struct opp_generation_record *record,
                                   struct opp_sources *out, struct opp_err *err)
{
    struct opp_sources sources = { .stored = true };
    enum opp_code rc = opp_adapter_sources_read(gateway->adapters_dir, &sources.adapters, err);

    if (rc == OPP_OK)
        rc = opp_policy_sources_from_json(record->sources, &sources.policies, err);
    if (rc == OPP_OK)
        *out = sources;
    else
        opp_sources_clear(&sources);
    return rc;
}

enum opp_code opp_policies_stored(struct opp_gateway *gateway, struct opp_tx *tx,
                                  const struct opp_generation_record *record, struct opp_sources *out,
                                  struct opp_err *err)
{
    struct opp_sources sources = { .stored = true };
    char sha256[OPP_HASH_HEX];
    enum opp_code rc;

    if (record->head.adapters[0] == '\0')
        return read_schema_1(gateway, record, out, err);
    rc = read_stored(tx, record, &sources, err);
    if (rc == OPP_OK)
        rc = opp_sources_hash(&sources, sha256, err);
    if (rc == OPP_OK && strcmp(sha256, record->head.sha256) != 0)
        rc = opp_fail(err, OPP_E_VALIDATION, "the stored policies are not those that were stored");
    if (rc == OPP_OK)
        *out = sources;
    else
        opp_sources_clear(&sources);
    return rc;
}

/* Takes sources, which rc says were read. */
static bool is_made_of(const struct opp_generation *generation, enum opp_code rc, struct opp_sources *sources)
{
    char sha256[OPP_HASH_HEX];
    bool same = rc == OPP_OK && opp_sources_hash(sources, sha256, NULL) == OPP_OK &&
                strcmp(sha256, opp_generation_sha256(generation)) == 0;

    opp_sources_clear(sources);
    return same;
}

static bool disk_changed(struct opp_gateway *gateway, const struct opp_generation *generation)
{
    const char *profile = opp_policy_bundle_profile(opp_generation_bundle(generation));
    struct opp_load_report report = { 0 };
    struct opp_sources sources = { 0 };
    enum opp_code rc = opp_policies_read_all(gateway, profile, &sources, &report, NULL);

    opp_load_report_clear(&report);
    return !is_made_of(generation, rc, &sources);
}

bool opp_policies_staged_same(struct opp_gateway *gateway)
{
    struct opp_generation *staged = opp_generation_pin_staged(gateway->policies);
    struct opp_sources sources = { 0 };
    enum opp_code rc;
    bool same;

    if (staged == NULL)
        return false;
    rc = opp_policies_read_rules(gateway, opp_policy_bundle_profile(opp_generation_bundle(staged)), &sources, NULL);
    same = is_made_of(staged, rc, &sources);
    opp_generation_unpin(staged);
    return same;
}

/* What the store has at the start. */
struct opening {
    struct opp_gateway *gateway;
    struct opp_policy_history history;
    struct opp_generation_record *active, *staged;
    struct opp_sources active_sources, staged_sources;
    struct opp_err staged_err; /* why what is staged cannot be read */
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
    if (rc == OPP_OK && opening->active != NULL)
        rc = opp_policies_stored(opening->gateway, tx, opening->active, &opening->active_sources, err);
    if (rc == OPP_OK)
        rc = get(tx, opening->history.staged, &opening->staged, err);
    if (rc == OPP_OK && opening->staged != NULL)
        opp_policies_stored(opening->gateway, tx, opening->staged, &opening->staged_sources, &opening->staged_err);
    return rc;
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

/* Takes sources. */
static enum opp_code make_stored(struct opp_gateway *gateway, struct opp_sources *sources,
                                 const struct opp_generation_head *head, size_t workers, struct opp_generation **out,
                                 struct opp_err *err)
{
    struct opp_policies_wanted wanted = { .number = opp_policy_number(head),
                                          .workers = workers,
                                          .loaded_at_ms = head->loaded_at };
    struct opp_load_report report = { 0 };
    enum opp_code rc = opp_policies_make(gateway, sources, &wanted, &report, out, err);

    opp_load_report_clear(&report);
    return rc;
}

/* What is staged judges beside the rest: that it does not load any more holds up nobody. */
static void open_staged(struct opp_gateway *gateway, struct opening *opening, struct opp_generation **out)
{
    struct opp_err *err = &opening->staged_err;

    if (opening->staged == NULL)
        return;
    if (err->code == OPP_OK &&
        make_stored(gateway, &opening->staged_sources, &opening->staged->head, 0, out, err) == OPP_OK)
        return;
    opp_log_event(gateway->log, OPP_LOG_ERROR, "policy.staged_failed", "profile", opening->staged->head.profile,
                  "where", err->where[0] != '\0' ? err->where : NULL, "message", err->message, NULL);
}

/* The profile that is named counts for a new data directory only: what is in force stays until it is changed. */
static void note_profile(struct opp_gateway *gateway, const struct opp_generation_record *record)
{
    if (strcmp(record->head.profile, gateway->profile) != 0)
        opp_log_event(gateway->log, OPP_LOG_WARN, "policy.profile_kept", "profile", record->head.profile, "named",
                      gateway->profile, "message", "the profile that is named counts for a new data directory", NULL);
}

static enum opp_code open_stored(struct opp_gateway *gateway, struct opening *opening, struct opp_err *err)
{
    struct opp_generation *active = NULL, *staged = NULL;
    enum opp_code rc =
        make_stored(gateway, &opening->active_sources, &opening->active->head, gateway->worker_count, &active, err);

    if (rc != OPP_OK)
        return rc;
    note_profile(gateway, opening->active);
    open_staged(gateway, opening, &staged);
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

    if (disk_changed(gateway, current))
        opp_log_event(gateway->log, OPP_LOG_WARN, "policy.disk_changed", "generation", opp_generation_label(current),
                      "message", "the files differ from what is in force; reload takes them", NULL);
    opp_generation_unpin(current);
}

enum opp_code opp_policies_open(struct opp_gateway *gateway, struct opp_err *err)
{
    struct opening opening = { .gateway = gateway };
    enum opp_code rc = opp_store_now(gateway->store, look, &opening, err);

    if (rc == OPP_OK)
        rc = opening.active != NULL ? open_stored(gateway, &opening, err) : open_files(gateway, err);
    opp_policy_history_clear(&opening.history);
    opp_sources_clear(&opening.active_sources);
    opp_sources_clear(&opening.staged_sources);
    opp_record_free(&OPP_GENERATION_RECORD, opening.active);
    opp_record_free(&OPP_GENERATION_RECORD, opening.staged);
    if (rc == OPP_OK)
        note_disk(gateway);
    return rc;
}

static json_t *show(const struct opp_generation *generation, bool same)
{
    const struct opp_policy_bundle *bundle = opp_generation_bundle(generation);

    return json_pack("{s:s, s:I, s:s, s:o, s:I, s:s}", "profile", opp_policy_bundle_profile(bundle), "generation",
                     (json_int_t)opp_policy_bundle_generation(bundle), "sha256", opp_generation_sha256(generation),
                     "loaded_at", opp_shape_time(opp_generation_loaded_at(generation)), "rules",
                     (json_int_t)opp_policy_bundle_count(bundle), "disk", same ? "same" : "changed");
}

json_t *opp_policies_active(struct opp_gateway *gateway)
{
    struct opp_generation *current = opp_generation_pin(gateway->policies);
    json_t *shown = show(current, !disk_changed(gateway, current));

    json_object_set_new(shown, "errors", opp_generation_errors(current));
    opp_generation_unpin(current);
    return shown;
}

json_t *opp_policies_staged(struct opp_gateway *gateway)
{
    struct opp_generation *staged = opp_generation_pin_staged(gateway->policies);
    json_t *shown = staged != NULL ? show(staged, opp_policies_staged_same(gateway)) : json_null();

    opp_generation_unpin(staged);
    return shown;
}
