/* SPDX-License-Identifier: MIT */
#include "store/db.h"

#include "base/clock.h"
#include "store/db_rest.h"
#include "store/wal.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATEMENT_SLOTS 256 /* a power of two */
#define STATEMENTS_MAX 192
#define PROGRESS_STEPS 1000
#define BUSY_TIMEOUT_MS 5000
#define OPEN_WAIT_MS 1000
#define BUDGET_AT_MOST_MS 5000
#define BUSY_PAUSE_MAX_MS 25

struct slot {
    char *sql;
    sqlite3_stmt *statement;
};

struct opp_db {
    sqlite3 *handle;
    int64_t deadline_ms;
    int64_t budget_ms;        /* 0: only the deadline counts */
    int64_t budget_end_ms;    /* by the monotonic clock, which is cheap; the processor's need not be asked before */
    int64_t cpu_start_ns;     /* below 0 until a statement has lasted */
    int64_t steps_max, steps; /* 0: no limit; how many were taken since it was set */
    int64_t busy_since_ms;    /* when the running statement began to wait for a lock */
    size_t statements;
    size_t version;
    struct slot slots[STATEMENT_SLOTS];
};

enum opp_code opp_db_error(struct opp_db *db, int result, struct opp_err *err)
{
    enum opp_code code;

    switch (result & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        code = OPP_E_UNAVAILABLE;
        break;
    case SQLITE_CONSTRAINT:
        code = OPP_E_EXISTS;
        break;
    case SQLITE_NOMEM:
        code = OPP_E_MEMORY;
        break;
    case SQLITE_INTERRUPT:
        code = OPP_E_LIMIT;
        break;
    default:
        code = OPP_E_INTERNAL;
    }
    return opp_fail(err, code, "sqlite: %s", db != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(result));
}

/* Eight bytes at a time: statements are long, and looked up for each row that is written. */
static size_t slot_of(const char *sql)
{
    size_t length = strlen(sql);
    uint64_t hash = 1469598103934665603U, word = 0;

    for (; length >= sizeof word; length -= sizeof word, sql += sizeof word) {
        memcpy(&word, sql, sizeof word);
        hash = (hash ^ word) * 1099511628211U;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, sql, length);
    hash = (hash ^ word) * 1099511628211U;
    return (size_t)(hash ^ (hash >> 29)) & (STATEMENT_SLOTS - 1);
}

/* Where the text is, or is to be. */
static struct slot *find_slot(struct opp_db *db, const char *sql)
{
    size_t at = slot_of(sql);

    while (db->slots[at].sql != NULL && strcmp(db->slots[at].sql, sql) != 0)
        at = (at + 1) & (STATEMENT_SLOTS - 1);
    return &db->slots[at];
}

static void forget_statements(struct opp_db *db)
{
    for (size_t i = 0; i < STATEMENT_SLOTS; i++) {
        sqlite3_finalize(db->slots[i].statement);
        free(db->slots[i].sql);
        db->slots[i] = (struct slot){ 0 };
    }
    db->statements = 0;
}

/* Statements are few and constant; a caller that makes up texts must not grow the table, so a full one starts over
 * with those that are in the middle of their rows. */
static enum opp_code forget_idle(struct opp_db *db, struct opp_err *err)
{
    struct slot *busy = calloc(STATEMENTS_MAX, sizeof *busy);
    size_t count = 0;

    if (busy == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a statement");
    for (size_t i = 0; i < STATEMENT_SLOTS; i++) {
        if (db->slots[i].statement == NULL || !sqlite3_stmt_busy(db->slots[i].statement))
            continue;
        busy[count++] = db->slots[i];
        db->slots[i] = (struct slot){ 0 };
    }
    forget_statements(db);
    for (size_t i = 0; i < count; i++)
        *find_slot(db, busy[i].sql) = busy[i];
    db->statements = count;
    free(busy);
    return count < STATEMENTS_MAX ? OPP_OK : opp_fail(err, OPP_E_LIMIT, "too many statements at once");
}

static bool only_space(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n;")] == '\0';
}

static enum opp_code prepare_into(struct opp_db *db, struct slot *slot, const char *sql, struct opp_err *err)
{
    const char *tail = NULL;
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, &tail);

