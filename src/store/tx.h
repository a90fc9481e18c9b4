/* SPDX-License-Identifier: MIT
 *
 * store/tx.h - what may be asked of the store inside a transaction: records by key or by a small query, no dialect.
 * May include: base, store.
 */
#ifndef OPP_STORE_TX_H
#define OPP_STORE_TX_H

#include "base/error.h"
#include "base/hash.h"
#include "store/records.h"

struct opp_tx;

/* Gives the record whose column (a unique one) holds text. OPP_E_ABSENT: none. */
enum opp_code opp_tx_get(struct opp_tx *tx, const struct opp_record *record, const char *column, const char *text,
                         void **out, struct opp_err *err);
/* As opp_tx_get, also when some of its JSON is damaged: then it is flagged, and without that. */
enum opp_code opp_tx_get_any(struct opp_tx *tx, const struct opp_record *record, const char *column, const char *text,
                             void **out, struct opp_err *err);

/* OPP_E_EXISTS: its key, or another unique column, is taken. */
enum opp_code opp_tx_insert(struct opp_tx *tx, const struct opp_record *record, const void *value, struct opp_err *err);

/* Writes the named columns (NULL-terminated) of a record that is there. OPP_E_ABSENT: it is not. */
enum opp_code opp_tx_update(struct opp_tx *tx, const struct opp_record *record, const void *value,
                            const char *const *columns, struct opp_err *err);

enum opp_code opp_tx_delete(struct opp_tx *tx, const struct opp_record *record, const void *value, struct opp_err *err);

struct opp_query;
/* Deletes what the query finds; its order and limit must be 0. *count (may be NULL) tells how many. */
enum opp_code opp_tx_remove(struct opp_tx *tx, const struct opp_query *query, int64_t *count, struct opp_err *err);

enum opp_compare {
    OPP_EQUAL,
    OPP_BELOW,
    OPP_ABOVE,
    OPP_IN,
    OPP_WITHIN,
    OPP_CONSTANT,
    OPP_EXECUTED
};

/* A condition on a column: text, or number when text is NULL; OPP_IN takes a JSON array of strings;
 * OPP_WITHIN too, for a column that holds one: there is one, and all of it is in the list. OPP_CONSTANT is OPP_EQUAL to
 * a word of the program's own (a to z and _; any other is refused), which an index may be limited to. OPP_EXECUTED: an
 * execution whose draft is the column's has this status, such a word too. */
struct opp_where {
    const char *column;
    enum opp_compare compare;
    const char *text;
    int64_t number;
    const json_t *list;
};

#define OPP_WHERE_MAX 12

/* All conditions hold, at most OPP_WHERE_MAX (more: the query fails with OPP_E_INTERNAL); ordered by one column;
 * limit 0: all. */
struct opp_query {
    const struct opp_record *record;
    struct opp_where where[OPP_WHERE_MAX];
    size_t where_count;
    const char *order;
    bool descending;
    bool damaged_too; /* give records whose JSON is damaged as well, flagged and without it; or the search ends there */
    size_t limit;
};

/* Adds a condition; a text of NULL adds none, so that optional filters need no branch. */
void opp_query_text(struct opp_query *query, const char *column, enum opp_compare compare, const char *text);
void opp_query_number(struct opp_query *query, const char *column, enum opp_compare compare, int64_t number);
void opp_query_list(struct opp_query *query, const char *column, const json_t *list);   /* NULL: no condition */
void opp_query_within(struct opp_query *query, const char *column, const json_t *list); /* NULL: no condition */

/* Calls each with every record found; it takes the record, and stops the search by returning anything but OPP_OK. */
typedef enum opp_code (*opp_each_fn)(void *arg, void *record, struct opp_err *err);
enum opp_code opp_tx_each(struct opp_tx *tx, const struct opp_query *query, opp_each_fn each, void *arg,
                          struct opp_err *err);

/* Ends the searches from here on once they have taken so many of the database's steps together, some five for each
 * record that is looked at, with OPP_E_LIMIT; 0: no limit. Deterministic, unlike a time. */
void opp_tx_steps(struct opp_tx *tx, int64_t steps);

/* How many records match. */
enum opp_code opp_tx_count(struct opp_tx *tx, const struct opp_query *query, int64_t *out, struct opp_err *err);

/* The app's pending drafts, kept as a number so that asking costs the same however many there are. */
enum opp_code opp_tx_pending(struct opp_tx *tx, const char *app_id, int64_t *out, struct opp_err *err);
enum opp_code opp_tx_pending_add(struct opp_tx *tx, const char *app_id, int change, struct opp_err *err);

/* In a write transaction: the audit chain's head, the number and hash of the newest row (0 and 64 zeros when there is
 * none), this batch's own included. */
struct opp_chain_head {
    int64_t seq;
    char hash[OPP_HASH_HEX];
};
const struct opp_chain_head *opp_tx_chain(const struct opp_tx *tx);
/* Appends the row, whose seq and hashes continue the head. */
enum opp_code opp_tx_chain_append(struct opp_tx *tx, const struct opp_audit_row *row, struct opp_err *err);

/* In a write transaction: the number of changes of apps, keys and admin tokens, its own included. */
uint64_t opp_tx_registry_version(const struct opp_tx *tx);
/* Says that this transaction changes what the registry holds. */
void opp_tx_registry_changed(struct opp_tx *tx);

#endif
