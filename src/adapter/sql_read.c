/* SPDX-License-Identifier: MIT */
#include "adapter/lane.h"
#include "adapter/lua_call.h"
#include "adapter/sql_bind.h"
#include "script/json_lua.h"
#include "script/view.h"
#include "store/db.h"

#include <lauxlib.h>
#include <lua.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define READ_BUDGET_MS 100
#define ROWS_MAX 10000
#define ROWS_MAX_BYTES ((size_t)8 << 20)

static const char metatable[] = "opp.database";

/* One query on its way: what it asks, where it runs. */
struct query {
    struct opp_adapter_call *run;
    struct opp_db *db;
    sqlite3_stmt *statement;
    size_t database;
    const char *sql;
    size_t rows_max;
    bool first_only;
};

void opp_recorded_free(struct opp_recorded *recorded)
{
    free(recorded->sql);
    json_decref(recorded->params);
    opp_rows_free(recorded->rows);
}

void opp_recording_free(struct opp_recording *recording)
{
    for (size_t i = 0; i < recording->count; i++)
        opp_recorded_free(&recording->list[i]);
    free(recording->list);
    *recording = (struct opp_recording){ 0 };
}

void opp_lane_end_reads(struct opp_lane *lane)
{
    for (size_t i = 0; i < lane->adapter->database_count && lane->databases != NULL; i++) {
        struct opp_lane_database *database = &lane->databases[i];

        if (database->begun)
            opp_db_step(database->reader, "COMMIT", NULL);
        database->begun = false;
    }
}

/* All reads of a call see the database at one moment. */
static enum opp_code begin(struct opp_lane_database *database, struct opp_err *err)
{
    enum opp_code rc;

    if (database->begun)
        return OPP_OK;
    rc = opp_db_step(database->reader, "BEGIN", err);
    database->begun = rc == OPP_OK;
    return rc;
}

static enum opp_code check_size(const struct opp_rows *rows, struct opp_err *err)
{
    if (opp_rows_count(rows) > ROWS_MAX)
        return opp_fail(err, OPP_E_LIMIT, "a query gives at most %d rows", ROWS_MAX);
    if (opp_rows_bytes(rows) > ROWS_MAX_BYTES)
        return opp_fail(err, OPP_E_LIMIT, "a query gives at most 8 MiB");
    return OPP_OK;
}

static enum opp_code step_all(const struct query *query, struct opp_rows *rows, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    int result = SQLITE_ROW;

    while (rc == OPP_OK && opp_rows_count(rows) < query->rows_max) {
        result = sqlite3_step(query->statement);
        if (result != SQLITE_ROW)
            break;
        rc = opp_sql_add_row(query->statement, rows, err);
        if (rc == OPP_OK)
            rc = check_size(rows, err);
    }
    if (rc != OPP_OK)
        return rc;
    if (result == SQLITE_INTERRUPT)
        return opp_fail(err, OPP_E_LIMIT, "the query took more than %d ms", READ_BUDGET_MS);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        return opp_db_error(query->db, result, err);
    return opp_rows_check(rows, err);
}

/* Steps the bound statement into run->fresh. */
static enum opp_code collect(const struct query *query, struct opp_err *err)
{
    struct opp_rows *rows = NULL;
    enum opp_code rc = opp_sql_new_rows(query->statement, &rows, err);

    if (rc == OPP_OK) {
        opp_db_budget(query->db, READ_BUDGET_MS);
        rc = step_all(query, rows, err);
        opp_db_budget(query->db, 0);
    }
    sqlite3_reset(query->statement);
    if (rc != OPP_OK) {
        opp_rows_free(rows);
        return rc;
    }
    opp_rows_free(query->run->fresh);
    query->run->fresh = rows;
    return OPP_OK;
}

/* The parameters at index 3, if there are any. */
static enum opp_code copy_params(lua_State *L, json_t **out, struct opp_err *err)
{
    if (!lua_isnoneornil(L, 3))
        return opp_script_to_json(L, 3, out, err);
    *out = json_object();
    return *out != NULL ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "no memory to record a query");
}

