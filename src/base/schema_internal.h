/* SPDX-License-Identifier: MIT
 *
 * base/schema_internal.h - the compiled form of a schema, and what the files of the validator share.
 * May include: base. Included by schema_*.c only.
 */
#ifndef OPP_BASE_SCHEMA_INTERNAL_H
#define OPP_BASE_SCHEMA_INTERNAL_H

#define PCRE2_CODE_UNIT_WIDTH 8

#include "base/buf.h"
#include "base/schema.h"

#include <jansson.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPP_SCHEMA_DEPTH_MAX 128
#define OPP_SCHEMA_STEPS_MAX 200000
#define OPP_SCHEMA_NODES_MAX 20000
#define OPP_SCHEMA_ISSUES_MAX 20
#define OPP_SCHEMA_QUOTE_MAX 64

/* A whole number is INTEGER however it is written (1.0), any other one FRACTION. */
enum schema_type {
    SCHEMA_NULL = 1,
    SCHEMA_BOOLEAN = 2,
    SCHEMA_INTEGER = 4,
    SCHEMA_FRACTION = 8,
    SCHEMA_STRING = 16,
    SCHEMA_ARRAY = 32,
    SCHEMA_OBJECT = 64,
    SCHEMA_NUMBER = SCHEMA_INTEGER | SCHEMA_FRACTION,
    SCHEMA_ANY = 127
};

/* One step of a place in a document, from its end upwards; NULL is the root. Lives on the C stack. */
struct schema_path {
    const struct schema_path *up;
    const char *key; /* NULL for an array's item */
    size_t number;   /* the key's length, or the item's index */
};

struct schema_name {
    const char *text;
    size_t length;
};

struct schema_names {
    const struct schema_name *all;
    size_t count;
};

struct schema_property {
    struct schema_name name;
    const struct schema_node *node;
};

struct schema_dependency {
    struct schema_name name;
    struct schema_names needs;
};

/* digits × 10^exponent, digits not a multiple of 10 unless 0; the sign is dropped. */
struct schema_decimal {
    uint64_t digits;
    int exponent;
};

struct schema_format {
    const char *name;
    const char *message;
    bool (*fits)(const char *text, size_t length);
};

struct schema_rule {
    const struct schema_keyword *keyword;
    union {
        unsigned types;
        size_t count;
        const json_t *value; /* owned by the schema */
        struct schema_decimal decimal;
        const struct schema_node *node;
        const pcre2_code *pattern;
        const struct schema_format *format;
        struct schema_names names;
        struct {
            const struct schema_node *const *all;
            size_t count;
        } nodes;
        struct {
            const struct schema_node *when, *then, *otherwise;
        } branch;
        struct {
            const struct schema_property *all;
            size_t count;
        } properties;
        struct {
            const struct schema_dependency *all;
            size_t count;
        } dependencies;
        struct {
            const struct schema_node *node;
            struct schema_names known; /* in order of their bytes */
        } additional;
        struct {
            const struct schema_node *node;
            size_t from;
        } items;
    } as;
};

struct schema_node {
    const struct schema_rule *rules;
    size_t count;
    unsigned types;       /* that its own "type" lets through */
    bool never;           /* the schema false */
    const json_t *source; /* while compiling only */
    struct schema_node *next;
};

struct schema_pattern {
    pcre2_code *code;
    struct schema_pattern *next;
};

struct opp_schema {
    const struct schema_node *root;
    struct schema_node *nodes;
    struct schema_pattern *patterns;
    struct schema_block *blocks;
    json_t *values;
};

struct schema_compiler {
    const json_t *document;
    struct opp_schema *schema;
    struct schema_ref *refs;
    struct opp_err *err;
    unsigned depth;
    size_t nodes;
};

/* A keyword in a schema document: the schema object that it is a member of, its value, and where that is. */
struct schema_place {
    const json_t *object;
    const json_t *value;
    const struct schema_path *path;
};

struct schema_run {
    json_t *issues;
    size_t issues_max;
    unsigned quiet; /* above 0 nothing is reported, and the first failure ends a node */
    unsigned depth;
    size_t steps;
    size_t pattern_steps;
    size_t pattern_position;
    pcre2_match_data *match;
    pcre2_match_context *context;
    enum opp_code code; /* other than OPP_OK: validation ends */
};

