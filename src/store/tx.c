/* SPDX-License-Identifier: MIT */
#include "store/tx.h"

#include "base/jcs.h"
#include "store/db.h"
#include "store/record_map.h"
#include "store/tx_internal.h"

#include <stdio.h>
#include <string.h>

#define SQL_MAX 2048

/* A statement being written; it is sized for our longest, and what does not fit is a defect found by the first test. */
struct sql {
    size_t length;
    char text[SQL_MAX];
};

static void add(struct sql *sql, const char *text)
{
    size_t length = strlen(text);

    if (length >= SQL_MAX - sql->length)
        length = SQL_MAX - sql->length - 1;
    memcpy(sql->text + sql->length, text, length);
    sql->length += length;
    sql->text[sql->length] = '\0';
}

static void begin(struct sql *sql, const char *text)
{
    sql->length = 0;
    sql->text[0] = '\0';
    add(sql, text);
}

static void add_columns(struct sql *sql, const struct opp_record *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        add(sql, i == 0 ? "" : ",");
        add(sql, record->fields[i].column);
    }
}

static void begin_select(struct sql *sql, const struct opp_record *record)
{
    begin(sql, "SELECT ");
    add_columns(sql, record);
    add(sql, " FROM ");
    add(sql, record->table);
}

/* Runs a statement that gives no rows and leaves it reset. */
static enum opp_code finish(struct opp_tx *tx, sqlite3_stmt *statement, struct opp_err *err)
{
    int result = sqlite3_step(statement);
    enum opp_code rc = result == SQLITE_DONE || result == SQLITE_ROW ? OPP_OK : opp_db_error(tx->db, result, err);

    sqlite3_reset(statement);
    return rc;
}

static enum opp_code must_change(struct opp_tx *tx, const struct opp_record *record, struct opp_err *err)
{
    if (sqlite3_changes(opp_db_handle(tx->db)) == 1)
        return OPP_OK;
    return opp_fail(err, OPP_E_ABSENT, "no such row in %s", record->table);
}

static enum opp_code prepare_get(struct opp_tx *tx, const struct opp_record *record, const char *column,
                                 sqlite3_stmt **statement, struct opp_err *err)
{
    struct sql sql;

    begin_select(&sql, record);
    add(&sql, " WHERE ");
    add(&sql, column);
    add(&sql, "=?1");
    return opp_db_prepare(tx->db, sql.text, statement, err);
}

static enum opp_code get(struct opp_tx *tx, const struct opp_record *record, sqlite3_stmt *statement, bool damaged_too,
                         void **out, struct opp_err *err)
{
    int result = sqlite3_step(statement);
    enum opp_code rc;

    if (result == SQLITE_ROW)
        rc = opp_record_read(record, statement, damaged_too, out, err);
    else if (result == SQLITE_DONE)
        rc = OPP_E_ABSENT; /* an answer, not a failure: err is left for those that are */
    else
        rc = opp_db_error(tx->db, result, err);
    sqlite3_reset(statement);
    return rc;
}

enum opp_code opp_tx_get(struct opp_tx *tx, const struct opp_record *record, const char *column, const char *text,
                         void **out, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = prepare_get(tx, record, column, &statement, err);

    if (rc != OPP_OK)
        return rc;
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    return get(tx, record, statement, false, out, err);
}

enum opp_code opp_tx_get_any(struct opp_tx *tx, const struct opp_record *record, const char *column, const char *text,
                             void **out, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = prepare_get(tx, record, column, &statement, err);

    if (rc != OPP_OK)
        return rc;
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    return get(tx, record, statement, true, out, err);
}

enum opp_code opp_tx_insert(struct opp_tx *tx, const struct opp_record *record, const void *value, struct opp_err *err)
{
    struct sql sql;
    sqlite3_stmt *statement = NULL;
    enum opp_code rc;

    begin(&sql, "INSERT INTO ");
    add(&sql, record->table);
    add(&sql, "(");
    add_columns(&sql, record);
    add(&sql, ") VALUES(?");
    for (size_t i = 1; i < record->field_count; i++)
        add(&sql, ",?");
    add(&sql, ")");
    rc = opp_db_prepare(tx->db, sql.text, &statement, err);
    for (size_t i = 0; rc == OPP_OK && i < record->field_count; i++)
        rc = opp_record_bind(&record->fields[i], value, statement, (int)i + 1, err);
    return rc == OPP_OK ? finish(tx, statement, err) : rc;
}

