/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

#include <math.h>
#include <string.h>

#define COUNT_MAX 0x1p53
#define COMPILE_OPTIONS                                                                                      \
    (PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS | \
     PCRE2_MATCH_UNSET_BACKREF | PCRE2_AUTO_CALLOUT)
#define MATCH_LIMIT 100000
#define MATCH_DEPTH 10000
#define MATCH_HEAP_KIB 1024
/* PCRE2 counts its limit anew at each start, so that a long text could still cost its square. */
#define PATTERN_STEPS_MAX 500000
#define SCAN_BYTES_A_STEP 32

/* Names of general categories that ECMA-262 knows and PCRE2 does not. */
static const struct {
    const char *name;
    const char *category;
} CATEGORIES[] = {
    { "Letter", "L" },
    { "Lowercase_Letter", "Ll" },
    { "Uppercase_Letter", "Lu" },
    { "Mark", "M" },
    { "Number", "N" },
    { "Decimal_Number", "Nd" },
    { "digit", "Nd" },
    { "Punctuation", "P" },
    { "punct", "P" },
    { "Symbol", "S" },
    { "Currency_Symbol", "Sc" },
    { "Math_Symbol", "Sm" },
    { "Separator", "Z" },
    { "Space_Separator", "Zs" },
    { "Other", "C" },
    { "Control", "Cc" },
};

enum opp_code opp_schema_compile_count(struct schema_compiler *c, const struct schema_place *at,
                                       struct schema_rule *rule)
{
    const double count = json_number_value(at->value);

    if (!json_is_number(at->value) || count < 0 || count > COUNT_MAX || floor(count) != count)
        return opp_schema_refuse(c, at->path, "must be a whole number, 0 or more");
    rule->as.count = (size_t)count;
    return OPP_OK;
}

enum opp_code opp_schema_compile_flag(struct schema_compiler *c, const struct schema_place *at,
                                      struct schema_rule *rule)
{
    if (!json_is_boolean(at->value))
        return opp_schema_refuse(c, at->path, "must be true or false");
    rule->as.count = json_is_true(at->value);
    return OPP_OK;
}

static size_t code_points(const json_t *string)
{
    const char *text = json_string_value(string);
    const size_t length = json_string_length(string);
    size_t count = 0;

    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

bool opp_schema_check_min_length(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                 const struct schema_path *path)
{
    return code_points(value) >= rule->as.count ||
           opp_schema_issue(run, path, rule->keyword->name, "must have at least %zu character%s", rule->as.count,
                            rule->as.count == 1 ? "" : "s");
}

bool opp_schema_check_max_length(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                                 const struct schema_path *path)
{
    return json_string_length(value) <= rule->as.count || code_points(value) <= rule->as.count ||
           opp_schema_issue(run, path, rule->keyword->name, "must have at most %zu character%s", rule->as.count,
                            rule->as.count == 1 ? "" : "s");
}

static const char *category_of(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof CATEGORIES / sizeof CATEGORIES[0]; i++)
        if (strlen(CATEGORIES[i].name) == length && memcmp(CATEGORIES[i].name, name, length) == 0)
            return CATEGORIES[i].category;
    return NULL;
}

/* Copies one escape of an ECMA-262 pattern, and gives what follows it. */
static const char *copy_escape(const char *at, const char *end, struct opp_buf *out)
{
    const char *close = at[1] == 'p' || at[1] == 'P' ? memchr(at, '}', (size_t)(end - at)) : NULL;
    const char *category = close != NULL && at[2] == '{' ? category_of(at + 3, (size_t)(close - at) - 3) : NULL;

    if (category != NULL) {
        opp_buf_format(out, "\\%c{%s}", at[1], category);
        return close + 1;
    }
    opp_buf_add(out, at, 2);
    return at + 2;
}

static void translate(const char *text, size_t length, struct opp_buf *out)
{
    const char *end = text + length;

    while (text < end) {
        if (*text == '\\' && end - text > 2)
            text = copy_escape(text, end, out);
        else
            opp_buf_char(out, *text++);
    }
}

static enum opp_code keep_pattern(struct schema_compiler *c, pcre2_code *code)
{
    struct schema_pattern *pattern = opp_schema_room(c, 1, sizeof *pattern);

