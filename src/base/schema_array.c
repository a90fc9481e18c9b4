/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/schema_internal.h"

#include <stdlib.h>
#include <string.h>

/* Up to here every item is compared with every other one, without memory. */
#define UNIQUE_PAIRS_MAX 32
#define HASH_DEPTH_MAX (2 * OPP_JSON_DEPTH_MAX)

struct hashed {
    uint64_t hash;
    size_t index;
};

enum opp_code opp_schema_compile_items(struct schema_compiler *c, const struct schema_place *at,
                                       struct schema_rule *rule)
{
    rule->as.items.from = json_array_size(json_object_get(at->object, "prefixItems"));
    return opp_schema_node(c, at->value, at->path, &rule->as.items.node);
}

bool opp_schema_check_items(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                            const struct schema_path *path)
{
    const size_t count = json_array_size(value);
    bool fits = true;

    for (size_t i = rule->as.items.from; i < count; i++) {
        const struct schema_path step = { path, NULL, i };

        if (opp_schema_check(run, rule->as.items.node, json_array_get(value, i), &step))
            continue;
        fits = false;
        if (opp_schema_settled(run))
            break;
    }
    return fits;
}

bool opp_schema_check_prefix(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                             const struct schema_path *path)
{
    const size_t size = json_array_size(value);
    const size_t count = size < rule->as.nodes.count ? size : rule->as.nodes.count;
    bool fits = true;

    for (size_t i = 0; i < count; i++) {
        const struct schema_path step = { path, NULL, i };

        if (opp_schema_check(run, rule->as.nodes.all[i], json_array_get(value, i), &step))
            continue;
        fits = false;
        if (opp_schema_settled(run))
            break;
    }
    return fits;
}

bool opp_schema_check_contains(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                               const struct schema_path *path)
{
    size_t index;
    json_t *item;

    json_array_foreach(value, index, item)
    {
        if (opp_schema_fits(run, rule->as.node, item))
            return true;
        if (run->code != OPP_OK)
            return false;
    }
    return opp_schema_issue(run, path, rule->keyword->name, "must have an item of the kind that is asked for");
}

bool opp_schema_check_min_items(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                const struct schema_path *path)
{
    return json_array_size(value) >= rule->as.count ||
           opp_schema_issue(run, path, rule->keyword->name, "must have at least %zu item%s", rule->as.count,
                            rule->as.count == 1 ? "" : "s");
}

bool opp_schema_check_max_items(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                const struct schema_path *path)
{
    return json_array_size(value) <= rule->as.count ||
           opp_schema_issue(run, path, rule->keyword->name, "must have at most %zu item%s", rule->as.count,
                            rule->as.count == 1 ? "" : "s");
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 29);
}

static uint64_t hash_text(const char *text, size_t length)
{
    uint64_t hash = length;

    for (size_t i = 0; i < length; i++)
        hash = mix(hash, (unsigned char)text[i]);
    return hash;
}

static uint64_t hash_number(const json_t *number)
{
    const double value = json_number_value(number) + 0.0; /* -0 and 0 are equal */
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return mix(JSON_REAL, bits);
}

static uint64_t hash_value(const json_t *value, unsigned depth);

static uint64_t hash_object(const json_t *value, unsigned depth)
{
    json_t *members = opp_schema_iterable(value);
    uint64_t sum = JSON_OBJECT;

    for (void *i = json_object_iter(members); i != NULL; i = json_object_iter_next(members, i))
        sum += mix(hash_text(json_object_iter_key(i), json_object_iter_key_len(i)),
                   hash_value(json_object_iter_value(i), depth + 1));
    return sum;
}

/* Equal values have equal hashes; unequal ones may. */
static uint64_t hash_value(const json_t *value, unsigned depth)
{
    uint64_t hash = (uint64_t)json_typeof(value);
    size_t index;
    json_t *item;

    if (depth > HASH_DEPTH_MAX)
        return hash;
    if (json_is_number(value))
        return hash_number(value);
    if (json_is_string(value))
        return hash_text(json_string_value(value), json_string_length(value));
    if (json_is_object(value))
        return hash_object(value, depth);
    json_array_foreach(value, index, item) hash = mix(hash, hash_value(item, depth + 1));
    return hash;
}

static bool say_twice(struct schema_run *run, const struct schema_path *path, size_t a, size_t b)
{
    const struct schema_path step = { path, NULL, a > b ? a : b };

    return opp_schema_issue(run, &step, "uniqueItems", "must not be the same as item %zu", a < b ? a : b);
}

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash > y->hash ? 1 : -1;
    return (int)(x->index > y->index) - (int)(x->index < y->index);
}

/* Items with one hash are neighbours now. Values made to collide pay for each comparison. */
static bool check_neighbours(struct schema_run *run, const json_t *value, const struct hashed *items,
                             const struct schema_path *path)
{
    const size_t count = json_array_size(value);

    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count && items[j].hash == items[i].hash; j++) {
            if (!opp_schema_charge(run, 1))
                return false;
            if (opp_json_equal(json_array_get(value, items[i].index), json_array_get(value, items[j].index)))
                return say_twice(run, path, items[i].index, items[j].index);
        }
    }
    return true;
}

static bool check_many(struct schema_run *run, const json_t *value, const struct schema_path *path)
{
    const size_t count = json_array_size(value);
    struct hashed *items = calloc(count, sizeof *items);
    bool fits;

    if (items == NULL)
        return opp_schema_stop(run, OPP_E_MEMORY);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct hashed){ hash_value(json_array_get(value, i), 0), i };
    qsort(items, count, sizeof *items, by_hash);
    fits = check_neighbours(run, value, items, path);
    free(items);
    return fits;
}

bool opp_schema_check_unique(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                             const struct schema_path *path)
{
    const size_t count = json_array_size(value);

    if (rule->as.count == 0)
        return true;
    if (count > UNIQUE_PAIRS_MAX)
        return opp_schema_charge(run, count) && check_many(run, value, path);
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (opp_json_equal(json_array_get(value, i), json_array_get(value, j)))
                return say_twice(run, path, i, j);
    return true;
}