enum opp_code opp_tx_update(struct opp_tx *tx, const struct opp_record *record, const void *value,
                            const char *const *columns, struct opp_err *err)
{
    struct sql sql;
    sqlite3_stmt *statement = NULL;
    enum opp_code rc;
    int index = 0;

    begin(&sql, "UPDATE ");
    add(&sql, record->table);
    for (size_t i = 0; columns[i] != NULL; i++) {
        add(&sql, i == 0 ? " SET " : ",");
        add(&sql, columns[i]);
        add(&sql, "=?");
    }
    add(&sql, " WHERE ");
    add(&sql, record->fields[0].column);
    add(&sql, "=?");
    rc = opp_db_prepare(tx->db, sql.text, &statement, err);
    for (; rc == OPP_OK && columns[index] != NULL; index++)
        rc = opp_record_bind(opp_record_field(record, columns[index]), value, statement, index + 1, err);
    if (rc == OPP_OK)
        rc = opp_record_bind(&record->fields[0], value, statement, index + 1, err);
    if (rc == OPP_OK)
        rc = finish(tx, statement, err);
    return rc == OPP_OK ? must_change(tx, record, err) : rc;
}

enum opp_code opp_tx_delete(struct opp_tx *tx, const struct opp_record *record, const void *value, struct opp_err *err)
{
    struct sql sql;
    sqlite3_stmt *statement = NULL;
    enum opp_code rc;

    begin(&sql, "DELETE FROM ");
    add(&sql, record->table);
    add(&sql, " WHERE ");
    add(&sql, record->fields[0].column);
    add(&sql, "=?");
    rc = opp_db_prepare(tx->db, sql.text, &statement, err);
    if (rc == OPP_OK)
        rc = opp_record_bind(&record->fields[0], value, statement, 1, err);
    if (rc == OPP_OK)
        rc = finish(tx, statement, err);
    return rc == OPP_OK ? must_change(tx, record, err) : rc;
}

static void add_where(struct opp_query *query, struct opp_where where)
{
    if (query->where_count < OPP_WHERE_MAX)
        query->where[query->where_count] = where;
    query->where_count++; /* beyond the most: the query is refused, for without a condition it would find more */
}

void opp_query_text(struct opp_query *query, const char *column, enum opp_compare compare, const char *text)
{
    if (text != NULL)
        add_where(query, (struct opp_where){ .column = column, .compare = compare, .text = text });
}

void opp_query_number(struct opp_query *query, const char *column, enum opp_compare compare, int64_t number)
{
    add_where(query, (struct opp_where){ .column = column, .compare = compare, .number = number });
}

void opp_query_list(struct opp_query *query, const char *column, const json_t *list)
{
    if (list != NULL)
        add_where(query, (struct opp_where){ .column = column, .compare = OPP_IN, .list = list });
}

void opp_query_within(struct opp_query *query, const char *column, const json_t *list)
{
    if (list != NULL)
        add_where(query, (struct opp_where){ .column = column, .compare = OPP_WITHIN, .list = list });
}

/* A column's array that is no part of the one that is bound holds something which that one does not. */
static void add_within(struct sql *sql, const char *column)
{
    add(sql, " IS NOT NULL AND NOT EXISTS (SELECT value FROM json_each(");
    add(sql, column);
    add(sql, ") EXCEPT SELECT value FROM json_each(?))");
}

/* Such a text is part of the statement, and is not bound. */
static bool is_constant(const struct opp_where *where)
{
    return where->compare == OPP_CONSTANT || where->compare == OPP_EXECUTED;
}

