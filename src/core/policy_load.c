/* SPDX-License-Identifier: MIT */
#include "core/policy_load.h"

#include "adapter/adapter.h"
#include "adapter/sources.h"
#include "audit/audit.h"
#include "base/crash.h"
#include "base/id.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/hub.h"
#include "core/load.h"
#include "core/shape.h"
#include "store/store.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 24

/* Takes sources. */
static enum opp_code make(struct opp_gateway *gateway, struct opp_sources *sources, int64_t number,
                          struct opp_load_report *report, struct opp_generation **out, struct opp_err *err)
{
    struct opp_loaded loaded = { 0 };
    enum opp_code rc = opp_load(sources, gateway->databases, gateway->log, &loaded, report, err);

    if (rc != OPP_OK)
        return rc;
    opp_policy_bundle_number(loaded.bundle, number);
    return opp_generation_new(&loaded, gateway->worker_count, opp_clock_now_ms(gateway->clock), out, err);
}

/* What its record is stored and found under: padded, so that ids sort as the numbers do. */
static void write_id(const struct opp_generation *generation, char id[NUMBER_MAX])
{
    snprintf(id, NUMBER_MAX, "%012lld", (long long)opp_policy_bundle_generation(opp_generation_bundle(generation)));
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

static enum opp_code insert(struct opp_tx *tx, const struct opp_generation *generation, struct opp_err *err)
{
    const struct opp_policy_bundle *bundle = opp_generation_bundle(generation);
    const struct opp_adapter_sources *adapters = opp_adapters_sources(opp_generation_adapters(generation));
    char id[NUMBER_MAX];
    union {
        const char *in;
        char *out;
    } profile = { .in = opp_policy_bundle_profile(bundle) }, sha256 = { .in = opp_generation_sha256(generation) },
      files = { .in = opp_adapter_sources_sha256(adapters) };
    struct opp_generation_record record = { .id = id,
                                            .profile = profile.out,
                                            .sha256 = sha256.out,
                                            .sources = opp_policy_sources_to_json(opp_policy_bundle_sources(bundle)),
                                            .adapters = files.out,
                                            .loaded_at = opp_generation_loaded_at(generation) };
    enum opp_code rc = record.sources != NULL ? insert_adapters(tx, adapters, err) : OPP_E_MEMORY;

    write_id(generation, id);
    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_GENERATION_RECORD, &record, err);
    json_decref(record.sources);
    return rc;
}

enum opp_code opp_policies_store(struct opp_gateway *gateway, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_generation *prepared = opp_generation_pin_prepared(gateway->policies);
    enum opp_code rc;

    opp_crash_point("generation.unstored");
    if (prepared == NULL)
        return opp_fail(err, OPP_E_INTERNAL, "no policies were prepared");
    rc = insert(tx, prepared, err);
    opp_generation_unpin(prepared);
    if (rc != OPP_OK)
        return rc;
    opp_generation_ready(gateway->policies);
    opp_tx_registry_changed(tx); /* what was judged under the old rules is judged again */
    return OPP_OK;
}

void opp_policies_committed(struct opp_gateway *gateway, struct opp_tx *tx)
{
    struct opp_generation *prepared = opp_generation_pin_prepared(gateway->policies);
    struct opp_generation_record *stored;
    char id[NUMBER_MAX];
    void *found = NULL;

    if (prepared == NULL)
        return;
    write_id(prepared, id);
    if (opp_tx_get(tx, &OPP_GENERATION_RECORD, "id", id, &found, NULL) == OPP_OK) {
        stored = found;
        if (strcmp(stored->sha256, opp_generation_sha256(prepared)) == 0)
            opp_generation_commit(gateway->policies);
    }
    opp_record_free(&OPP_GENERATION_RECORD, found);
    opp_generation_unpin(prepared);
}

enum opp_code opp_policies_stored(struct opp_tx *tx, const struct opp_generation_record *record,
                                  struct opp_sources *out, struct opp_err *err)
{
    struct opp_sources sources = { .stored = true };
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_ADAPTERS_RECORD, "id", record->adapters, &found, err);

    if (rc == OPP_OK)
        rc = opp_adapter_sources_from_json(((const struct opp_adapters_record *)found)->files, &sources.adapters, err);
    if (rc == OPP_OK)
        rc = opp_policy_sources_from_json(record->sources, &sources.policies, err);
    opp_record_free(&OPP_ADAPTERS_RECORD, found);
    if (rc == OPP_OK)
        *out = sources;
    else
        opp_sources_clear(&sources);
    return rc;
}