/* Adds what was asked, and what it gave, to what the effect depends on; not what Lua is refused. */
static enum opp_code record(lua_State *L, const struct query *query, struct opp_err *err)
{
    struct opp_recording *recording = &query->run->queries;
    struct opp_recorded *grown = realloc(recording->list, (recording->count + 1) * sizeof *grown);
    struct opp_recorded *recorded;
    enum opp_code rc;

    if (grown == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory to record a query");
    recording->list = grown;
    recorded = &grown[recording->count];
    *recorded = (struct opp_recorded){ .database = query->run->lane->adapter->databases[query->database],
                                       .sql = strdup(query->sql),
                                       .rows = opp_rows_ref(query->run->fresh),
                                       .first_only = query->first_only };
    rc = recorded->sql != NULL ? copy_params(L, &recorded->params, err)
                               : opp_fail(err, OPP_E_MEMORY, "no memory to record a query");
    if (rc == OPP_OK)
        recording->count++;
    else
        opp_recorded_free(recorded);
    return rc;
}

/* May jump. */
static void lj_raise(lua_State *L, const struct opp_err *err)
{
    luaL_error(L, "%s", err->message);
}

/* Runs the query that the arguments (database, SQL, parameters) ask for; its rows are in run->fresh. May jump. */
static struct opp_adapter_call *lj_query(lua_State *L, bool first_only)
{
    const size_t *database = luaL_checkudata(L, 1, metatable);
    struct query query = { .run = lj_lane_call(L), .first_only = first_only, .database = *database };
    struct opp_lane *lane = query.run->lane;
    struct opp_err err = { 0 };

    lua_settop(L, 3);
    luaL_checktype(L, 2, LUA_TSTRING);
    query.sql = lua_tostring(L, 2);
    query.db = lane->databases[query.database].reader;
    query.rows_max = first_only ? 1 : SIZE_MAX;
    if (query.run->host_calls++ >= OPP_HOST_CALLS_MAX)
        luaL_error(L, "a call may ask the host at most %d times", OPP_HOST_CALLS_MAX);
    if (!opp_sql_begins_with(query.sql, opp_sql_read_words))
        luaL_error(L, "a query begins with SELECT, WITH or VALUES");
    if (begin(&lane->databases[query.database], &err) != OPP_OK ||
        opp_db_prepare(query.db, query.sql, &query.statement, &err) != OPP_OK)
        lj_raise(L, &err);
    lj_sql_bind(L, query.statement, 3);
    if (collect(&query, &err) != OPP_OK || (query.run->recording && record(L, &query, &err) != OPP_OK))
        lj_raise(L, &err);
    opp_script_refill(lane->script);
    return query.run;
}

static void drop_fresh(struct opp_adapter_call *run)
{
    opp_rows_free(run->fresh);
    run->fresh = NULL;
}

static int l_database_rows(lua_State *L)
{
    struct opp_adapter_call *run = lj_query(L, false);

    lj_view_rows(L, run->fresh);
    drop_fresh(run);
    return 1;
}

static int l_database_row(lua_State *L)
{
    struct opp_adapter_call *run = lj_query(L, true);

    if (opp_rows_count(run->fresh) > 0)
        lj_view_row(L, run->fresh, 0);
    else
        lua_pushnil(L);
    drop_fresh(run);
    return 1;
}

static int l_database_value(lua_State *L)
{
    struct opp_adapter_call *run = lj_query(L, true);

    if (opp_rows_count(run->fresh) > 0)
        lj_view_cell(L, run->fresh, opp_rows_cell(run->fresh, 0, 0));
    else
        lua_pushnil(L);
    drop_fresh(run);
    return 1;
}

void lj_sql_register(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "rows", l_database_rows }, { "row", l_database_row }, { "value", l_database_value }, { NULL, NULL }
    };

    luaL_newmetatable(L, metatable);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void lj_sql_push(lua_State *L, size_t database)
{
    size_t *handle = lua_newuserdatauv(L, sizeof *handle, 0);

    *handle = database;
    luaL_setmetatable(L, metatable);
}