static void add_conditions(struct sql *sql, const struct opp_query *query)
{
    static const char *const compare[] = {
        [OPP_EQUAL] = "=?",
        [OPP_BELOW] = "<?",
        [OPP_ABOVE] = ">?",
        [OPP_IN] = " IN (SELECT value FROM json_each(?))",
        [OPP_WITHIN] = "",
        [OPP_CONSTANT] = "='",
        [OPP_EXECUTED] = " IN (SELECT draft_id FROM executions WHERE status='",
    };

    for (size_t i = 0; i < query->where_count; i++) {
        add(sql, i == 0 ? " WHERE " : " AND ");
        add(sql, query->where[i].column);
        add(sql, compare[query->where[i].compare]);
        if (query->where[i].compare == OPP_WITHIN)
            add_within(sql, query->where[i].column);
        if (is_constant(&query->where[i])) {
            add(sql, query->where[i].text);
            add(sql, query->where[i].compare == OPP_EXECUTED ? "')" : "'");
        }
    }
}

static int bind_condition(const struct opp_where *where, sqlite3_stmt *statement, int index)
{
    struct opp_buf text = { 0 };
    char *list;

    if (where->list != NULL) {
        opp_jcs_write(&text, where->list);
        list = opp_buf_take(&text);
        return list != NULL ? sqlite3_bind_text(statement, index, list, -1, free) : SQLITE_NOMEM;
    }
    if (where->text != NULL)
        return sqlite3_bind_text(statement, index, where->text, -1, SQLITE_STATIC);
    return sqlite3_bind_int64(statement, index, where->number);
}

static enum opp_code bind_conditions(const struct opp_query *query, sqlite3_stmt *statement, struct opp_err *err)
{
    int result = SQLITE_OK, index = 1;

    for (size_t i = 0; i < query->where_count && result == SQLITE_OK; i++)
        if (!is_constant(&query->where[i]))
            result = bind_condition(&query->where[i], statement, index++);
    return result == SQLITE_OK ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "cannot bind a query");
}