typedef enum opp_code schema_compile_fn(struct schema_compiler *c, const struct schema_place *at,
                                        struct schema_rule *rule);
typedef bool schema_check_fn(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                             const struct schema_path *path);

struct schema_keyword {
    const char *name;
    schema_compile_fn *compile;
    schema_check_fn *check; /* NULL: says nothing about a value */
    unsigned types;         /* the only ones it speaks of */
    bool decides;           /* where it fails, the rest of its schema is not worth a word */
};

/* jansson's iterators take no const, yet only read. */
static inline json_t *opp_schema_iterable(const json_t *value)
{
    const union {
        const json_t *lent;
        json_t *iterable;
    } as = { .lent = value };

    return as.iterable;
}

/* schema_compile.c. Room is zeroed and lives as long as the schema; NULL when memory is out (err is told). */
void *opp_schema_room(struct schema_compiler *c, size_t count, size_t size);
bool opp_schema_copy_name(struct schema_compiler *c, const char *text, size_t length, struct schema_name *out);
enum opp_code opp_schema_keep(struct schema_compiler *c, const json_t *value, const json_t **out);
enum opp_code opp_schema_refuse(struct schema_compiler *c, const struct schema_path *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum opp_code opp_schema_node(struct schema_compiler *c, const json_t *value, const struct schema_path *path,
                              const struct schema_node **out);

/* schema_keyword.c. Lends the table's rows. */
const struct schema_keyword *opp_schema_keyword(const char *name);
const struct schema_keyword *opp_schema_keywords(size_t *count);

/* schema_ref.c. Gives each reference its node, once all nodes are there. */
enum opp_code opp_schema_resolve(struct schema_compiler *c);

/* schema_issue.c. Both give false, so that a check can return them. */
bool opp_schema_issue(struct schema_run *run, const struct schema_path *path, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool opp_schema_stop(struct schema_run *run, enum opp_code code);
void opp_schema_pointer(const struct schema_path *path, struct opp_buf *out);
/* Whether a node has no reason to go on after a failure. */
bool opp_schema_settled(const struct schema_run *run);

/* schema_validate.c. fits says nothing to anybody. charge: false when the budget is used up. */
bool opp_schema_check(struct schema_run *run, const struct schema_node *node, const json_t *value,
                      const struct schema_path *path);
bool opp_schema_fits(struct schema_run *run, const struct schema_node *node, const json_t *value);
bool opp_schema_charge(struct schema_run *run, size_t steps);

/* schema_type.c */
unsigned opp_schema_type_of(const json_t *value);
void opp_schema_type_words(unsigned types, char *out, size_t size);

/* schema_address.c */
bool opp_schema_is_uri(const char *text, size_t length);
bool opp_schema_is_email(const char *text, size_t length);

/* What the rows of the table are made of. */
schema_compile_fn opp_schema_compile_type, opp_schema_compile_enum, opp_schema_compile_const, opp_schema_compile_count,
    opp_schema_compile_flag, opp_schema_compile_number, opp_schema_compile_multiple, opp_schema_compile_pattern,
    opp_schema_compile_format, opp_schema_compile_properties, opp_schema_compile_additional, opp_schema_compile_names,
    opp_schema_compile_dependent, opp_schema_compile_defs, opp_schema_compile_items, opp_schema_compile_one,
    opp_schema_compile_list, opp_schema_compile_if, opp_schema_compile_branch, opp_schema_compile_ref;
schema_check_fn opp_schema_check_type, opp_schema_check_enum, opp_schema_check_const, opp_schema_check_min_length,
    opp_schema_check_max_length, opp_schema_check_pattern, opp_schema_check_format, opp_schema_check_minimum,
    opp_schema_check_maximum, opp_schema_check_above, opp_schema_check_below, opp_schema_check_multiple,
    opp_schema_check_properties, opp_schema_check_required, opp_schema_check_additional,
    opp_schema_check_property_names, opp_schema_check_min_properties, opp_schema_check_max_properties,
    opp_schema_check_dependent, opp_schema_check_items, opp_schema_check_prefix, opp_schema_check_contains,
    opp_schema_check_min_items, opp_schema_check_max_items, opp_schema_check_unique, opp_schema_check_all,
    opp_schema_check_any, opp_schema_check_one, opp_schema_check_not, opp_schema_check_if, opp_schema_check_ref;

#endif
