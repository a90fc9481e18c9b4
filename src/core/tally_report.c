/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/date.h"
#include "base/json.h"
#include "core/shape.h"
#include "core/tally_internal.h"
#include "policy/decision.h"

#include <stdlib.h>
#include <string.h>

#define APPS_SHOWN 50

/* How the decisions that differ do so. */
struct ways {
    int64_t denied, drafted, looser, bound;
};

static enum opp_outcome outcome_of(const json_t *verdict)
{
    const char *name = opp_json_text(verdict, "outcome");

    for (int outcome = OPP_OUTCOME_ALLOW; name != NULL && outcome < OPP_OUTCOME_DENY; outcome++)
        if (strcmp(opp_outcome_name((enum opp_outcome)outcome), name) == 0)
            return (enum opp_outcome)outcome;
    return OPP_OUTCOME_DENY;
}

static struct ways count_ways(const struct opp_tally *tally)
{
    struct ways ways = { 0 };

    for (size_t i = 0; i < tally->count; i++) {
        const struct opp_difference *difference = &tally->differences[i];
        enum opp_outcome from = outcome_of(difference->from), to = outcome_of(difference->to);

        if (to == from)
            ways.bound += difference->count;
        else if (to < from)
            ways.looser += difference->count;
        else if (to == OPP_OUTCOME_DENY)
            ways.denied += difference->count;
        else
            ways.drafted += difference->count;
    }
    return ways;
}

static void add_way(struct opp_buf *out, int64_t count, const char *text)
{
    if (count > 0)
        opp_buf_format(out, ", %lld %s", (long long)count, text);
}

/* What a person wants to know first. */
static json_t *write_sentence(const struct opp_tally *tally)
{
    struct ways ways = count_ways(tally);
    struct opp_buf out = { 0 };
    char since[OPP_DATE_MAX];
    json_t *sentence;

    opp_date_format(tally->since_ms, since);
    if (tally->decisions == 0) {
        opp_buf_format(&out, "No decision has been compared since %s", since);
    } else {
        opp_buf_format(&out, "Of %lld decision%s since %s, %lld would be the same under %s",
                       (long long)tally->decisions, tally->decisions == 1 ? "" : "s", since, (long long)tally->same,
                       tally->profile);
        add_way(&out, ways.denied, "would be denied that are not");
        add_way(&out, ways.drafted, "would wait for people that do not");
        add_way(&out, ways.bound, "would carry other obligations or another code");
        add_way(&out, ways.looser, "would be less strict");
        add_way(&out, tally->others, "would differ in further ways");
        add_way(&out, tally->errors, "could not be judged by it");
    }
    opp_buf_char(&out, '.');
    sentence = out.failed ? NULL : json_stringn(out.bytes, out.length);
    opp_buf_free(&out);
    return sentence;
}

/* A person of some organisations does not see what others' apps did. */
static bool sees(const json_t *org_ids, const json_t *owner)
{
    const json_t *org = json_object_get(owner, "org_id");
    json_t *item;
    size_t index;

    if (org_ids == NULL)
        return true;
    json_array_foreach(org_ids, index, item)
    {
        if (json_is_string(org) && strcmp(json_string_value(item), json_string_value(org)) == 0)
            return true;
    }
    return false;
}

static int most_first(const void *a, const void *b)
{
    json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "count"));
    json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "count"));

    return left < right ? 1 : left > right ? -1 : 0;
}

static json_t *show_apps(const json_t *apps, const json_t *org_ids)
{
    json_t *shown = json_array(), *app, **sorted = calloc(json_object_size(apps) + 1, sizeof(void *));
    const char *id;
    size_t count = 0;

    json_object_foreach((json_t *)(uintptr_t)apps, id, app)
    {
        if (sorted != NULL && sees(org_ids, app))
            sorted[count++] = json_pack("{s:s, s:O}", "app_id", id, "count", json_object_get(app, "count"));
    }
    if (count != 0)
        qsort(sorted, count, sizeof(void *), most_first);
    for (size_t i = 0; i < count; i++) {
        if (i < APPS_SHOWN)
            json_array_append(shown, sorted[i]);
        json_decref(sorted[i]);
    }
    free(sorted);
    return shown;
}

