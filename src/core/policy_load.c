/* SPDX-License-Identifier: MIT */
#include "core/policy_load.h"

#include "audit/audit.h"
#include "base/id.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/policy_tools.h"
#include "core/shape.h"
#include "store/store.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 24

/* Takes sources. */
static enum opp_code make(struct opp_gateway *gateway, struct opp_policy_sources *sources, int64_t number,
                          struct opp_policy_report *report, struct opp_generation **out, struct opp_err *err)
{
    struct opp_policy_tools tools = { 0 };
    struct opp_policy_bundle *bundle = NULL;
    enum opp_code rc = opp_policy_tools_list(gateway->adapters, &tools, err);

    if (rc != OPP_OK) {
        opp_policy_sources_free(sources);
        return rc;
    }
    rc = opp_policy_bundle_new(sources, &tools, &bundle, report, err);
    opp_policy_tools_free(&tools);
    if (rc != OPP_OK)
        return rc;
    opp_policy_bundle_number(bundle, number);
    return opp_generation_new(bundle, gateway->worker_count, opp_clock_now_ms(gateway->clock), out, err);
}

/* What its record is stored and found under: padded, so that ids sort as the numbers do. */
static void write_id(const struct opp_generation *generation, char id[NUMBER_MAX])
{
    snprintf(id, NUMBER_MAX, "%012lld", (long long)opp_policy_bundle_generation(opp_generation_bundle(generation)));
}

static enum opp_code insert(struct opp_tx *tx, const struct opp_generation *generation, struct opp_err *err)
{
    const struct opp_policy_bundle *bundle = opp_generation_bundle(generation);
    char id[NUMBER_MAX];
    union {
        const char *in;
        char *out;
    } profile = { .in = opp_policy_bundle_profile(bundle) }, sha256 = { .in = opp_policy_bundle_sha256(bundle) };
    struct opp_generation_record record = { .id = id,
                                            .profile = profile.out,
                                            .sha256 = sha256.out,
                                            .sources = opp_policy_sources_to_json(opp_policy_bundle_sources(bundle)),
                                            .loaded_at = opp_generation_loaded_at(generation) };
    enum opp_code rc = OPP_E_MEMORY;

    write_id(generation, id);
    if (record.sources != NULL)
        rc = opp_tx_insert(tx, &OPP_GENERATION_RECORD, &record, err);
    json_decref(record.sources);
    return rc;
}

enum opp_code opp_policies_store(struct opp_gateway *gateway, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_generation *prepared = opp_generation_pin_prepared(gateway->policies);
    enum opp_code rc;

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
        if (strcmp(stored->sha256, opp_policy_bundle_sha256(opp_generation_bundle(prepared))) == 0)
            opp_generation_commit(gateway->policies);
    }
    opp_record_free(&OPP_GENERATION_RECORD, found);
    opp_generation_unpin(prepared);
}

static enum opp_code take_newest(void *arg, void *record, struct opp_err *err)
{
    (void)err;
    *(void **)arg = record;
    return OPP_OK;
}

static enum opp_code find_newest(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_GENERATION_RECORD, .order = "id", .descending = true, .limit = 1 };

    return opp_tx_each(tx, &query, take_newest, arg, err);
}

static enum opp_code store_first(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_policies_store(arg, tx, err);
}

/* The very first start: what is on the disk. */
static enum opp_code open_files(struct opp_gateway *gateway, struct opp_err *err)
{
    struct opp_policy_sources *sources = NULL;
    struct opp_generation *generation = NULL;
    enum opp_code rc = opp_policy_sources_read(gateway->policies_dir, gateway->profile, &sources, err);

    if (rc == OPP_OK)
        rc = make(gateway, sources, 1, NULL, &generation, err);
    if (rc != OPP_OK)
        return rc;
    opp_generation_prepare(gateway->policies, generation);
    return opp_store_now(gateway->store, store_first, gateway, err);
}

static enum opp_code open_stored(struct opp_gateway *gateway, const struct opp_generation_record *record,
                                 struct opp_err *err)
{
    struct opp_policy_sources *sources = NULL;
    struct opp_generation *generation = NULL;
    enum opp_code rc = opp_policy_sources_from_json(record->sources, &sources, err);

    if (rc == OPP_OK)
        rc = make(gateway, sources, atoll(record->id), NULL, &generation, err);
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

static bool disk_changed(struct opp_gateway *gateway, const struct opp_policy_bundle *bundle)
{
    struct opp_policy_sources *sources = NULL;
    bool same =
        opp_policy_sources_read(gateway->policies_dir, opp_policy_bundle_profile(bundle), &sources, NULL) == OPP_OK &&
        strcmp(opp_policy_sources_sha256(sources), opp_policy_bundle_sha256(bundle)) == 0;

    opp_policy_sources_free(sources);
    return !same;
}

enum opp_code opp_policies_open(struct opp_gateway *gateway, struct opp_err *err)
{
    void *newest = NULL;
    struct opp_generation *current;
    enum opp_code rc = opp_store_now(gateway->store, find_newest, &newest, err);

    if (rc == OPP_OK)
        rc = newest != NULL ? open_stored(gateway, newest, err) : open_files(gateway, err);
    if (rc == OPP_OK && newest != NULL)
        rc = keep_profile(gateway, newest, err);
    opp_record_free(&OPP_GENERATION_RECORD, newest);
    if (rc != OPP_OK)
        return rc;
    current = opp_generation_pin(gateway->policies);
    if (disk_changed(gateway, opp_generation_bundle(current)))
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

static void tell(const struct opp_policy_report *report, json_t **issues, json_t **warnings)
{
    if (issues != NULL && report->issues != NULL)
        *issues = json_incref(report->issues);
    if (warnings != NULL && report->warnings != NULL)
        *warnings = json_incref(report->warnings);
}

/* The number is taken after the change has begun: nobody else takes the same. */
enum opp_code opp_policies_prepare(struct opp_gateway *gateway, json_t **issues, json_t **warnings, struct opp_err *err)
{
    struct opp_policy_sources *sources = NULL;
    struct opp_policy_report report = { 0 };
    struct opp_generation *generation = NULL;
    enum opp_code rc;

    if (!opp_generation_begin(gateway->policies))
        return opp_fail(err, OPP_E_KEY_BUSY, "another change of the policies is under way");
    rc = opp_policy_sources_read(gateway->policies_dir, gateway->profile, &sources, err);
    if (rc == OPP_OK)
        rc = make(gateway, sources, next_number(gateway), &report, &generation, err);
    tell(&report, issues, warnings);
    opp_policy_report_clear(&report);
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
    if (rc != OPP_OK)
        opp_generation_abandon(gateway->policies);
    return rc;
}

json_t *opp_policies_active(struct opp_gateway *gateway)
{
    struct opp_generation *current = opp_generation_pin(gateway->policies);
    const struct opp_policy_bundle *bundle = opp_generation_bundle(current);
    json_t *shown = json_pack(
        "{s:s, s:I, s:s, s:o, s:I, s:s, s:o}", "profile", opp_policy_bundle_profile(bundle), "generation",
        (json_int_t)opp_policy_bundle_generation(bundle), "sha256", opp_policy_bundle_sha256(bundle), "loaded_at",
        opp_shape_time(opp_generation_loaded_at(current)), "rules", (json_int_t)opp_policy_bundle_count(bundle), "disk",
        disk_changed(gateway, bundle) ? "changed" : "same", "errors", opp_generation_errors(current));

    opp_generation_unpin(current);
    return shown;
}
