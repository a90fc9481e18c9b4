/* SPDX-License-Identifier: MIT */
#include "base/yaml.h"

#include "base/yaml_lines.h"
#include "base/yaml_scalar.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define TEXT_MAX_BYTES (1024 * 1024)
#define DEPTH_MAX 32

struct opp_yaml {
    json_t *value;
    struct opp_yaml_lines lines;
};

/* The event that was read last, and what is being built of them. */
struct reader {
    const char *name;
    const char *text;
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    int depth;
    struct opp_yaml *yaml;
    struct opp_err *err;
};

struct where {
    char text[sizeof((struct opp_err *)NULL)->where];
};

static struct where where_of(const struct reader *reader, int line)
{
    struct where where;

    snprintf(where.text, sizeof where.text, "%.100s:%d", reader->name, line);
    return where;
}

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

static enum opp_code refuse(struct reader *reader, int line, const char *why)
{
    return opp_fail_at(reader->err, OPP_E_CONFIG, where_of(reader, line).text, "%s", why);
}

static enum opp_code out_of_memory(struct reader *reader)
{
    return opp_fail(reader->err, OPP_E_MEMORY, "no memory to read %s", reader->name);
}

/* For a byte that is not UTF-8 the parser knows the offset only. */
static int problem_line(const struct reader *reader)
{
    int line = 1;

    if (reader->parser.error != YAML_READER_ERROR)
        return (int)reader->parser.problem_mark.line + 1;
    for (size_t i = 0; i < reader->parser.problem_offset; i++)
        line += reader->text[i] == '\n';
    return line;
}

static void drop_event(struct reader *reader)
{
    if (reader->has_event)
        yaml_event_delete(&reader->event);
    reader->has_event = false;
}

static enum opp_code next_event(struct reader *reader)
{
    drop_event(reader);
    reader->has_event = yaml_parser_parse(&reader->parser, &reader->event) != 0;
    if (reader->has_event)
        return OPP_OK;
    if (reader->parser.error == YAML_MEMORY_ERROR)
        return out_of_memory(reader);
    return refuse(reader, problem_line(reader), reader->parser.problem);
}

/* Of a key or a value. */
static enum opp_code refuse_extras(struct reader *reader)
{
    const yaml_event_t *event = &reader->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;

    if (event->type == YAML_ALIAS_EVENT)
        return refuse(reader, line_of(event), "aliases are not supported");
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    }
    if (anchor != NULL)
        return refuse(reader, line_of(event), "anchors are not supported");
    return tag != NULL ? refuse(reader, line_of(event), "tags are not supported") : OPP_OK;
}

/* Lends the text of the scalar that was read last; NULL, having said why, if no C string can hold it. */
static const char *scalar_text(struct reader *reader)
{
    const char *text = (const char *)reader->event.data.scalar.value;

    if (strlen(text) == reader->event.data.scalar.length)
        return text;
    refuse(reader, line_of(&reader->event), "a text holds U+0000");
    return NULL;
}

static enum opp_code read_scalar(struct reader *reader, json_t **out)
{
    const char *text = scalar_text(reader);

    if (text == NULL)
        return OPP_E_CONFIG;
    if (reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return opp_yaml_scalar(text, where_of(reader, line_of(&reader->event)).text, out, reader->err);
    *out = json_string(text);
    return *out != NULL ? OPP_OK : out_of_memory(reader);
}

static enum opp_code read_value(struct reader *reader, size_t node, json_t **out);

static enum opp_code read_list(struct reader *reader, size_t node, json_t *list)
{
    for (;;) {
        json_t *value = NULL;
        size_t child = 0;
        enum opp_code rc = next_event(reader);

        if (rc != OPP_OK || reader->event.type == YAML_SEQUENCE_END_EVENT)
            return rc;
        rc = opp_yaml_lines_add(&reader->yaml->lines, node, NULL, line_of(&reader->event), &child, reader->err);
        if (rc == OPP_OK)
            rc = read_value(reader, child, &value);
        if (rc != OPP_OK)
            return rc;
        if (json_array_append_new(list, value) != 0)
            return out_of_memory(reader);
    }
}

/* Gives the key that was read last and adds its node. */
static enum opp_code read_key(struct reader *reader, size_t node, const json_t *map, size_t *child, char **out)
{
    int line = line_of(&reader->event);
    enum opp_code rc = refuse_extras(reader);
    const char *key;

