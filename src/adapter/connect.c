/* SPDX-License-Identifier: MIT */
#include "adapter/databases_internal.h"
#include "base/issue.h"
#include "base/json.h"
#include "store/db.h"
#include "store/history.h"
#include "store/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIPTS_DAYS 30

/* What is to become of one database. */
struct plan {
    const struct opp_adapter *adapter;
    const struct opp_databases_settings *settings;
    struct opp_migration *migrations, demo; /* their files are ours, their scripts the adapter's */
    size_t count, run;                      /* how many there are, and how many have run */
    const struct opp_database *database;
    struct opp_database *opened; /* the same, when it is not in the set yet */
    bool behind, trying, went_well;
};

struct plans {
    struct plan *list;
    size_t count;
};

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for an adapter's database");
}

static enum opp_code take_script(const struct opp_adapter *adapter, const char *file, struct opp_migration *out,
                                 struct opp_err *err)
{
    const struct opp_source *source = opp_sources_find(adapter->files, file);
    char *name = NULL;

    if (asprintf(&name, "%s/%s", adapter->name, file) < 0)
        return no_memory(err);
    out->file = name;
    if (source == NULL)
        return opp_fail_at(err, OPP_E_CONFIG, name, "there is no such file (its name ends in .sql)");
    out->script = source->bytes;
    return OPP_OK;
}

static enum opp_code take_scripts(struct plan *plan, const json_t *declared, struct opp_err *err)
{
    const json_t *migrations = json_object_get(declared, "migrations");
    const char *demo = opp_json_text(declared, "demo");
    enum opp_code rc = OPP_OK;
    json_t *file;
    size_t i;

    plan->count = json_array_size(migrations);
    plan->migrations = calloc(plan->count + 1, sizeof *plan->migrations);
    if (plan->migrations == NULL)
        return no_memory(err);
    json_array_foreach(migrations, i, file)
    {
        if (rc == OPP_OK)
            rc = take_script(plan->adapter, json_string_value(file), &plan->migrations[i], err);
    }
    return rc == OPP_OK && demo != NULL ? take_script(plan->adapter, demo, &plan->demo, err) : rc;
}

/* Finds the database in the set, or opens it beside the set. */
static enum opp_code take_database(struct plan *plan, struct opp_databases *databases, const char *name,
                                   const char *file, struct opp_err *err)
{
    char where[160];
    struct opp_err why = { 0 };
    enum opp_code rc = opp_databases_check(databases, name, file, &why);

    plan->database = opp_databases_find(databases, name);
    if (rc == OPP_OK && plan->database == NULL) {
        rc = opp_database_open(databases, name, file, &plan->opened, &why);
        plan->database = plan->opened;
    }
    snprintf(where, sizeof where, "%.100s/init.lua", plan->adapter->name);
    return rc == OPP_OK ? OPP_OK : opp_fail_at(err, rc, where, "%s", why.message);
}

/* On the writer's thread, as the next ones. */
static enum opp_code look(struct opp_db *db, void *arg, struct opp_err *err)
{
    struct plan *plan = arg;
    enum opp_code rc = opp_history_check(db, plan->migrations, plan->count, &plan->run, err);

    if (rc == OPP_OK && plan->run > plan->count && !plan->behind)
        rc = opp_history_blame(db, plan->count, err);
    return rc;
}

/* Makes the host's own tables, and drops receipts that nobody asks for any more. What is old is told by the newest
 * receipt and not by the clock: a gateway that was down for months must still find the receipt of what it died in. */
static enum opp_code keep_receipts(struct opp_database *opened, struct opp_db *db, struct opp_err *err)
{
    char old[160];
    enum opp_code rc = opp_sql_receipts_open(db, opened->identity, err);

    snprintf(old, sizeof old,
             "DELETE FROM opp_receipts WHERE created_at < (SELECT max(created_at) FROM opp_receipts) - %lld",
             RECEIPTS_DAYS * 86400000LL);
    return rc == OPP_OK ? opp_db_run(db, old, err) : rc;
}

static enum opp_code bring_up_to_date(struct opp_db *db, void *arg, struct opp_err *err)
{
    struct plan *plan = arg;
    bool seeds = plan->run == 0 && plan->settings->demo && plan->demo.file != NULL;
    enum opp_code rc = opp_history_run(db, plan->migrations, plan->count, plan->run, err);

    if (rc == OPP_OK && plan->opened != NULL)
        rc = keep_receipts(plan->opened, db, err);
    if (rc == OPP_OK && seeds)
        rc = opp_history_script(db, &plan->demo, err);
    plan->went_well = rc == OPP_OK;
    return plan->trying && plan->went_well ? OPP_E_REPLAY : rc; /* what was only tried is undone */
}