    if (pattern == NULL) {
        pcre2_code_free(code);
        return OPP_E_MEMORY;
    }
    *pattern = (struct schema_pattern){ code, c->schema->patterns };
    c->schema->patterns = pattern;
    return OPP_OK;
}

static pcre2_code *compile_text(const struct opp_buf *text, int *problem)
{
    static const uint32_t EXTRA = PCRE2_EXTRA_ALT_BSUX;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    PCRE2_SIZE offset;
    pcre2_code *code = NULL;

    *problem = PCRE2_ERROR_NOMEMORY;
    if (context == NULL)
        return NULL;
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF); /* what a dot does not match */
    pcre2_set_compile_extra_options(context, EXTRA);
    code = pcre2_compile((PCRE2_SPTR)text->bytes, text->length, COMPILE_OPTIONS, problem, &offset, context);
    pcre2_compile_context_free(context);
    return code;
}

static enum opp_code refuse_pattern(struct schema_compiler *c, const struct schema_place *at, int problem)
{
    PCRE2_UCHAR reason[120];

    if (problem == PCRE2_ERROR_NOMEMORY || problem == PCRE2_ERROR_HEAP_FAILED)
        return opp_fail(c->err, OPP_E_MEMORY, "Out of memory.");
    if (pcre2_get_error_message(problem, reason, sizeof reason) < 0)
        reason[0] = '\0';
    return opp_schema_refuse(c, at->path, "is no regular expression: %s", (const char *)reason);
}

/* "(*" begins PCRE2's own settings, which no ECMA-262 pattern has. */
enum opp_code opp_schema_compile_pattern(struct schema_compiler *c, const struct schema_place *at,
                                         struct schema_rule *rule)
{
    struct opp_buf text = { 0 };
    pcre2_code *code;
    int problem = 0;
    enum opp_code rc;

    if (!json_is_string(at->value) || strncmp(json_string_value(at->value), "(*", 2) == 0)
        return opp_schema_refuse(c, at->path, "must be a string that holds a regular expression");
    translate(json_string_value(at->value), json_string_length(at->value), &text);
    rc = opp_buf_check(&text, c->err);
    if (rc != OPP_OK)
        goto out;
    code = compile_text(&text, &problem);
    rc = code != NULL ? keep_pattern(c, code) : refuse_pattern(c, at, problem);
    rule->as.pattern = code;
out:
    opp_buf_free(&text);
    return rc;
}

/* Runs before each item of a pattern: a step, and more for what was scanned since the last one. */
static int count_step(pcre2_callout_block *block, void *data)
{
    struct schema_run *run = data;
    const size_t at = block->current_position;
    const size_t moved = at > run->pattern_position ? at - run->pattern_position : run->pattern_position - at;

    run->pattern_position = at;
    run->pattern_steps += 1 + moved / SCAN_BYTES_A_STEP;
    return run->pattern_steps > PATTERN_STEPS_MAX ? PCRE2_ERROR_CALLOUT : 0;
}

static bool ready_to_match(struct schema_run *run)
{
    if (run->match != NULL)
        return true;
    run->context = pcre2_match_context_create(NULL);
    run->match = run->context != NULL ? pcre2_match_data_create(1, NULL) : NULL;
    if (run->match == NULL)
        return false;
    pcre2_set_match_limit(run->context, MATCH_LIMIT);
    pcre2_set_depth_limit(run->context, MATCH_DEPTH);
    pcre2_set_heap_limit(run->context, MATCH_HEAP_KIB);
    pcre2_set_callout(run->context, count_step, run);
    return true;
}

bool opp_schema_check_pattern(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                              const struct schema_path *path)
{
    int rc;

    if (!ready_to_match(run))
        return opp_schema_stop(run, OPP_E_MEMORY);
    run->pattern_position = 0;
    rc = pcre2_match(rule->as.pattern, (PCRE2_SPTR)json_string_value(value), json_string_length(value), 0, 0,
                     run->match, run->context);
    if (rc >= 0)
        return true;
    if (rc == PCRE2_ERROR_NOMEMORY)
        return opp_schema_stop(run, OPP_E_MEMORY);
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT ||
        rc == PCRE2_ERROR_CALLOUT)
        return opp_schema_stop(run, OPP_E_LIMIT);
    return opp_schema_issue(run, path, rule->keyword->name, "must have the form that is asked for");
}
