/* SPDX-License-Identifier: MIT
 *
 * base/buf.h - bytes that grow; a failed allocation is remembered, so that a writer checks once at the end.
 * May include: nothing but base/error.h.
 */
#ifndef OPP_BASE_BUF_H
#define OPP_BASE_BUF_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise. bytes is NULL while nothing was added; it is not NUL-terminated unless opp_buf_string was asked. */
struct opp_buf {
    char *bytes;
    size_t length;
    size_t capacity;
    bool failed;
};

void opp_buf_add(struct opp_buf *buf, const void *bytes, size_t length);
void opp_buf_text(struct opp_buf *buf, const char *text);
static inline void opp_buf_char(struct opp_buf *buf, char c);
void opp_buf_format(struct opp_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lends room for length more bytes, not yet counted; NULL when memory is out. Follow with buf->length += written. */
static inline char *opp_buf_room(struct opp_buf *buf, size_t length);

/* OPP_OK, or OPP_E_MEMORY when any addition since the last reset failed. */
enum opp_code opp_buf_check(const struct opp_buf *buf, struct opp_err *err);

/* Gives the bytes as a NUL-terminated string and leaves buf empty; NULL when any addition failed. */
char *opp_buf_take(struct opp_buf *buf);

/* Empties without giving memory back. */
void opp_buf_reset(struct opp_buf *buf);
void opp_buf_free(struct opp_buf *buf);

/* Here only because everything that writes JSON goes through them; the rare rest is not inline. */
char *opp_buf_grow(struct opp_buf *buf, size_t length);

static inline char *opp_buf_room(struct opp_buf *buf, size_t length)
{
    if (!buf->failed && buf->bytes != NULL && buf->capacity - buf->length >= length)
        return buf->bytes + buf->length;
    return opp_buf_grow(buf, length);
}

static inline void opp_buf_char(struct opp_buf *buf, char c)
{
    char *room = opp_buf_room(buf, 1);

    if (room != NULL) {
        *room = c;
        buf->length++;
    }
}

#endif