/* Gives it, with what was asked where that can be read; NULL: it cannot be shown. */
static json_t *show_example(const struct opp_example *example)
{
    json_t *shown = json_loads(example->said.bytes, 0, NULL), *input;

    if (shown == NULL)
        return NULL;
    input = json_loads(example->input.bytes, 0, NULL);
    json_object_set_new(shown, "input", input != NULL ? input : json_null());
    return shown;
}

static json_t *show_examples(const struct opp_difference *difference, const json_t *org_ids)
{
    json_t *list = json_array();

    for (size_t before = 0; before < OPP_TALLY_EXAMPLES; before++) {
        const struct opp_example *example = opp_tally_example(difference, before);
        json_t *shown = example != NULL ? show_example(example) : NULL;

        if (shown != NULL && sees(org_ids, shown))
            json_array_append(list, shown);
        json_decref(shown);
    }
    return list;
}

static json_t *show_difference(const struct opp_difference *difference, const json_t *org_ids)
{
    return json_pack("{s:O, s:O, s:O, s:O, s:O, s:I, s:o, s:O, s:o}", "tool", difference->tool, "phase",
                     difference->phase, "from", difference->from, "to", difference->to, "changed", difference->changed,
                     "count", (json_int_t)difference->count, "apps", show_apps(difference->apps, org_ids), "rule",
                     difference->rule, "examples", show_examples(difference, org_ids));
}

static int commonest_first(const void *a, const void *b)
{
    const struct opp_difference *left = *(const struct opp_difference *const *)a;
    const struct opp_difference *right = *(const struct opp_difference *const *)b;

    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return strcmp(left->key, right->key);
}

static json_t *show_differences(const struct opp_tally *tally, const json_t *org_ids)
{
    const struct opp_difference *sorted[OPP_TALLY_DIFFERENCES] = { NULL };
    json_t *shown = json_array();

    for (size_t i = 0; i < tally->count; i++)
        sorted[i] = &tally->differences[i];
    qsort(sorted, tally->count, sizeof(void *), commonest_first);
    for (size_t i = 0; i < tally->count; i++)
        json_array_append_new(shown, show_difference(sorted[i], org_ids));
    return shown;
}

static double microseconds(const struct opp_tally_times *times, int percent)
{
    int64_t tenths = opp_tally_percentile(times, percent) / 100;

    return (double)tenths / 10;
}

static json_t *show_cost(const struct opp_tally *tally)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "active_us_p50", microseconds(&tally->from, 50), "active_us_p99",
                     microseconds(&tally->from, 99), "staged_us_p50", microseconds(&tally->to, 50), "staged_us_p99",
                     microseconds(&tally->to, 99));
}

/* To four digits, never rounded up to whole agreement. */
static json_t *agreement(const struct opp_tally *tally)
{
    int64_t share;

    if (tally->decisions == 0)
        return json_null();
    share = tally->same * 10000 / tally->decisions;
    return json_real((double)share / 10000);
}

json_t *opp_tally_report(const struct opp_tally *tally, const json_t *org_ids)
{
    /* What a rule said when it failed may name what another organisation asked for. */
    const char *last_error = org_ids == NULL && tally->last_error[0] != '\0' ? tally->last_error : NULL;

    return json_pack(
        "{s:o, s:I, s:I, s:o, s:o, s:I, s:I, s:s?, s:I, s:I, s:o, s:o}", "since", opp_shape_time(tally->since_ms),
        "decisions", (json_int_t)tally->decisions, "same", (json_int_t)tally->same, "agreement", agreement(tally),
        "differences", show_differences(tally, org_ids), "others", (json_int_t)tally->others, "errors",
        (json_int_t)tally->errors, "last_error", last_error, "skipped", (json_int_t)tally->skipped, "unreplayable",
        (json_int_t)tally->unreplayable, "cost", show_cost(tally), "sentence", write_sentence(tally));
}
