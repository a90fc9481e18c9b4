/* SPDX-License-Identifier: MIT */
#include "store/apply.h"

#include "store/db.h"
#include "store/writer.h"

#include <sqlite3.h>

/* A deferred foreign key would fail the commit, and with it all that share it. */
static enum opp_code check_deferred(struct opp_db *db, struct opp_err *err)
{
    int open = 0, highest = 0;

    sqlite3_db_status(opp_db_handle(db), SQLITE_DBSTATUS_DEFERRED_FKS, &open, &highest, 0);
    return open == 0 ? OPP_OK : opp_fail(err, OPP_E_EXISTS, "a deferred foreign key does not hold");
}

/* Ends the operation's savepoint as its outcome wants it. Gives false when that cannot be: undoing takes memory. */
static bool end_savepoint(struct opp_db *db, enum opp_code rc)
{
    if (!opp_db_in_transaction(db))
        return false;
    if (rc != OPP_OK && opp_db_step(db, "ROLLBACK TO one", NULL) != OPP_OK)
        return false;
    return opp_db_step(db, "RELEASE one", NULL) == OPP_OK;
}

static bool apply_in_savepoint(struct opp_db *db, struct opp_write *write)
{
    write->rc = opp_db_step(db, "SAVEPOINT one", &write->err);
    if (write->rc != OPP_OK)
        return opp_db_in_transaction(db);
    write->rc = write->apply(db, write->arg, &write->err);
    if (write->rc == OPP_OK && opp_db_in_transaction(db))
        write->rc = check_deferred(db, &write->err);
    return end_savepoint(db, write->rc);
}

/* A statement that fails leaves nothing behind. One that succeeded before cannot be undone alone. */
static bool apply_checked(struct opp_db *db, struct opp_write *write)
{
    sqlite3 *handle = opp_db_handle(db);
    sqlite3_int64 changes = sqlite3_total_changes64(handle);

    write->rc = write->apply(db, write->arg, &write->err);
    return opp_db_in_transaction(db) && (write->rc == OPP_OK || sqlite3_total_changes64(handle) == changes);
}

bool opp_apply(struct opp_db *db, struct opp_write *write)
{
    return write->checked ? apply_checked(db, write) : apply_in_savepoint(db, write);
}
