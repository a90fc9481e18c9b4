/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"
#include "base/json.h"
#include "core/tally_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "head"

/* The last buckets are empty as a rule. */
static void write_times(struct opp_buf *out, const char *name, const struct opp_tally_times *times)
{
    size_t end = OPP_TALLY_BUCKETS;

    while (end > 0 && times->buckets[end - 1] == 0)
        end--;
    opp_jcs_member(out, name);
    opp_buf_char(out, '[');
    for (size_t i = 0; i < end; i++) {
        opp_buf_text(out, i == 0 ? "" : ",");
        opp_jcs_integer(out, times->buckets[i]);
    }
    opp_buf_char(out, ']');
}

static void write_head(struct opp_buf *out, const struct opp_tally *tally)
{
    opp_buf_char(out, '{');
    opp_jcs_member_integer(out, "decisions", tally->decisions);
    opp_jcs_member_integer(out, "errors", tally->errors);
    write_times(out, "from", &tally->from);
    opp_jcs_member_text(out, "last_error", tally->last_error);
    opp_jcs_member_integer(out, "others", tally->others);
    opp_jcs_member_integer(out, "same", tally->same);
    opp_jcs_member_integer(out, "since", tally->since_ms);
    opp_jcs_member_integer(out, "skipped", tally->skipped);
    write_times(out, "to", &tally->to);
    opp_jcs_member_integer(out, "unreplayable", tally->unreplayable);
    opp_buf_char(out, '}');
}

/* The oldest first, as they are to be noted again. */
static void write_examples(struct opp_buf *out, const struct opp_difference *difference)
{
    const struct opp_example *example;
    bool first = true;

    opp_jcs_member(out, "examples");
    opp_buf_char(out, '[');
    for (size_t before = OPP_TALLY_EXAMPLES; before-- > 0;) {
        example = opp_tally_example(difference, before);
        if (example == NULL)
            continue;
        opp_buf_text(out, first ? "{" : ",{");
        opp_jcs_member_text(out, "input", example->input.bytes);
        opp_jcs_member_text(out, "said", example->said.bytes);
        opp_buf_char(out, '}');
        first = false;
    }
    opp_buf_char(out, ']');
}

static void write_difference(struct opp_buf *out, const struct opp_difference *difference)
{
    opp_buf_char(out, '{');
    opp_jcs_member_json(out, "apps", difference->apps);
    opp_jcs_member_json(out, "changed", difference->changed);
    opp_jcs_member_integer(out, "count", difference->count);
    write_examples(out, difference);
    opp_jcs_member_json(out, "from", difference->from);
    opp_jcs_member_text(out, "key", difference->key);
    opp_jcs_member_json(out, "phase", difference->phase);
    opp_jcs_member_json(out, "rule", difference->rule);
    opp_jcs_member_json(out, "to", difference->to);
    opp_jcs_member_json(out, "tool", difference->tool);
    opp_buf_char(out, '}');
}

struct keeping {
    opp_tally_part_fn keep;
    void *arg;
    struct opp_buf state; /* what is written of the part, again and again */
};

static enum opp_code keep_part(struct keeping *keeping, const char *id, struct opp_err *err)
{
    enum opp_code rc;

    opp_buf_char(&keeping->state, '\0');
    rc = opp_buf_check(&keeping->state, err);
    if (rc == OPP_OK)
        rc = keeping->keep(keeping->arg, id, keeping->state.bytes, err);
    opp_buf_reset(&keeping->state);
    return rc;
}

static enum opp_code keep_parts(const struct opp_tally *tally, struct keeping *keeping, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    char id[24];

    if (tally->dirty) {
        write_head(&keeping->state, tally);
        rc = keep_part(keeping, HEAD, err);
    }
    for (size_t i = 0; rc == OPP_OK && i < tally->count; i++) {
        if (!tally->differences[i].dirty)
            continue;
        snprintf(id, sizeof id, "%04zu", i);
        write_difference(&keeping->state, &tally->differences[i]);
        rc = keep_part(keeping, id, err);
    }
    return rc;
}

enum opp_code opp_tally_save(struct opp_tally *tally, opp_tally_part_fn keep, void *arg, struct opp_err *err)
{
    struct keeping keeping = { .keep = keep, .arg = arg };
    enum opp_code rc = keep_parts(tally, &keeping, err);

    opp_buf_free(&keeping.state);
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

static void restore_times(struct opp_tally_times *times, const json_t *buckets)
{
    for (size_t i = 0; i < OPP_TALLY_BUCKETS; i++) {
        times->buckets[i] = json_integer_value(json_array_get(buckets, i));
        times->count += times->buckets[i];
    }
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

static void restore_examples(struct opp_difference *difference, const json_t *examples)
{
    struct opp_example *example;
    json_t *saved;
    size_t index;

    json_array_foreach(examples, index, saved)
    {
        const char *said = opp_json_text(saved, "said"), *input = opp_json_text(saved, "input");

        if (said == NULL || input == NULL)
            continue;
        example = opp_tally_next_example(difference);
        opp_buf_text(&example->said, said);
        opp_buf_text(&example->input, input);
        opp_tally_noted(difference);
    }
}

static json_t *part(const json_t *state, const char *name)
{
    return json_incref(json_object_get(state, name));
}

static enum opp_code restore_difference(struct opp_tally *tally, const json_t *state)
{
    const char *key = opp_json_text(state, "key");
    struct opp_difference found = { .key = key != NULL ? strdup(key) : NULL,
                                    .tool = part(state, "tool"),
                                    .phase = part(state, "phase"),
                                    .rule = part(state, "rule"),
                                    .from = part(state, "from"),
                                    .to = part(state, "to"),
                                    .changed = part(state, "changed"),
                                    .apps = part(state, "apps"),
                                    .count = number(state, "count") };

    restore_examples(&found, json_object_get(state, "examples"));
    return opp_tally_place(tally, &found);
}

enum opp_code opp_tally_restore(struct opp_tally *tally, const char *id, const char *state)
{
    json_t *saved = json_loads(state, 0, NULL);
    enum opp_code rc = OPP_E_VALIDATION;

    if (strcmp(id, HEAD) == 0)
        rc = restore_head(tally, saved);
    else if (opp_json_text(saved, "key") != NULL && tally->count < OPP_TALLY_DIFFERENCES &&
             (size_t)atoll(id) == tally->count)
        rc = restore_difference(tally, saved);
    json_decref(saved);
    return rc;
}