/* The generation that was in force last, if there is one. */
struct newest {
    struct opp_generation_record *record;
    struct opp_sources sources;
};

static enum opp_code take_newest(void *arg, void *record, struct opp_err *err)
{
    (void)err;
    ((struct newest *)arg)->record = record;
    return OPP_OK;
}

static enum opp_code find_newest(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_GENERATION_RECORD, .order = "id", .descending = true, .limit = 1 };
    struct newest *newest = arg;
    enum opp_code rc = opp_tx_each(tx, &query, take_newest, newest, err);

    return rc == OPP_OK && newest->record != NULL ? opp_policies_stored(tx, newest->record, &newest->sources, err) : rc;
}

static enum opp_code store_first(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_policies_store(arg, tx, err);
}

static enum opp_code read_files(const struct opp_gateway *gateway, const char *profile, struct opp_sources *out,
                                struct opp_load_report *report, struct opp_err *err)
{
    struct opp_load_dirs dirs = { gateway->adapters_dir, gateway->policies_dir, profile };

    return opp_load_read(&dirs, out, report, err);
}

/* The very first start: what is on the disk. */
static enum opp_code open_files(struct opp_gateway *gateway, struct opp_err *err)
{
    struct opp_sources sources = { 0 };
    struct opp_load_report report = { 0 };
    struct opp_generation *generation = NULL;
    enum opp_code rc = read_files(gateway, gateway->profile, &sources, &report, err);

    if (rc == OPP_OK)
        rc = make(gateway, &sources, 1, &report, &generation, err);
    opp_load_report_clear(&report);
    if (rc != OPP_OK)
        return rc;
    opp_generation_prepare(gateway->policies, generation);
    return opp_store_now(gateway->store, store_first, gateway, err);
}

static enum opp_code open_stored(struct opp_gateway *gateway, struct newest *newest, struct opp_err *err)
{
    struct opp_load_report report = { 0 };
    struct opp_generation *generation = NULL;
    enum opp_code rc = make(gateway, &newest->sources, atoll(newest->record->id), &report, &generation, err);

    opp_load_report_clear(&report);
    if (rc != OPP_OK)
        return rc;
    opp_generation_prepare(gateway->policies, generation);
    opp_generation_ready(gateway->policies);
    opp_generation_commit(gateway->policies);
    return OPP_OK;
}

/* The profile that is named counts for a new data directory only: what is in force stays until it is changed. */
static enum opp_code keep_profile(struct opp_gateway *gateway, const struct opp_generation_record *record,
                                  struct opp_err *err)
{
    if (strcmp(record->profile, gateway->profile) != 0)
        opp_log_event(gateway->log, OPP_LOG_WARN, "policy.profile_kept", "profile", record->profile, "named",
                      gateway->profile, "message", "the profile that is named counts for a new data directory", NULL);
    if (snprintf(gateway->active_profile, sizeof gateway->active_profile, "%s", record->profile) >=
        (int)sizeof gateway->active_profile)
        return opp_fail(err, OPP_E_CONFIG, "the stored profile's name is too long");
    gateway->profile = gateway->active_profile;
    return OPP_OK;
}

static bool disk_changed(const struct opp_gateway *gateway, const struct opp_generation *generation)
{
    struct opp_sources sources = { 0 };
    struct opp_load_report report = { 0 };
    char sha256[OPP_HASH_HEX];
    const char *profile = opp_policy_bundle_profile(opp_generation_bundle(generation));
    bool same = read_files(gateway, profile, &sources, &report, NULL) == OPP_OK &&
                opp_sources_hash(&sources, sha256, NULL) == OPP_OK &&
                strcmp(sha256, opp_generation_sha256(generation)) == 0;

    opp_load_report_clear(&report);
    opp_sources_clear(&sources);
    return !same;
}

enum opp_code opp_policies_open(struct opp_gateway *gateway, struct opp_err *err)
{
    struct newest newest = { 0 };
    struct opp_generation *current;
    enum opp_code rc = opp_store_now(gateway->store, find_newest, &newest, err);

