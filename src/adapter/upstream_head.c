/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define BYTES_MAX ((size_t)64 * 1024)
#define INFORMATIONAL_MAX 8

struct field {
    const char *name, *value;
    size_t name_length, value_length;
};

static const char *begin(struct opp_upstream_head *head, const char *line, size_t length)
{
    bool known = length >= 12 && (strncmp(line, "HTTP/1.1 ", 9) == 0 || strncmp(line, "HTTP/1.0 ", 9) == 0);
    int status = 0;

    for (size_t i = 9; known && i < 12; i++) {
        known = line[i] >= '0' && line[i] <= '9';
        status = status * 10 + (line[i] - '0');
    }
    if (!known || (length > 12 && line[12] != ' ') || status < 100 || status > 599)
        return "a status line that is none";
    if (status == 101)
        return "another protocol, which nobody asked for";
    if (status < 200 && ++head->informational > INFORMATIONAL_MAX)
        return "too many informational answers before it";
    head->status = status;
    return NULL;
}

/* Gives where the text without spaces around it begins. */
static void trim(struct field *field)
{
    while (field->value_length > 0 && (*field->value == ' ' || *field->value == '\t')) {
        field->value++;
        field->value_length--;
    }
    while (field->value_length > 0 &&
           (field->value[field->value_length - 1] == ' ' || field->value[field->value_length - 1] == '\t'))
        field->value_length--;
}

static bool split(const char *line, size_t length, struct field *out)
{
    const char *colon = memchr(line, ':', length);

    if (colon == NULL)
        return false;
    *out = (struct field){ .name = line,
                           .name_length = (size_t)(colon - line),
                           .value = colon + 1,
                           .value_length = length - (size_t)(colon - line) - 1 };
    trim(out);
    return opp_upstream_is_token(line, out->name_length);
}

static bool is_called(const struct field *field, const char *name)
{
    return field->name_length == strlen(name) && strncasecmp(field->name, name, field->name_length) == 0;
}

static bool is_number(const struct field *field)
{
    for (size_t i = 0; i < field->value_length; i++)
        if (!isdigit((unsigned char)field->value[i]))
            return false;
    return field->value_length > 0 && field->value_length < 19;
}

/* Two lengths, or a length and chunks: where the answer ends is anybody's guess (RFC 9112, 6.3). */
static const char *take_framing(struct opp_upstream_head *head, const struct field *field, bool length)
{
    if (head->status < 200)
        return "a length in an informational answer";
    if (head->length || head->chunked)
        return "more than one length";
    if (length && !is_number(field))
        return "a length that is no number";
    if (!length && (field->value_length != 7 || strncasecmp(field->value, "chunked", 7) != 0))
        return "a transfer coding that is not known";
    head->length = length;
    head->chunked = !length;
    return NULL;
}

static void keep(char kept[OPP_UPSTREAM_FIELD_MAX], size_t *count, const struct field *field)
{
    *count += field->value_length < OPP_UPSTREAM_FIELD_MAX ? 1 : 2;
    snprintf(kept, OPP_UPSTREAM_FIELD_MAX, "%.*s", *count == 1 ? (int)field->value_length : 0, field->value);
}

static const char *take_field(struct opp_upstream_head *head, const struct field *field)
{
    if (is_called(field, "Content-Length"))
        return take_framing(head, field, true);
    if (is_called(field, "Transfer-Encoding"))
        return take_framing(head, field, false);
    if (is_called(field, "Content-Type"))
        keep(head->content_type, &head->types, field);
    if (is_called(field, "ETag"))
        keep(head->etag, &head->etags, field);
    return NULL;
}

static bool is_clean(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == '\x7f')
            return false;
    return true;
}

/* curl takes the line for what it is called by itself; what is unclear to others must be refused here. */
const char *opp_upstream_head_line(struct opp_upstream_head *head, const char *line, size_t length)
{
    struct field field;

    head->bytes += length;
    if (head->bytes > BYTES_MAX)
        return "a header block that is too long";
    if (length > 0 && line[length - 1] == '\n')
        length--;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (!is_clean(line, length))
        return "a control byte in a header";
    if (head->complete)
        return NULL; /* a trailer: it is of no use, and cannot change what came before */
    if (length == 0) {
        head->complete = head->status >= 200;
        if (!head->complete)
            head->status = 0;
        return NULL;
    }
    if (head->status == 0)
        return begin(head, line, length);
    return split(line, length, &field) ? take_field(head, &field) : "a header field that is none";
}
