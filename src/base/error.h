/* SPDX-License-Identifier: MIT
 *
 * base/error.h - why a function failed, in the caller's own fixed buffers.
 * May include: nothing but base/code.h.
 */
#ifndef OPP_BASE_ERROR_H
#define OPP_BASE_ERROR_H

#include "base/code.h"

/* Zero it before the first use. message is for people; where is file:line or a JSON pointer, empty if neither helps. */
struct opp_err {
    enum opp_code code;
    char message[256];
    char where[128];
};

/* Records the first error and drops later ones; err may be NULL. Gives back code, so that a caller can return it. */
enum opp_code opp_fail(struct opp_err *err, enum opp_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As opp_fail, and says where. */
enum opp_code opp_fail_at(struct opp_err *err, enum opp_code code, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
