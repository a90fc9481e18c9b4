/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096

struct schema_block {
    struct schema_block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) char bytes[];
};

static struct schema_block *block_for(struct schema_compiler *c, size_t bytes)
{
    struct schema_block *block = c->schema->blocks;
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

    if (block != NULL && block->size - block->used >= bytes)
        return block;
    block = calloc(1, sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    block->next = c->schema->blocks;
    c->schema->blocks = block;
    return block;
}

void *opp_schema_room(struct schema_compiler *c, size_t count, size_t size)
{
    size_t bytes = (count * size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct schema_block *block = block_for(c, bytes);
    void *room;

    if (block == NULL) {
        opp_fail(c->err, OPP_E_MEMORY, "Out of memory.");
        return NULL;
    }
    room = block->bytes + block->used;
    block->used += bytes;
    return room;
}

bool opp_schema_copy_name(struct schema_compiler *c, const char *text, size_t length, struct schema_name *out)
{
    char *copy = opp_schema_room(c, length + 1, 1);

    if (copy == NULL)
        return false;
    memcpy(copy, text, length);
    *out = (struct schema_name){ copy, length };
    return true;
}

enum opp_code opp_schema_keep(struct schema_compiler *c, const json_t *value, const json_t **out)
{
    json_t *copy = json_deep_copy(value);

    if (copy == NULL || json_array_append_new(c->schema->values, copy) != 0)
        return opp_fail(c->err, OPP_E_MEMORY, "Out of memory.");
    *out = copy;
    return OPP_OK;
}

enum opp_code opp_schema_refuse(struct schema_compiler *c, const struct schema_path *path, const char *format, ...)
{
    struct opp_buf where = { 0 };
    char message[sizeof c->err->message];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    opp_schema_pointer(path, &where);
    opp_buf_char(&where, '\0');
    if (opp_buf_check(&where, c->err) == OPP_OK)
        opp_fail_at(c->err, OPP_E_VALIDATION, where.bytes, "The schema is not usable: \"%.*s\" %s.",
                    path != NULL && path->key != NULL ? (int)path->number : 6,
                    path != NULL && path->key != NULL ? path->key : "schema", message);
    opp_buf_free(&where);
    return OPP_E_VALIDATION;
}

/* Refuses what this validator does not know, and counts what a value will be checked by. */
static enum opp_code survey(struct schema_compiler *c, const json_t *object, const struct schema_path *path,
                            size_t *rules)
{
    json_t *all = opp_schema_iterable(object);
    const char *name;
    json_t *value;

    json_object_foreach(all, name, value)
    {
        const struct schema_path step = { path, name, strlen(name) };
        const struct schema_keyword *keyword = opp_schema_keyword(name);

        if (keyword == NULL)
            return opp_schema_refuse(c, &step, "is no keyword that is known here");
        *rules += keyword->check != NULL;
    }
    return OPP_OK;
}

static enum opp_code compile_keyword(struct schema_compiler *c, const struct schema_keyword *keyword,
                                     const struct schema_place *at, struct schema_rule *rule)
{
    rule->keyword = keyword;
    return keyword->compile(c, at, rule);
}

static enum opp_code compile_rules(struct schema_compiler *c, const json_t *object, const struct schema_path *path,
                                   struct schema_node *node, struct schema_rule *rules)
{
    size_t rows;
    const struct schema_keyword *keywords = opp_schema_keywords(&rows);
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; i < rows && rc == OPP_OK; i++) {
        const struct schema_path step = { path, keywords[i].name, strlen(keywords[i].name) };
        const struct schema_place at = { object, json_object_get(object, keywords[i].name), &step };
        struct schema_rule unused;

        if (at.value == NULL)
            continue;
        rc = compile_keyword(c, &keywords[i], &at, keywords[i].check != NULL ? &rules[node->count] : &unused);
        if (rc != OPP_OK || keywords[i].check == NULL)
            continue;
        if (keywords[i].check == opp_schema_check_type)
            node->types = rules[node->count].as.types;
        node->count++;
    }
    return rc;
}

static enum opp_code compile_object(struct schema_compiler *c, const json_t *object, const struct schema_path *path,
                                    struct schema_node *node)
{
    struct schema_rule *rules;
    size_t count = 0;
    enum opp_code rc = survey(c, object, path, &count);

    if (rc != OPP_OK)
        return rc;
    if (++c->depth > OPP_SCHEMA_DEPTH_MAX)
        return opp_schema_refuse(c, path, "is nested too deeply");
    rules = opp_schema_room(c, count, sizeof *rules);
    if (rules == NULL)
        return OPP_E_MEMORY;
    node->rules = rules;
    rc = compile_rules(c, object, path, node, rules);
    c->depth--;
    return rc;
}

enum opp_code opp_schema_node(struct schema_compiler *c, const json_t *value, const struct schema_path *path,
                              const struct schema_node **out)
{
    struct schema_node *node;
    enum opp_code rc = OPP_OK;

    if (!json_is_object(value) && !json_is_boolean(value))
        return opp_schema_refuse(c, path, "must be a schema: an object, true or false");
    if (++c->nodes > OPP_SCHEMA_NODES_MAX)
        return opp_schema_refuse(c, path, "is one schema too many; at most %d are taken", OPP_SCHEMA_NODES_MAX);
    node = opp_schema_room(c, 1, sizeof *node);
    if (node == NULL)
        return OPP_E_MEMORY;
    node->types = SCHEMA_ANY;
    node->never = json_is_false(value);
    node->source = value;
    node->next = c->schema->nodes;
    c->schema->nodes = node;
    if (json_is_object(value))
        rc = compile_object(c, value, path, node);
    *out = node;
    return rc;
}

/* The document is not ours to point into once we are done. */
static void forget_sources(struct opp_schema *schema)
{
    for (struct schema_node *node = schema->nodes; node != NULL; node = node->next)
        node->source = NULL;
}

enum opp_code opp_schema_compile(const json_t *document, struct opp_schema **out, struct opp_err *err)
{
    struct opp_err own = { 0 };
    struct schema_compiler c = { .document = document, .err = err != NULL ? err : &own };
    enum opp_code rc;

    c.schema = calloc(1, sizeof *c.schema);
    if (c.schema == NULL)
        return opp_fail(err, OPP_E_MEMORY, "Out of memory.");
    c.schema->values = json_array();
    rc = c.schema->values != NULL ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "Out of memory.");
    if (rc == OPP_OK)
        rc = opp_schema_node(&c, document, NULL, &c.schema->root);
    if (rc == OPP_OK)
        rc = opp_schema_resolve(&c);
    if (rc != OPP_OK)
        goto out;
    forget_sources(c.schema);
    *out = c.schema;
    c.schema = NULL;
out:
    opp_schema_free(c.schema);
    return rc;
}

void opp_schema_free(struct opp_schema *schema)
{
    if (schema == NULL)
        return;
    for (struct schema_pattern *pattern = schema->patterns; pattern != NULL; pattern = pattern->next)
        pcre2_code_free(pattern->code);
    while (schema->blocks != NULL) {
        struct schema_block *next = schema->blocks->next;

        free(schema->blocks);
        schema->blocks = next;
    }
    json_decref(schema->values);
    free(schema);
}
