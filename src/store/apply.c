/* SPDX-License-Identifier: MIT */
#include "store/apply.h"

#include "store/db.h"
#include "store/writer.h"

#include <sqlite3.h>

bool opp_apply_rolled_back(struct opp_db *db)
{
    return sqlite3_get_autocommit(opp_db_handle(db)) != 0;
}

/* A deferred foreign key would fail the commit, and with it all that share it. */
static enum opp_code check_deferred(struct opp_db *db, struct opp_err *err)
{
    int open = 0, highest = 0;

    sqlite3_db_status(opp_db_handle(db), SQLITE_DBSTATUS_DEFERRED_FKS, &open, &highest, 0);
    return open == 0 ? OPP_OK : opp_fail(err, OPP_E_EXISTS, "a deferred foreign key does not hold");
}

/* Ends the operation's savepoint as its outcome wants it. What cannot be undone alone is undone with the batch. */
static void end_savepoint(struct opp_db *db, enum opp_code rc)
{
    enum opp_code ended = OPP_OK;

    if (opp_apply_rolled_back(db))
        return;
    if (rc != OPP_OK)
        ended = opp_db_step(db, "ROLLBACK TO one", NULL);
    if (ended == OPP_OK)
        ended = opp_db_step(db, "RELEASE one", NULL);
    if (ended != OPP_OK && !opp_apply_rolled_back(db))
        opp_db_run(db, "ROLLBACK", NULL);
}

static void apply_in_savepoint(struct opp_db *db, struct opp_write *write)
{
    write->rc = opp_db_step(db, "SAVEPOINT one", &write->err);
    if (write->rc != OPP_OK)
        return;
    write->rc = write->apply(db, write->arg, &write->err);
    if (write->rc == OPP_OK && !opp_apply_rolled_back(db))
        write->rc = check_deferred(db, &write->err);
    end_savepoint(db, write->rc);
}

/* A statement that fails leaves nothing behind. One that succeeded before cannot be undone alone. */
static void apply_checked(struct opp_db *db, struct opp_write *write)
{
    sqlite3 *handle = opp_db_handle(db);
    sqlite3_int64 changes = sqlite3_total_changes64(handle);

    write->rc = write->apply(db, write->arg, &write->err);
    if (write->rc != OPP_OK && sqlite3_total_changes64(handle) != changes && !opp_apply_rolled_back(db))
        opp_db_run(db, "ROLLBACK", NULL);
}

bool opp_apply(struct opp_db *db, struct opp_write *write)
{
    if (write->checked)
        apply_checked(db, write);
    else
        apply_in_savepoint(db, write);
    return !opp_apply_rolled_back(db);
}