/* Only a word may become part of a statement. */
static bool is_sound(const struct opp_where *where)
{
    return !is_constant(where) || where->text[strspn(where->text, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

static enum opp_code check_query(const struct opp_query *query, struct opp_err *err)
{
    if (query->where_count > OPP_WHERE_MAX)
        return opp_fail(err, OPP_E_INTERNAL, "too many conditions");
    for (size_t i = 0; i < query->where_count; i++)
        if (!is_sound(&query->where[i]))
            return opp_fail(err, OPP_E_INTERNAL, "a constant is a word");
    return OPP_OK;
}

static enum opp_code prepare_query(struct opp_tx *tx, const struct opp_query *query, sqlite3_stmt **statement,
                                   struct opp_err *err)
{
    struct sql sql;
    enum opp_code rc = check_query(query, err);

    if (rc != OPP_OK)
        return rc;
    begin_select(&sql, query->record);
    add_conditions(&sql, query);
    if (query->order != NULL) {
        add(&sql, " ORDER BY ");
        add(&sql, query->order);
        add(&sql, query->descending ? " DESC" : "");
    }
    if (query->limit != 0)
        add(&sql, " LIMIT ?"); /* not as text: a client's limits must not be that many statements */
    rc = opp_db_prepare(tx->db, sql.text, statement, err);
    if (rc == OPP_OK && query->limit != 0)
        sqlite3_bind_int64(*statement, sqlite3_bind_parameter_count(*statement), (sqlite3_int64)query->limit);
    return rc == OPP_OK ? bind_conditions(query, *statement, err) : rc;
}

enum opp_code opp_tx_each(struct opp_tx *tx, const struct opp_query *query, opp_each_fn each, void *arg,
                          struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = prepare_query(tx, query, &statement, err);
    void *record;
    int result = SQLITE_ROW;

    while (rc == OPP_OK && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        rc = opp_record_read(query->record, statement, query->damaged_too, &record, err);
        if (rc == OPP_OK)
            rc = each(arg, record, err);
    }
    if (rc == OPP_OK && result != SQLITE_DONE)
        rc = opp_db_error(tx->db, result, err);
    if (statement != NULL)
        sqlite3_reset(statement);
    return rc;
}

void opp_tx_steps(struct opp_tx *tx, int64_t steps)
{
    opp_db_steps(tx->db, steps);
}

/* Gives the integer of a statement's only row; 0 when there is none. */
static enum opp_code one_number(struct opp_tx *tx, sqlite3_stmt *statement, int64_t *out, struct opp_err *err)
{
    int result = sqlite3_step(statement);
    enum opp_code rc = OPP_OK;

    if (result == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else if (result == SQLITE_DONE)
        *out = 0;
    else
        rc = opp_db_error(tx->db, result, err);
    sqlite3_reset(statement);
    return rc;
}

/* Of the rows that meet the query's conditions; verb is all that stands before the table's name. */
static enum opp_code prepare_matching(struct opp_tx *tx, const char *verb, const struct opp_query *query,
                                      sqlite3_stmt **statement, struct opp_err *err)
{
    struct sql sql;
    enum opp_code rc = check_query(query, err);

    if (rc != OPP_OK)
        return rc;
    begin(&sql, verb);
    add(&sql, query->record->table);
    add_conditions(&sql, query);
    rc = opp_db_prepare(tx->db, sql.text, statement, err);
    return rc == OPP_OK ? bind_conditions(query, *statement, err) : rc;
}

enum opp_code opp_tx_count(struct opp_tx *tx, const struct opp_query *query, int64_t *out, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = prepare_matching(tx, "SELECT count(*) FROM ", query, &statement, err);

    return rc == OPP_OK ? one_number(tx, statement, out, err) : rc;
}

enum opp_code opp_tx_remove(struct opp_tx *tx, const struct opp_query *query, int64_t *count, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = prepare_matching(tx, "DELETE FROM ", query, &statement, err);

    if (rc == OPP_OK)
        rc = finish(tx, statement, err);
    if (rc == OPP_OK && count != NULL)
        *count = sqlite3_changes64(opp_db_handle(tx->db));
    return rc;
}

enum opp_code opp_tx_pending(struct opp_tx *tx, const char *app_id, int64_t *out, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(tx->db, "SELECT drafts FROM pending WHERE app_id=?1", &statement, err);

    if (rc != OPP_OK)
        return rc;
    sqlite3_bind_text(statement, 1, app_id, -1, SQLITE_STATIC);
    return one_number(tx, statement, out, err);
}

enum opp_code opp_tx_pending_add(struct opp_tx *tx, const char *app_id, int change, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(tx->db,
                                      "INSERT INTO pending(app_id,drafts) VALUES(?1,?2)"
                                      " ON CONFLICT(app_id) DO UPDATE SET drafts=drafts+?2",
                                      &statement, err);

    if (rc != OPP_OK)
        return rc;
    sqlite3_bind_text(statement, 1, app_id, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, change);
    return finish(tx, statement, err);
}

const struct opp_chain_head *opp_tx_chain(const struct opp_tx *tx)
{
    return &tx->head;
}

enum opp_code opp_tx_chain_append(struct opp_tx *tx, const struct opp_audit_row *row, struct opp_err *err)
{
    enum opp_code rc;

    if (row->seq != tx->head.seq + 1)
        return opp_fail(err, OPP_E_INTERNAL, "audit row %lld does not continue the chain", (long long)row->seq);
    rc = opp_tx_insert(tx, &OPP_AUDIT_ROW, row, err);
    if (rc != OPP_OK)
        return rc;
    tx->head.seq = row->seq;
    memcpy(tx->head.hash, row->event_hash, strnlen(row->event_hash, OPP_HASH_HEX - 1));
    return OPP_OK;
}

static enum opp_code take_head(void *arg, void *record, struct opp_err *err)
{
    struct opp_chain_head *head = arg;
    struct opp_audit_row *row = record;

    (void)err;
    head->seq = row->seq;
    snprintf(head->hash, sizeof head->hash, "%s", row->event_hash);
    opp_record_free(&OPP_AUDIT_ROW, row);
    return OPP_OK;
}

enum opp_code opp_tx_load_chain(struct opp_tx *tx, struct opp_err *err)
{
    struct opp_query newest = { .record = &OPP_AUDIT_ROW, .order = "seq", .descending = true, .limit = 1 };

    tx->head.seq = 0;
    memset(tx->head.hash, '0', OPP_HASH_HEX - 1);
    tx->head.hash[OPP_HASH_HEX - 1] = '\0';
    return opp_tx_each(tx, &newest, take_head, &tx->head, err);
}

uint64_t opp_tx_registry_version(const struct opp_tx *tx)
{
    return tx->registry_version + (tx->registry_changed ? 1 : 0);
}

void opp_tx_registry_changed(struct opp_tx *tx)
{
    tx->registry_changed = true;
}
