/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/json.h"
#include "core/shape.h"
#include "core/tally_internal.h"
#include "core/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKET_BITS 6 /* 64 ns */
#define HEAD "head"

static size_t bucket_of(int64_t ns)
{
    size_t bits = FIRST_BUCKET_BITS, at;

    while (bits < 62 && (ns >> (bits + 1)) != 0)
        bits++;
    at = (bits - FIRST_BUCKET_BITS) * 4 + (size_t)((ns >> (bits - 2)) & 3);
    return ns < (1 << FIRST_BUCKET_BITS) ? 0 : at < OPP_TALLY_BUCKETS ? at : OPP_TALLY_BUCKETS - 1;
}

static int64_t bucket_end(size_t bucket)
{
    return ((int64_t)(bucket % 4) + 5) << (FIRST_BUCKET_BITS - 2 + bucket / 4);
}

static void note_time(struct opp_tally_times *times, int64_t ns)
{
    times->buckets[bucket_of(ns)]++;
    times->count++;
}

int64_t opp_tally_percentile(const struct opp_tally_times *times, int percent)
{
    int64_t wanted = (times->count * percent + 99) / 100, seen = 0;

    for (size_t i = 0; times->count != 0 && i < OPP_TALLY_BUCKETS; i++) {
        seen += times->buckets[i];
        if (seen >= wanted)
            return bucket_end(i);
    }
    return 0;
}

enum opp_code opp_tally_new(const char *profile, int64_t since_ms, struct opp_tally **out, struct opp_err *err)
{
    struct opp_tally *tally = calloc(1, sizeof *tally);

    if (tally != NULL)
        tally->places = json_object();
    if (tally == NULL || tally->places == NULL) {
        opp_tally_free(tally);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a report");
    }
    snprintf(tally->profile, sizeof tally->profile, "%s", profile);
    tally->since_ms = since_ms;
    tally->dirty = true;
    *out = tally;
    return OPP_OK;
}

static void clear_difference(struct opp_difference *difference)
{
    free(difference->key);
    json_decref(difference->tool);
    json_decref(difference->phase);
    json_decref(difference->rule);
    json_decref(difference->from);
    json_decref(difference->to);
    json_decref(difference->changed);
    json_decref(difference->apps);
    json_decref(difference->examples);
    *difference = (struct opp_difference){ 0 };
}

