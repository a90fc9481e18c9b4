/* SPDX-License-Identifier: MIT
 *
 * script/print_members.h - an object's members printed in any order and put into RFC 8785's afterwards.
 * May include: base.
 */
#ifndef OPP_SCRIPT_PRINT_MEMBERS_H
#define OPP_SCRIPT_PRINT_MEMBERS_H

#include "base/buf.h"

struct opp_member {
    const char *key;
    size_t start; /* of "key":value in out */
    size_t length;
};

struct opp_members {
    struct opp_buf *out;
    struct opp_member *list;
    size_t count;
    size_t start; /* of the first member in out */
};

/* Room for at most max members. OPP_E_MEMORY; else call finish, whatever happens between. */
enum opp_code opp_members_start(struct opp_members *members, struct opp_buf *out, size_t max, struct opp_err *err);
/* Ends the member before and prints the next one's key; its value is the caller's to print. Borrows key until finish;
 * UTF-8 without a NUL inside, NUL-terminated. */
void opp_members_begin(struct opp_members *members, const char *key, size_t length);
/* Ends the last member, sorts, and closes the object. */
void opp_members_finish(struct opp_members *members);

#endif