    if (rc == OPP_OK)
        rc = newest.record != NULL ? open_stored(gateway, &newest, err) : open_files(gateway, err);
    if (rc == OPP_OK && newest.record != NULL)
        rc = keep_profile(gateway, newest.record, err);
    opp_sources_clear(&newest.sources);
    opp_record_free(&OPP_GENERATION_RECORD, newest.record);
    if (rc != OPP_OK)
        return rc;
    current = opp_generation_pin(gateway->policies);
    if (disk_changed(gateway, current))
        opp_log_event(gateway->log, OPP_LOG_WARN, "policy.disk_changed", "generation", opp_generation_label(current),
                      "message", "the files differ from what is in force; reload takes them", NULL);
    opp_generation_unpin(current);
    return OPP_OK;
}

static int64_t next_number(struct opp_gateway *gateway)
{
    struct opp_generation *current = opp_generation_pin(gateway->policies);
    int64_t number = opp_policy_bundle_generation(opp_generation_bundle(current)) + 1;

    opp_generation_unpin(current);
    return number;
}

static void tell(const struct opp_load_report *report, json_t **issues, json_t **warnings)
{
    if (issues != NULL)
        *issues = opp_load_issues(report);
    if (warnings != NULL && report->policies.warnings != NULL)
        *warnings = json_incref(report->policies.warnings);
}

/* The number is taken after the change has begun: nobody else takes the same. */
enum opp_code opp_policies_prepare(struct opp_gateway *gateway, json_t **issues, json_t **warnings, struct opp_err *err)
{
    struct opp_sources sources = { 0 };
    struct opp_load_report report = { 0 };
    struct opp_generation *generation = NULL;
    enum opp_code rc;

    if (!opp_generation_begin(gateway->policies))
        return opp_fail(err, OPP_E_KEY_BUSY, "another change of the policies is under way");
    rc = opp_generation_await_room(gateway->policies)
             ? read_files(gateway, gateway->profile, &sources, &report, err)
             : opp_fail(err, OPP_E_UNAVAILABLE, "too many old generations are still in use");
    if (rc == OPP_OK)
        rc = make(gateway, &sources, next_number(gateway), &report, &generation, err);
    tell(&report, issues, warnings);
    opp_load_report_clear(&report);
    if (rc == OPP_OK)
        opp_generation_prepare(gateway->policies, generation);
    else
        opp_generation_abandon(gateway->policies);
    return rc;
}

static enum opp_code store_reload(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_gateway *gateway = arg;
    char request_id[OPP_ID_MAX];
    struct opp_audit_event event = { .action = "policy.reload",
                                     .status = "success",
                                     .performed_by_user_id = "signal",
                                     .request_id = request_id,
                                     .created_at = opp_clock_now_ms(gateway->clock) };
    enum opp_code rc = opp_policies_store(gateway, tx, err);

    opp_id_make(request_id, "req_", event.created_at);
    return rc == OPP_OK ? opp_audit_append(tx, &event, err) : rc;
}

enum opp_code opp_policies_reload_now(struct opp_gateway *gateway, struct opp_err *err)
{
    enum opp_code rc = opp_policies_prepare(gateway, NULL, NULL, err);

    if (rc != OPP_OK)
        return rc;
    rc = opp_store_now(gateway->store, store_reload, gateway, err);
    if (rc == OPP_OK)
        opp_hub_notify(gateway->hub, NULL); /* who waits for events sees this one */
    else
        opp_generation_abandon(gateway->policies);
    return rc;
}

json_t *opp_policies_active(struct opp_gateway *gateway)
{
    struct opp_generation *current = opp_generation_pin(gateway->policies);
    const struct opp_policy_bundle *bundle = opp_generation_bundle(current);
    json_t *shown = json_pack(
        "{s:s, s:I, s:s, s:o, s:I, s:s, s:o}", "profile", opp_policy_bundle_profile(bundle), "generation",
        (json_int_t)opp_policy_bundle_generation(bundle), "sha256", opp_generation_sha256(current), "loaded_at",
        opp_shape_time(opp_generation_loaded_at(current)), "rules", (json_int_t)opp_policy_bundle_count(bundle), "disk",
        disk_changed(gateway, current) ? "changed" : "same", "errors", opp_generation_errors(current));

    opp_generation_unpin(current);
    return shown;
}