void opp_tally_free(struct opp_tally *tally)
{
    if (tally == NULL)
        return;
    for (size_t i = 0; i < tally->count; i++)
        clear_difference(&tally->differences[i]);
    json_decref(tally->places);
    free(tally);
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

/* Puts a filled difference at its place. Takes what it holds. */
static enum opp_code place(struct opp_tally *tally, struct opp_difference *filled)
{
    bool whole = filled->key != NULL && filled->tool != NULL && filled->phase != NULL && filled->rule != NULL &&
                 filled->from != NULL && filled->to != NULL && filled->changed != NULL && filled->apps != NULL &&
                 filled->examples != NULL;

    if (!whole || json_object_set_new(tally->places, filled->key, json_integer((json_int_t)tally->count)) != 0) {
        clear_difference(filled);
        return OPP_E_MEMORY;
    }
    tally->differences[tally->count++] = *filled;
    return OPP_OK;
}

static char *key_of(const char *const parts[5])
{
    struct opp_buf key = { 0 };

    for (size_t i = 0; i < 5; i++) {
        opp_buf_text(&key, parts[i] != NULL ? parts[i] : "");
        opp_buf_char(&key, '\n');
    }
    return opp_buf_take(&key);
}

static enum opp_code add_difference(struct opp_tally *tally, const struct opp_compared *compared, const char *key)
{
    struct opp_difference made = { .key = strdup(key),
                                   .tool = json_string(compared->tool),
                                   .phase = json_string(compared->phase),
                                   .rule = text_or_null(compared->rule),
                                   .from = json_loads(compared->from, 0, NULL),
                                   .to = json_loads(compared->to, 0, NULL),
                                   .apps = json_object(),
                                   .examples = json_array() };

    made.changed = opp_verdict_changed(made.from, made.to);
    return place(tally, &made);
}

/* Lends the difference that this is one of, made if it is new; NULL: there is no room. */
static struct opp_difference *find(struct opp_tally *tally, const struct opp_compared *compared)
{
    const char *const parts[] = { compared->tool, compared->phase, compared->rule, compared->from, compared->to };
    char *key = key_of(parts);
    const json_t *at = key != NULL ? json_object_get(tally->places, key) : NULL;
    bool room = key != NULL && tally->count < OPP_TALLY_DIFFERENCES;
    struct opp_difference *found = NULL;

    if (at != NULL)
        found = &tally->differences[json_integer_value(at)];
    else if (room && add_difference(tally, compared, key) == OPP_OK)
        found = &tally->differences[tally->count - 1];
    free(key);
    return found;
}

static bool count_app(struct opp_difference *difference, const struct opp_compared *compared)
{
    json_t *app = json_object_get(difference->apps, compared->app_id);
    json_int_t count = json_integer_value(json_object_get(app, "count")) + 1;

    if (app != NULL)
        return json_object_set_new(app, "count", json_integer(count)) == 0;
    if (json_object_size(difference->apps) >= OPP_TALLY_APPS)
        return true;
    return json_object_set_new(difference->apps, compared->app_id,
                               json_pack("{s:I, s:s?}", "count", count, "org_id", compared->org_id)) == 0;
}

static bool add_example(struct opp_difference *difference, const struct opp_compared *compared)
{
    json_t *example = json_pack("{s:s, s:o, s:s, s:s?, s:s?, s:s?, s:s?, s:I}", "request_id", compared->request_id,
                                "at", opp_shape_time(compared->at_ms), "app_id", compared->app_id, "org_id",
                                compared->org_id, "input", compared->input, "from_reason", compared->from_reason,
                                "to_reason", compared->to_reason, "number", (json_int_t)compared->number);

    if (example == NULL || json_array_insert_new(difference->examples, 0, example) != 0)
        return false;
    while (json_array_size(difference->examples) > OPP_TALLY_EXAMPLES)
        json_array_remove(difference->examples, OPP_TALLY_EXAMPLES);
    return true;
}

static enum opp_code count_difference(struct opp_tally *tally, const struct opp_compared *compared)
{
    struct opp_difference *difference = find(tally, compared);

    if (difference == NULL) {
        tally->others++;
        return tally->count < OPP_TALLY_DIFFERENCES ? OPP_E_MEMORY : OPP_OK;
    }
    difference->count++;
    difference->dirty = true;
    return count_app(difference, compared) && add_example(difference, compared) ? OPP_OK : OPP_E_MEMORY;
}

enum opp_code opp_tally_add(struct opp_tally *tally, const struct opp_compared *compared)
{
    tally->dirty = true;
    tally->decisions++;
    note_time(&tally->from, compared->from_ns);
    note_time(&tally->to, compared->to_ns);
    if (compared->error != NULL) {
        tally->errors++;
        snprintf(tally->last_error, sizeof tally->last_error, "%s", compared->error);
        return OPP_OK;
    }
    if (strcmp(compared->from, compared->to) != 0)
        return count_difference(tally, compared);
    tally->same++;
    return OPP_OK;
}

void opp_tally_skip(struct opp_tally *tally, int64_t count)
{
    tally->skipped += count;
    tally->dirty = true;
}

void opp_tally_unreplayable(struct opp_tally *tally)
{
    tally->unreplayable++;
    tally->dirty = true;
}

/* The last buckets are empty as a rule. */
static json_t *save_times(const struct opp_tally_times *times)
{
    json_t *buckets = json_array();
    size_t end = OPP_TALLY_BUCKETS;

    while (end > 0 && times->buckets[end - 1] == 0)
        end--;
    for (size_t i = 0; i < end; i++)
        json_array_append_new(buckets, json_integer((json_int_t)times->buckets[i]));
    return buckets;
}

static void restore_times(struct opp_tally_times *times, const json_t *buckets)
{
    for (size_t i = 0; i < OPP_TALLY_BUCKETS; i++) {
        times->buckets[i] = json_integer_value(json_array_get(buckets, i));
        times->count += times->buckets[i];
    }
}

static json_t *save_head(const struct opp_tally *tally)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:o}", "since", (json_int_t)tally->since_ms,
                     "decisions", (json_int_t)tally->decisions, "same", (json_int_t)tally->same, "errors",
                     (json_int_t)tally->errors, "skipped", (json_int_t)tally->skipped, "unreplayable",
                     (json_int_t)tally->unreplayable, "others", (json_int_t)tally->others, "last_error",
                     tally->last_error, "from", save_times(&tally->from), "to", save_times(&tally->to));
}

