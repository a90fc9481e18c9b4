/* SPDX-License-Identifier: MIT */
#include "adapter/effect_internal.h"
#include "adapter/http_receipt.h"
#include "base/clock.h"
#include "store/db.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES ((size_t)1024 * 1024)

/* One database, and everything that is asked: its own are those that name it. */
struct asking {
    const struct opp_database *database;
    struct opp_receipt *asked;
    size_t count;
    int64_t until_ms;
    pthread_t thread;
    bool started;
};

/* Looks at what is said of a receipt only when it is this database's: others are written by other threads. */
static bool asks(const struct opp_database *database, const struct opp_receipt *receipt)
{
    return receipt->database != NULL && strcmp(receipt->database, database->name) == 0 &&
           receipt->rc == OPP_E_EXECUTION_UNKNOWN && receipt->err.code == OPP_OK;
}

static void ask_one(struct opp_db *db, struct opp_receipt *receipt)
{
    enum opp_code rc = opp_sql_receipt(db, receipt->effect_id, &receipt->result, &receipt->err);

    if (rc == OPP_OK || rc == OPP_E_ABSENT)
        receipt->rc = rc;
}

/* The file is opened by its name: it may be another one by now than the writer has. */
static enum opp_code open_same(const struct asking *asking, struct opp_db **db, struct opp_err *err)
{
    char identity[OPP_IDENTITY_MAX];
    enum opp_code rc = opp_db_open(asking->database->path, OPP_DB_READER, db, err);

    if (rc != OPP_OK)
        return rc;
    opp_db_deadline(*db, asking->until_ms);
    rc = opp_sql_identity(*db, identity, err);
    if (rc == OPP_OK && strcmp(identity, asking->database->identity) != 0)
        rc = opp_fail(err, OPP_E_IO, "the file of the database '%s' is another one", asking->database->name);
    return rc;
}

static void *ask_database(void *arg)
{
    struct asking *asking = arg;
    struct opp_err err = { 0 };
    struct opp_db *db = NULL;
    enum opp_code rc = open_same(asking, &db, &err);

    for (size_t i = 0; i < asking->count; i++) {
        struct opp_receipt *receipt = &asking->asked[i];

        if (!asks(asking->database, receipt))
            continue;
        if (rc == OPP_OK && opp_monotonic_ms() > asking->until_ms)
            rc = opp_fail(&err, OPP_E_LIMIT, "the database '%s' did not answer in time", asking->database->name);
        if (rc == OPP_OK)
            ask_one(db, receipt);
        else
            receipt->err = err;
    }
    opp_db_close(db);
    return NULL;
}

static void start(struct asking *asking)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    asking->started = pthread_create(&asking->thread, &attributes, ask_database, asking) == 0;
    pthread_attr_destroy(&attributes);
    if (!asking->started)
        ask_database(asking);
}

/* What is known without asking: nothing was to be written, or there is nobody to ask. Gives whom to ask, or NULL. */
static const struct opp_database *prepare(struct opp_databases *databases, struct opp_receipt *receipt)
{
    const struct opp_database *database;

    receipt->rc = OPP_E_EXECUTION_UNKNOWN;
    receipt->err = (struct opp_err){ 0 };
    receipt->result = NULL;
    if (receipt->described != NULL)
        return NULL; /* an upstream's */
    if (receipt->database == NULL) {
        receipt->rc = OPP_E_ABSENT;
        return NULL;
    }
    database = opp_databases_find(databases, receipt->database);
    if (database == NULL)
        opp_fail(&receipt->err, receipt->rc, "no adapter has the database '%s' any more", receipt->database);
    else if (receipt->database_id != NULL && strcmp(receipt->database_id, database->identity) != 0)
        opp_fail(&receipt->err, receipt->rc, "the database '%s' is not the one that the effect was for",
                 receipt->database);
    return receipt->err.code == OPP_OK ? database : NULL;
}

/* The databases that are asked, each once; gives how many. */
static size_t plan(struct asking *all, const struct asking *whole, struct opp_databases *databases)
{
    size_t planned = 0;

    for (size_t i = 0; i < whole->count; i++) {
        const struct opp_database *database = prepare(databases, &whole->asked[i]);
        size_t k = 0;

        while (k < planned && all[k].database != database)
            k++;
        if (database == NULL || k < planned)
            continue;
        all[planned] = *whole;
        all[planned++].database = database;
    }
    return planned;
}

void opp_receipts_ask(const struct opp_receipt_sources *sources, struct opp_receipt *asked, size_t count,
                      int64_t until_ms)
{
    struct asking whole = { .asked = asked, .count = count, .until_ms = until_ms };
    struct asking *all = calloc(count + 1, sizeof *all);
    size_t planned;

    if (all == NULL) {
        for (size_t i = 0; i < count; i++)
            asked[i].rc = opp_fail(&asked[i].err, OPP_E_EXECUTION_UNKNOWN, "no memory to ask for receipts");
        return;
    }
    planned = plan(all, &whole, sources->databases);
    for (size_t i = 0; i < planned; i++)
        start(&all[i]);
    opp_http_receipts_ask(sources, asked, count, until_ms);
    for (size_t i = 0; i < planned; i++)
        if (all[i].started)
            pthread_join(all[i].thread, NULL);
    free(all);
}