    if (result != SQLITE_OK)
        return opp_db_error(db, result, err);
    if (statement == NULL || !only_space(tail)) {
        sqlite3_finalize(statement);
        return opp_fail(err, OPP_E_INTERNAL, "sqlite: exactly one statement is wanted");
    }
    slot->sql = strdup(sql);
    if (slot->sql == NULL) {
        sqlite3_finalize(statement);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a statement");
    }
    slot->statement = statement;
    db->statements++;
    return OPP_OK;
}

enum opp_code opp_db_prepare(struct opp_db *db, const char *sql, struct sqlite3_stmt **out, struct opp_err *err)
{
    struct slot *slot = find_slot(db, sql);
    enum opp_code rc = OPP_OK;

    if (slot->sql == NULL) {
        if (db->statements >= STATEMENTS_MAX)
            rc = forget_idle(db, err);
        slot = find_slot(db, sql);
        if (rc == OPP_OK)
            rc = prepare_into(db, slot, sql, err);
        if (rc != OPP_OK)
            return rc;
    }
    sqlite3_reset(slot->statement);
    sqlite3_clear_bindings(slot->statement);
    *out = slot->statement;
    return OPP_OK;
}

enum opp_code opp_db_run(struct opp_db *db, const char *sql, struct opp_err *err)
{
    int result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return result == SQLITE_OK ? OPP_OK : opp_db_error(db, result, err);
}

enum opp_code opp_db_step(struct opp_db *db, const char *sql, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, sql, &statement, err);
    int result;

    if (rc != OPP_OK)
        return rc;
    result = sqlite3_step(statement);
    if (result != SQLITE_DONE)
        rc = opp_db_error(db, result, err);
    sqlite3_reset(statement);
    return rc;
}

static bool overdue(const struct opp_db *db, int64_t now_ms)
{
    return db->deadline_ms != 0 && now_ms > db->deadline_ms;
}

static bool is_over_budget(struct opp_db *db, int64_t now_ms)
{
    if (db->budget_ms == 0)
        return false;
    if (db->cpu_start_ns < 0)
        db->cpu_start_ns = opp_thread_cpu_ns();
    return now_ms > db->budget_end_ms && opp_thread_cpu_ns() - db->cpu_start_ns > db->budget_ms * 1000000;
}

static int on_progress(void *arg)
{
    struct opp_db *db = arg;
    int64_t now_ms;

    db->steps += PROGRESS_STEPS;
    if (db->steps_max != 0 && db->steps > db->steps_max)
        return 1;
    if (db->deadline_ms == 0)
        return 0;
    now_ms = opp_monotonic_ms();
    return overdue(db, now_ms) || is_over_budget(db, now_ms);
}

/* Somebody else holds the lock; tried is how often it was tried. Gives 0 to give up. */
static int on_busy(void *arg, int tried)
{
    struct opp_db *db = arg;
    struct timespec pause = { .tv_nsec = (tried < BUSY_PAUSE_MAX_MS ? tried + 1 : BUSY_PAUSE_MAX_MS) * 1000000L };
    int64_t now_ms = opp_monotonic_ms();

    if (tried == 0)
        db->busy_since_ms = now_ms;
    if (overdue(db, now_ms) || now_ms - db->busy_since_ms > BUSY_TIMEOUT_MS)
        return 0;
    nanosleep(&pause, NULL);
    return 1;
}

void opp_db_deadline(struct opp_db *db, int64_t monotonic_ms)
{
    db->deadline_ms = monotonic_ms;
    db->budget_ms = 0;
}

void opp_db_budget(struct opp_db *db, int64_t cpu_ms)
{
    int64_t now_ms = cpu_ms != 0 ? opp_monotonic_ms() : 0;

    db->deadline_ms = cpu_ms != 0 ? now_ms + BUDGET_AT_MOST_MS : 0;
    db->budget_ms = cpu_ms;
    db->budget_end_ms = now_ms + cpu_ms;
    db->cpu_start_ns = -1;
}

void opp_db_steps(struct opp_db *db, int64_t steps)
{
    db->steps_max = steps;
    db->steps = 0;
}