    if (rc != OPP_OK)
        return rc;
    if (reader->event.type != YAML_SCALAR_EVENT)
        return refuse(reader, line, "a key must be a text");
    key = scalar_text(reader);
    if (key == NULL)
        return OPP_E_CONFIG;
    if (json_object_get(map, key) != NULL)
        return opp_fail_at(reader->err, OPP_E_CONFIG, where_of(reader, line).text,
                           "the key \"%.100s\" is on line %d already", key,
                           opp_yaml_lines_of_key(&reader->yaml->lines, node, key));
    rc = opp_yaml_lines_add(&reader->yaml->lines, node, key, line, child, reader->err);
    if (rc != OPP_OK)
        return rc;
    *out = strdup(key);
    return *out != NULL ? OPP_OK : out_of_memory(reader);
}

static enum opp_code read_member(struct reader *reader, size_t node, json_t *map)
{
    json_t *value = NULL;
    char *key = NULL;
    size_t child = 0;
    enum opp_code rc = read_key(reader, node, map, &child, &key);

    if (rc == OPP_OK)
        rc = next_event(reader);
    if (rc == OPP_OK)
        rc = read_value(reader, child, &value);
    if (rc == OPP_OK && json_object_set_new(map, key, value) != 0)
        rc = out_of_memory(reader);
    free(key);
    return rc;
}

static enum opp_code read_map(struct reader *reader, size_t node, json_t *map)
{
    for (;;) {
        enum opp_code rc = next_event(reader);

        if (rc != OPP_OK || reader->event.type == YAML_MAPPING_END_EVENT)
            return rc;
        rc = read_member(reader, node, map);
        if (rc != OPP_OK)
            return rc;
    }
}

static enum opp_code read_container(struct reader *reader, size_t node, json_t **out)
{
    bool is_map = reader->event.type == YAML_MAPPING_START_EVENT;
    json_t *container;
    enum opp_code rc;

    if (reader->depth == DEPTH_MAX)
        return refuse(reader, line_of(&reader->event), "values are nested too deep");
    container = is_map ? json_object() : json_array();
    if (container == NULL)
        return out_of_memory(reader);
    reader->depth++;
    rc = is_map ? read_map(reader, node, container) : read_list(reader, node, container);
    reader->depth--;
    if (rc == OPP_OK)
        *out = container;
    else
        json_decref(container);
    return rc;
}

/* Of the event that was read last; reads up to the last event of the value. */
static enum opp_code read_value(struct reader *reader, size_t node, json_t **out)
{
    enum opp_code rc = refuse_extras(reader);

    if (rc != OPP_OK)
        return rc;
    return reader->event.type == YAML_SCALAR_EVENT ? read_scalar(reader, out) : read_container(reader, node, out);
}

/* The events of a stream: its start, of each document the start, the value and the end, its end. */
static enum opp_code read_stream(struct reader *reader)
{
    size_t root = 0;
    enum opp_code rc = next_event(reader);

    if (rc == OPP_OK)
        rc = next_event(reader);
    if (rc != OPP_OK)
        return rc;
    if (reader->event.type == YAML_STREAM_END_EVENT) {
        reader->yaml->value = json_object();
        return reader->yaml->value != NULL ? OPP_OK : out_of_memory(reader);
    }
    rc = next_event(reader);
    if (rc == OPP_OK)
        rc = opp_yaml_lines_add(&reader->yaml->lines, 0, NULL, line_of(&reader->event), &root, reader->err);
    if (rc == OPP_OK)
        rc = read_value(reader, root, &reader->yaml->value);
    if (rc == OPP_OK)
        rc = next_event(reader);
    if (rc == OPP_OK)
        rc = next_event(reader);
    if (rc == OPP_OK && reader->event.type != YAML_STREAM_END_EVENT)
        rc = refuse(reader, line_of(&reader->event), "a second document is not supported");
    return rc;
}

enum opp_code opp_yaml_parse(const char *name, const char *text, size_t length, struct opp_yaml **out,
                             struct opp_err *err)
{
    struct reader reader = { .name = name, .text = text, .err = err };
    enum opp_code rc;

    if (length > TEXT_MAX_BYTES)
        return refuse(&reader, 1, "the text is larger than 1 MiB");
    if (!yaml_parser_initialize(&reader.parser))
        return out_of_memory(&reader);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    reader.yaml = calloc(1, sizeof *reader.yaml);
    rc = reader.yaml != NULL ? read_stream(&reader) : out_of_memory(&reader);
    drop_event(&reader);
    yaml_parser_delete(&reader.parser);
    if (rc == OPP_OK)
        *out = reader.yaml;
    else
        opp_yaml_free(reader.yaml);
    return rc;
}

void opp_yaml_free(struct opp_yaml *yaml)
{
    if (yaml == NULL)
        return;
    json_decref(yaml->value);
    opp_yaml_lines_free(&yaml->lines);
    free(yaml);
}

const json_t *opp_yaml_value(const struct opp_yaml *yaml)
{
    return yaml->value;
}

int opp_yaml_line(const struct opp_yaml *yaml, const char *pointer)
{
    return opp_yaml_lines_find(&yaml->lines, pointer);
}
