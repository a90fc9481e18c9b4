/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 512

char *opp_buf_grow(struct opp_buf *buf, size_t length)
{
    size_t capacity = buf->capacity != 0 ? buf->capacity : FIRST_CAPACITY;
    char *grown;

    if (buf->failed || length > SIZE_MAX / 4 - buf->length) {
        buf->failed = true;
        return NULL;
    }
    while (capacity - buf->length < length)
        capacity *= 2;
    grown = realloc(buf->bytes, capacity);
    if (grown == NULL) {
        buf->failed = true;
        return NULL;
    }
    buf->bytes = grown;
    buf->capacity = capacity;
    return buf->bytes + buf->length;
}

void opp_buf_add(struct opp_buf *buf, const void *bytes, size_t length)
{
    char *room = opp_buf_room(buf, length);

    if (room == NULL || length == 0)
        return;
    memcpy(room, bytes, length);
    buf->length += length;
}

void opp_buf_text(struct opp_buf *buf, const char *text)
{
    opp_buf_add(buf, text, strlen(text));
}

void opp_buf_format(struct opp_buf *buf, const char *format, ...)
{
    va_list args, again;
    int length;
    char *room;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    room = length < 0 ? NULL : opp_buf_room(buf, (size_t)length + 1);
    if (room != NULL) {
        vsnprintf(room, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    } else {
        buf->failed = true;
    }
    va_end(again);
    va_end(args);
}

enum opp_code opp_buf_check(const struct opp_buf *buf, struct opp_err *err)
{
    return buf->failed ? opp_fail(err, OPP_E_MEMORY, "out of memory while writing %zu bytes", buf->length) : OPP_OK;
}

char *opp_buf_take(struct opp_buf *buf)
{
    char *taken;

    opp_buf_char(buf, '\0');
    if (buf->failed) {
        opp_buf_free(buf);
        return NULL;
    }
    taken = buf->bytes;
    *buf = (struct opp_buf){ 0 };
    return taken;
}

void opp_buf_reset(struct opp_buf *buf)
{
    buf->length = 0;
    buf->failed = false;
}

void opp_buf_free(struct opp_buf *buf)
{
    free(buf->bytes);
    *buf = (struct opp_buf){ 0 };
}