/* What a reader may ask of SQLite: to read. SQLite asks as if to change its own schema table when a table-valued
 * function such as json_each is first used; a real change of it is refused by the connection being read-only. */
static int authorize_reader(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
    (void)arg, (void)b, (void)c, (void)d;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_TRANSACTION:
        return SQLITE_OK;
    case SQLITE_UPDATE:
        return a != NULL && strcmp(a, "sqlite_master") == 0 ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static enum opp_code check_synchronous(struct opp_db *db, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, "PRAGMA synchronous", &statement, err);
    int level = -1;

    if (rc != OPP_OK)
        return rc;
    if (sqlite3_step(statement) == SQLITE_ROW)
        level = sqlite3_column_int(statement, 0);
    sqlite3_reset(statement);
    return level == 2 ? OPP_OK : opp_fail(err, OPP_E_IO, "sqlite does not keep synchronous=FULL");
}

enum opp_code opp_db_read_version(struct opp_db *db, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, "PRAGMA user_version", &statement, err);
    int result;

    if (rc != OPP_OK)
        return rc;
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        db->version = (size_t)sqlite3_column_int64(statement, 0);
    else
        rc = opp_db_error(db, result, err);
    sqlite3_reset(statement);
    return rc;
}

static enum opp_code set_up(struct opp_db *db, enum opp_db_mode mode, struct opp_err *err)
{
    static const char common[] = "PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON;";
    static const char writer[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;"
                                 "PRAGMA temp_store=MEMORY;";
    static const char reader[] = "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0;";
    enum opp_code rc = opp_db_run(db, common, err);

    if (rc == OPP_OK)
        rc = opp_db_run(db, mode == OPP_DB_READER ? reader : writer, err);
    if (rc == OPP_OK && mode == OPP_DB_UNSYNCED)
        rc = opp_db_run(db, "PRAGMA synchronous=NORMAL", err);
    if (rc == OPP_OK && mode == OPP_DB_WRITER)
        rc = check_synchronous(db, err);
    if (rc == OPP_OK)
        rc = opp_db_read_version(db, err);
    if (rc == OPP_OK && mode == OPP_DB_READER)
        sqlite3_set_authorizer(db->handle, authorize_reader, NULL);
    return rc;
}

/* SQLite counts its memory under one lock for all threads, and nobody asks for the sum. Before its first use only. */
static void configure_sqlite(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum opp_code opp_db_open(const char *path, enum opp_db_mode mode, struct opp_db **out, struct opp_err *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (mode == OPP_DB_READER ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    struct opp_db *db = calloc(1, sizeof *db);
    struct opp_err why = { 0 };
    char uri[OPP_DB_URI_MAX];
    int result;

    if (db == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a database connection");
    pthread_once(&configured, configure_sqlite);
    if (mode == OPP_DB_WRITER && opp_wal_check(path, err) != OPP_OK) {
        free(db);
        return OPP_E_IO;
    }
    if (mode == OPP_DB_READER && opp_db_rests(path, uri))
        result = sqlite3_open_v2(uri, &db->handle, flags | SQLITE_OPEN_URI, NULL);
    else
        result = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (result == SQLITE_OK) { /* who closes it last, or recovers what a crash left, lets nobody in */
        sqlite3_busy_handler(db->handle, on_busy, db);
        opp_db_deadline(db, opp_monotonic_ms() + OPEN_WAIT_MS);
    }
    if (result != SQLITE_OK || set_up(db, mode, &why) != OPP_OK) {
        opp_fail(err, OPP_E_IO, "cannot open the database %s: %s", path,
                 why.code != OPP_OK ? why.message : sqlite3_errstr(result));
        opp_db_close(db);
        return OPP_E_IO;
    }
    opp_db_deadline(db, 0);
    sqlite3_progress_handler(db->handle, PROGRESS_STEPS, on_progress, db);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    *out = db;
    return OPP_OK;
}

void opp_db_close(struct opp_db *db)
{
    if (db == NULL)
        return;
    forget_statements(db);
    sqlite3_close(db->handle);
    free(db);
}

size_t opp_db_version(const struct opp_db *db)
{
    return db->version;
}

bool opp_db_in_transaction(struct opp_db *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

struct sqlite3 *opp_db_handle(struct opp_db *db)
{
    return db->handle;
}
