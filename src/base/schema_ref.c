/* SPDX-License-Identifier: MIT */
#include "base/percent.h"
#include "base/schema_internal.h"

#include <stdlib.h>
#include <string.h>

/* A reference whose target was found in the document, and waits for its node. */
struct schema_ref {
    struct schema_rule *rule;
    const json_t *target;
    struct schema_name where;
    struct schema_ref *next;
};

/* RFC 6901 4, in place. */
static void decode_token(char *token)
{
    char *to = token;

    for (const char *from = token; *from != '\0'; to++, from++) {
        *to = *from;
        if (*from == '~' && (from[1] == '0' || from[1] == '1')) {
            *to = from[1] == '0' ? '~' : '/';
            from++;
        }
    }
    *to = '\0';
}

static const json_t *item_of(const json_t *array, const char *token)
{
    char *end = NULL;
    unsigned long index = strtoul(token, &end, 10);

    if (token[0] < '0' || token[0] > '9' || *end != '\0' || (token[0] == '0' && token[1] != '\0'))
        return NULL;
    return json_array_get(array, index);
}

/* RFC 6901: follows pointer, which is consumed, from value; NULL where it leads nowhere. */
static const json_t *follow(const json_t *value, char *pointer)
{
    while (value != NULL && pointer != NULL && *pointer != '\0') {
        char *token = pointer + 1;

        if (*pointer != '/')
            return NULL;
        pointer = strchr(token, '/');
        if (pointer == NULL) {
            decode_token(token);
            return json_is_array(value) ? item_of(value, token) : json_object_get(value, token);
        }
        *pointer = '\0';
        decode_token(token);
        value = json_is_array(value) ? item_of(value, token) : json_object_get(value, token);
        *pointer = '/';
    }
    return value;
}

static enum opp_code add_ref(struct schema_compiler *c, const struct schema_path *path, struct schema_rule *rule,
                             const json_t *target)
{
    struct opp_buf where = { 0 };
    struct schema_ref *ref = opp_schema_room(c, 1, sizeof *ref);
    enum opp_code rc;

    opp_schema_pointer(path, &where);
    rc = opp_buf_check(&where, c->err);
    if (ref == NULL)
        rc = OPP_E_MEMORY;
    if (rc != OPP_OK)
        goto out;
    *ref = (struct schema_ref){ .rule = rule, .target = target, .next = c->refs };
    if (!opp_schema_copy_name(c, where.bytes, where.length, &ref->where))
        rc = OPP_E_MEMORY;
    c->refs = ref;
out:
    opp_buf_free(&where);
    return rc;
}

enum opp_code opp_schema_compile_ref(struct schema_compiler *c, const struct schema_place *at, struct schema_rule *rule)
{
    const char *text = json_string_value(at->value);
    const json_t *target = NULL;
    size_t length;
    char *pointer;

    if (text == NULL)
        return opp_schema_refuse(c, at->path, "must be a string");
    if (text[0] != '#')
        return opp_schema_refuse(c, at->path, "may point into this document only, and starts with #");
    pointer = opp_schema_room(c, strlen(text), 1);
    if (pointer == NULL)
        return OPP_E_MEMORY;
    if (opp_percent_decode(text + 1, strlen(text + 1), false, pointer, &length)) /* a fragment (RFC 3986 3.5) */
        target = follow(c->document, pointer);
    if (target == NULL)
        return opp_schema_refuse(c, at->path, "leads nowhere in this document");
    return add_ref(c, at->path, rule, target);
}

static const struct schema_node *node_of(const struct opp_schema *schema, const json_t *source)
{
    for (const struct schema_node *node = schema->nodes; node != NULL; node = node->next)
        if (node->source == source)
            return node;
    return NULL;
}

enum opp_code opp_schema_resolve(struct schema_compiler *c)
{
    for (struct schema_ref *ref = c->refs; ref != NULL; ref = ref->next) {
        ref->rule->as.node = node_of(c->schema, ref->target);
        if (ref->rule->as.node == NULL)
            return opp_fail_at(c->err, OPP_E_VALIDATION, ref->where.text,
                               "The schema is not usable: \"$ref\" leads to a place that holds no schema.");
    }
    return OPP_OK;
}

bool opp_schema_check_ref(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                          const struct schema_path *path)
{
    return opp_schema_check(run, rule->as.node, value, path);
}
