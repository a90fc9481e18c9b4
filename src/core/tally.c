/* SPDX-License-Identifier: MIT */
#include "base/date.h"
#include "base/jcs.h"
#include "core/tally_internal.h"
#include "core/verdict_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKET_BITS 6 /* 64 ns */

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
    for (size_t i = 0; i < OPP_TALLY_EXAMPLES; i++) {
        opp_buf_free(&difference->examples[i].said);
        opp_buf_free(&difference->examples[i].input);
    }
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

enum opp_code opp_tally_place(struct opp_tally *tally, struct opp_difference *filled)
{
    bool whole = filled->key != NULL && filled->tool != NULL && filled->phase != NULL && filled->rule != NULL &&
                 filled->from != NULL && filled->to != NULL && filled->changed != NULL && filled->apps != NULL;

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

/* Gives the names of the members in which two verdicts differ. */
static json_t *changed(const char *from, const char *to)
{
    struct opp_verdict_difference difference;
    struct opp_buf names = { 0 };
    json_t *list = NULL;

    opp_verdicts_compare(from, to, &difference);
    opp_verdict_difference_write(&names, &difference);
    if (!names.failed)
        list = json_loadb(names.bytes, names.length, 0, NULL);
    opp_buf_free(&names);
    return list;
}

static enum opp_code add_difference(struct opp_tally *tally, const struct opp_compared *compared, const char *key)
{
    struct opp_difference made = { .key = strdup(key),
                                   .tool = json_string(compared->tool),
                                   .phase = json_string(compared->phase),
                                   .rule = text_or_null(compared->rule),
                                   .from = json_loads(compared->from, 0, NULL),
                                   .to = json_loads(compared->to, 0, NULL),
                                   .changed = changed(compared->from, compared->to),
                                   .apps = json_object() };

    return opp_tally_place(tally, &made);
}

static bool is_key(const char *key, const char *const parts[5])
{
    for (size_t i = 0; i < 5; i++) {
        const char *part = parts[i] != NULL ? parts[i] : "";
        size_t length = strlen(part);

        if (strncmp(key, part, length) != 0 || key[length] != '\n')
            return false;
        key += length + 1;
    }
    return *key == '\0';
}

/* Gives the number of the difference that this is one of, made if it is new; below 0: there is no room. */
static json_int_t look_up(struct opp_tally *tally, const struct opp_compared *compared, const char *const parts[5])
{
    char *key = key_of(parts);
    const json_t *at = key != NULL ? json_object_get(tally->places, key) : NULL;
    bool room = key != NULL && tally->count < OPP_TALLY_DIFFERENCES;
    json_int_t found = -1;

    if (at != NULL)
        found = json_integer_value(at);
    else if (room && add_difference(tally, compared, key) == OPP_OK)
        found = (json_int_t)tally->count - 1;
    free(key);
    return found;
}

/* Lends the difference that this is one of; NULL: there is no room. Most are as the last one. */
static struct opp_difference *find(struct opp_tally *tally, const struct opp_compared *compared)
{
    const char *const parts[] = { compared->tool, compared->phase, compared->rule, compared->from, compared->to };
    json_int_t found;

    if (tally->last < tally->count && is_key(tally->differences[tally->last].key, parts))
        return &tally->differences[tally->last];
    found = look_up(tally, compared, parts);
    if (found < 0)
        return NULL;
    tally->last = (size_t)found;
    return &tally->differences[found];
}

static bool count_app(struct opp_difference *difference, const struct opp_compared *compared)
{
    json_t *count = json_object_get(json_object_get(difference->apps, compared->app_id), "count");

    if (count != NULL)
        return json_integer_set(count, json_integer_value(count) + 1) == 0;
    if (json_object_size(difference->apps) >= OPP_TALLY_APPS)
        return true;
    return json_object_set_new(difference->apps, compared->app_id,
                               json_pack("{s:i, s:s?}", "count", 1, "org_id", compared->org_id)) == 0;
}

const struct opp_example *opp_tally_example(const struct opp_difference *difference, size_t before)
{
    const struct opp_example *example;

    if (before >= difference->noted || before >= OPP_TALLY_EXAMPLES)
        return NULL;
    example = &difference->examples[(difference->noted - 1 - before) % OPP_TALLY_EXAMPLES];
    return example->said.failed || example->input.failed ? NULL : example;
}

struct opp_example *opp_tally_next_example(struct opp_difference *difference)
{
    struct opp_example *example = &difference->examples[difference->noted % OPP_TALLY_EXAMPLES];

    opp_buf_reset(&example->said);
    opp_buf_reset(&example->input);
    return example;
}

enum opp_code opp_tally_noted(struct opp_difference *difference)
{
    struct opp_example *example = &difference->examples[difference->noted % OPP_TALLY_EXAMPLES];

    opp_buf_char(&example->said, '\0');
    opp_buf_char(&example->input, '\0');
    if (example->said.failed || example->input.failed)
        return OPP_E_MEMORY;
    difference->noted++;
    return OPP_OK;
}

static void write_said(struct opp_buf *out, const struct opp_compared *compared)
{
    char at[OPP_DATE_MAX];

    opp_date_format(compared->at_ms, at);
    opp_buf_char(out, '{');
    opp_jcs_member_text(out, "app_id", compared->app_id);
    opp_jcs_member_text(out, "at", at);
    opp_jcs_member_text(out, "from_reason", compared->from_reason);
    opp_jcs_member_integer(out, "number", compared->number);
    opp_jcs_member_text(out, "org_id", compared->org_id);
    opp_jcs_member_text(out, "request_id", compared->request_id);
    opp_jcs_member_text(out, "to_reason", compared->to_reason);
    opp_buf_char(out, '}');
}

static enum opp_code add_example(struct opp_difference *difference, const struct opp_compared *compared)
{
    struct opp_example *example = opp_tally_next_example(difference);

    write_said(&example->said, compared);
    opp_buf_text(&example->input, compared->input != NULL ? compared->input : "null");
    return opp_tally_noted(difference);
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
    return count_app(difference, compared) ? add_example(difference, compared) : OPP_E_MEMORY;
}

enum opp_code opp_tally_add(struct opp_tally *tally, const struct opp_compared *compared)
{
    tally->dirty = true;
    tally->decisions++;
    note_time(&tally->from, compared->from_ns);
    if (compared->to_ns >= 0)
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