static enum opp_code make_plan(struct plan *plan, struct opp_databases *databases, const char *name,
                               const json_t *declared, struct opp_err *err)
{
    enum opp_code rc = take_scripts(plan, declared, err);

    if (rc == OPP_OK)
        rc = take_database(plan, databases, name, opp_json_text(declared, "file"), err);
    return rc == OPP_OK ? opp_writer_now(plan->database->writer, look, plan, err) : rc;
}

static enum opp_code make_plans(struct plans *plans, const struct opp_adapters *adapters,
                                struct opp_databases *databases, bool behind, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; i < adapters->count; i++) {
        const char *name;
        json_t *declared;

        json_object_foreach(adapters->list[i].declared, name, declared)
        {
            struct plan *plan = &plans->list[plans->count];

            if (rc != OPP_OK)
                break;
            *plan = (struct plan){ .adapter = &adapters->list[i],
                                   .settings = opp_databases_settings(databases),
                                   .behind = behind };
            plans->count++;
            rc = make_plan(plan, databases, name, declared, err);
        }
    }
    return rc;
}

static enum opp_code run_plan(struct plan *plan, bool trying, struct opp_err *err)
{
    struct opp_err why = { 0 };
    enum opp_code rc;

    if (plan->run >= plan->count && plan->opened == NULL)
        return OPP_OK;
    plan->trying = trying;
    plan->went_well = false;
    rc = opp_writer_now(plan->database->writer, bring_up_to_date, plan, &why);
    if (rc == OPP_OK || (trying && plan->went_well))
        return OPP_OK; /* that a try was undone is no error to tell, nor one that hides the next */
    return opp_fail_at(err, rc, why.where, "%s", why.message);
}

/* All are tried before any is done, so that the mistake in one leaves the others as they were. */
static enum opp_code run_plans(struct plans *plans, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && plans->count > 1 && i < plans->count; i++)
        rc = run_plan(&plans->list[i], true, err);
    for (size_t i = 0; rc == OPP_OK && i < plans->count; i++)
        rc = run_plan(&plans->list[i], false, err);
    return rc;
}

static enum opp_code make_room(struct opp_adapters *adapters, struct opp_err *err)
{
    for (size_t i = 0; i < adapters->count; i++) {
        struct opp_adapter *adapter = &adapters->list[i];

        adapter->databases = calloc(json_object_size(adapter->declared) + 1, sizeof(struct opp_database *));
        if (adapter->databases == NULL)
            return no_memory(err);
    }
    return OPP_OK;
}

static void take_all(struct plans *plans, struct opp_adapters *adapters, struct opp_databases *databases)
{
    for (size_t i = 0; i < plans->count; i++) {
        struct plan *plan = &plans->list[i];
        struct opp_adapter *adapter = &adapters->list[plan->adapter - adapters->list];

        adapter->databases[adapter->database_count++] = plan->database;
        if (plan->opened != NULL)
            opp_databases_add(databases, plan->opened);
        plan->opened = NULL;
    }
}

static void free_plans(struct plans *plans)
{
    for (size_t i = 0; i < plans->count; i++) {
        struct plan *plan = &plans->list[i];

        for (size_t n = 0; plan->migrations != NULL && n < plan->count; n++)
            free((void *)(uintptr_t)plan->migrations[n].file);
        free(plan->migrations);
        free((void *)(uintptr_t)plan->demo.file);
        opp_database_close(plan->opened);
    }
    free(plans->list);
}

enum opp_code opp_adapters_connect(struct opp_adapters *adapters, struct opp_databases *databases, bool behind,
                                   json_t *issues, struct opp_err *err)
{
    struct plans plans = { 0 };
    struct opp_err why = { 0 };
    size_t most = 1;
    enum opp_code rc;

    for (size_t i = 0; i < adapters->count; i++)
        most += json_object_size(adapters->list[i].declared);
    plans.list = calloc(most, sizeof *plans.list);
    if (plans.list == NULL)
        return no_memory(err);
    rc = make_room(adapters, &why);
    if (rc == OPP_OK)
        rc = make_plans(&plans, adapters, databases, behind, &why);
    if (rc == OPP_OK)
        rc = run_plans(&plans, &why);
    if (rc == OPP_OK)
        take_all(&plans, adapters, databases);
    free_plans(&plans);
    if (rc == OPP_OK)
        return OPP_OK;
    if (issues != NULL)
        json_array_append_new(issues, opp_issue_of(&why));
    return opp_fail_at(err, rc, why.where, "%s", why.message);
}