static json_t *save_difference(const struct opp_difference *difference)
{
    return json_pack("{s:s, s:O, s:O, s:O, s:O, s:O, s:O, s:O, s:O, s:I}", "key", difference->key, "tool",
                     difference->tool, "phase", difference->phase, "rule", difference->rule, "from", difference->from,
                     "to", difference->to, "changed", difference->changed, "apps", difference->apps, "examples",
                     difference->examples, "count", (json_int_t)difference->count);
}

/* Takes state. */
static enum opp_code keep_part(opp_tally_part_fn keep, void *arg, const char *id, json_t *state, struct opp_err *err)
{
    enum opp_code rc = state != NULL ? keep(arg, id, state, err) : opp_fail(err, OPP_E_MEMORY, "no memory to save");

    json_decref(state);
    return rc;
}

static enum opp_code save_parts(const struct opp_tally *tally, opp_tally_part_fn keep, void *arg, struct opp_err *err)
{
    enum opp_code rc = tally->dirty ? keep_part(keep, arg, HEAD, save_head(tally), err) : OPP_OK;
    char id[24];

    for (size_t i = 0; rc == OPP_OK && i < tally->count; i++) {
        snprintf(id, sizeof id, "%04zu", i);
        if (tally->differences[i].dirty)
            rc = keep_part(keep, arg, id, save_difference(&tally->differences[i]), err);
    }
    return rc;
}

enum opp_code opp_tally_save(struct opp_tally *tally, opp_tally_part_fn keep, void *arg, struct opp_err *err)
{
    enum opp_code rc = save_parts(tally, keep, arg, err);

    if (rc != OPP_OK)
        return rc;
    tally->dirty = false;
    for (size_t i = 0; i < tally->count; i++)
        tally->differences[i].dirty = false;
    return OPP_OK;
}

bool opp_tally_is_dirty(const struct opp_tally *tally)
{
    return tally->dirty;
}

void opp_tally_touch(struct opp_tally *tally)
{
    tally->dirty = true;
    for (size_t i = 0; i < tally->count; i++)
        tally->differences[i].dirty = true;
}

static int64_t number(const json_t *state, const char *name)
{
    return json_integer_value(json_object_get(state, name));
}

static enum opp_code restore_head(struct opp_tally *tally, const json_t *state)
{
    const char *last_error = opp_json_text(state, "last_error");

    if (last_error == NULL)
        return OPP_E_VALIDATION;
    tally->since_ms = number(state, "since");
    tally->decisions = number(state, "decisions");
    tally->same = number(state, "same");
    tally->errors = number(state, "errors");
    tally->skipped = number(state, "skipped");
    tally->unreplayable = number(state, "unreplayable");
    tally->others = number(state, "others");
    snprintf(tally->last_error, sizeof tally->last_error, "%s", last_error);
    restore_times(&tally->from, json_object_get(state, "from"));
    restore_times(&tally->to, json_object_get(state, "to"));
    return OPP_OK;
}

static json_t *part(const json_t *state, const char *name)
{
    return json_incref(json_object_get(state, name));
}

enum opp_code opp_tally_restore(struct opp_tally *tally, const char *id, const json_t *state)
{
    const char *key = opp_json_text(state, "key");
    struct opp_difference found;

    if (strcmp(id, HEAD) == 0)
        return restore_head(tally, state);
    if (key == NULL || tally->count == OPP_TALLY_DIFFERENCES || (size_t)atoll(id) != tally->count)
        return OPP_E_VALIDATION;
    found = (struct opp_difference){ .key = strdup(key),
                                     .tool = part(state, "tool"),
                                     .phase = part(state, "phase"),
                                     .rule = part(state, "rule"),
                                     .from = part(state, "from"),
                                     .to = part(state, "to"),
                                     .changed = part(state, "changed"),
                                     .apps = part(state, "apps"),
                                     .examples = part(state, "examples"),
                                     .count = number(state, "count") };
    return place(tally, &found);
}
