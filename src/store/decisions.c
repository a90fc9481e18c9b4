/* SPDX-License-Identifier: MIT */
#include "store/decisions.h"

#include "store/db.h"
#include "store/migrate.h"
#include "store/migrations.h"
#include "store/tx_internal.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "decisions.db"
#define NUMBERS_A_MS 1000
#define READ_MS 2000

struct opp_decisions {
    struct opp_tx tx;
    int64_t rows;   /* below 0: not counted yet */
    int64_t change; /* of this transaction */
};

/* The rows are counted once: to count a full log takes longer than to prune it. */
static void on_row(void *arg, int what, const char *schema, const char *table, sqlite3_int64 number)
{
    struct opp_decisions *decisions = arg;

    (void)schema;
    (void)number;
    if (strcmp(table, "decisions") == 0)
        decisions->change += (what == SQLITE_INSERT) - (what == SQLITE_DELETE);
}

static void write_path(const char *dir, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/" FILE_NAME, dir);
}

/* Against a loss of power its last commits are not worth a wait for the disk each. */
enum opp_code opp_decisions_open(const char *dir, struct opp_decisions **out, struct opp_err *err)
{
    struct opp_decisions *decisions = calloc(1, sizeof *decisions);
    char path[PATH_MAX];
    enum opp_code rc;

    if (decisions == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the decision log");
    write_path(dir, path);
    decisions->rows = -1;
    rc = opp_db_open(path, OPP_DB_UNSYNCED, &decisions->tx.db, err);
    if (rc == OPP_OK)
        rc = opp_migrate(decisions->tx.db, FILE_NAME, OPP_DECISIONS_MIGRATIONS, OPP_DECISIONS_MIGRATION_COUNT, NULL,
                         err);
    if (rc != OPP_OK) {
        opp_decisions_close(decisions);
        return rc;
    }
    sqlite3_update_hook(opp_db_handle(decisions->tx.db), on_row, decisions);
    *out = decisions;
    return OPP_OK;
}

void opp_decisions_close(struct opp_decisions *decisions)
{
    if (decisions == NULL)
        return;
    opp_db_close(decisions->tx.db);
    free(decisions);
}

bool opp_decisions_is_gone(struct opp_decisions *decisions)
{
    int moved = 0;

    return sqlite3_file_control(opp_db_handle(decisions->tx.db), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved != 0;
}

/* A commit that fails is undone as all else: nothing that was answered depends on it. */
enum opp_code opp_decisions_write(struct opp_decisions *decisions, opp_tx_fn run, void *arg, struct opp_err *err)
{
    struct opp_db *db = decisions->tx.db;
    enum opp_code rc = OPP_OK;

    if (opp_db_in_transaction(db)) /* what could not be undone when it failed */
        rc = opp_db_step(db, "ROLLBACK", err);
    if (rc == OPP_OK)
        rc = opp_db_step(db, "BEGIN IMMEDIATE", err);
    if (rc != OPP_OK)
        return rc;
    decisions->change = 0;
    rc = run(&decisions->tx, arg, err);
    if (rc == OPP_OK)
        rc = opp_db_step(db, "COMMIT", err);
    if (rc == OPP_OK && decisions->rows >= 0)
        decisions->rows += decisions->change;
    if (rc != OPP_OK && opp_db_in_transaction(db))
        opp_db_step(db, "ROLLBACK", NULL);
    return rc;
}

static enum opp_code count_rows(struct opp_db *db, int64_t *out, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, "SELECT count(*) FROM decisions", &statement, err);
    int result;

    if (rc != OPP_OK)
        return rc;
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else
        rc = opp_db_error(db, result, err);
    sqlite3_reset(statement);
    return rc;
}

/* The oldest, below a number. */
static enum opp_code delete_some(struct opp_db *db, int64_t below, int64_t most, int64_t *gone, struct opp_err *err)
{
    static const char sql[] = "DELETE FROM decisions WHERE number IN"
                              " (SELECT number FROM decisions WHERE number<?1 ORDER BY number LIMIT ?2)";
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, sql, &statement, err);
    int result;

    if (rc != OPP_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, below);
    sqlite3_bind_int64(statement, 2, most);
    result = sqlite3_step(statement);
    if (result == SQLITE_DONE)
        *gone += sqlite3_changes64(opp_db_handle(db));
    else
        rc = opp_db_error(db, result, err);
    sqlite3_reset(statement);
    return rc;
}

struct pruning {
    struct opp_decisions *decisions;
    const struct opp_decisions_bounds *bounds;
    int64_t gone;
};

/* How many there are in this transaction. */
static enum opp_code know_rows(struct opp_decisions *decisions, int64_t *out, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    int64_t rows = 0;

    if (decisions->rows < 0) {
        rc = count_rows(decisions->tx.db, &rows, err);
        if (rc == OPP_OK)
            decisions->rows = rows - decisions->change;
    }
    *out = decisions->rows + decisions->change;
    return rc;
}

static enum opp_code prune(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct pruning *pruning = arg;
    const struct opp_decisions_bounds *bounds = pruning->bounds;
    int64_t rows = 0, surplus;
    enum opp_code rc = delete_some(tx->db, opp_decision_number(bounds->before_ms), bounds->step, &pruning->gone, err);

    if (rc == OPP_OK)
        rc = know_rows(pruning->decisions, &rows, err);
    surplus = rows - bounds->rows_max;
    if (rc != OPP_OK || surplus <= 0 || pruning->gone >= bounds->step)
        return rc;
    if (surplus > bounds->step - pruning->gone)
        surplus = bounds->step - pruning->gone;
    return delete_some(tx->db, INT64_MAX, surplus, &pruning->gone, err);
}

enum opp_code opp_decisions_prune(struct opp_decisions *decisions, const struct opp_decisions_bounds *bounds,
                                  int64_t *gone, struct opp_err *err)
{
    struct pruning pruning = { .decisions = decisions, .bounds = bounds };
    enum opp_code rc = opp_decisions_write(decisions, prune, &pruning, err);

    *gone = rc == OPP_OK ? pruning.gone : 0;
    return rc;
}

enum opp_code opp_decisions_reader(const char *dir, struct opp_session **out, struct opp_err *err)
{
    char path[PATH_MAX];

    write_path(dir, path);
    return opp_session_of_file(path, out, err);
}

enum opp_code opp_decisions_read(const char *dir, opp_tx_fn run, void *arg, struct opp_err *err)
{
    struct opp_session *session = NULL;
    enum opp_code rc = opp_decisions_reader(dir, &session, err);

    if (rc == OPP_OK) {
        opp_session_limit(session, READ_MS);
        rc = opp_session_now(session, run, arg, err);
        opp_session_close(session);
    }
    return rc == OPP_E_IO || rc == OPP_E_LIMIT ? OPP_E_UNAVAILABLE : rc;
}

int64_t opp_decision_number(int64_t at_ms)
{
    return at_ms * NUMBERS_A_MS;
}

int64_t opp_decision_time(int64_t number)
{
    return number / NUMBERS_A_MS;
}
