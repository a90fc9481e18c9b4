/* SPDX-License-Identifier: MIT
 *
 * store_limit - how many drafts a second SQLite itself makes durable here (WAL, synchronous=FULL) when so many share a
 * commit: a row of a draft with an index, and a row of the audit trail with its hash.
 * usage: store_limit FILE DRAFTS_PER_COMMIT SECONDS    → "batch N: RATE drafts/s"
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SCHEMA                                                                                                \
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"                                                       \
    "CREATE TABLE draft (id TEXT NOT NULL PRIMARY KEY, app TEXT, status TEXT, created_at INTEGER, body TEXT)" \
    " WITHOUT ROWID;"                                                                                         \
    "CREATE INDEX draft_by_app ON draft (app, status, created_at);"                                           \
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, body TEXT, hash BLOB);"

enum {
    DRAFT_BYTES = 700,
    AUDIT_BYTES = 400,
    HASH_BYTES = 32
};

struct bench {
    sqlite3 *db;
    sqlite3_stmt *draft, *audit;
    char filler[DRAFT_BYTES];
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void must(const struct bench *bench, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE)
        return;
    fprintf(stderr, "store_limit: %s\n", sqlite3_errmsg(bench->db));
    exit(1);
}

static void open_bench(struct bench *bench, const char *path)
{
    memset(bench->filler, 'x', sizeof bench->filler);
    must(bench, sqlite3_open(path, &bench->db));
    must(bench, sqlite3_exec(bench->db, SCHEMA, NULL, NULL, NULL));
    must(bench, sqlite3_prepare_v2(bench->db, "INSERT INTO draft VALUES (?, ?, ?, ?, ?)", -1, &bench->draft, NULL));
    must(bench, sqlite3_prepare_v2(bench->db, "INSERT INTO audit (body, hash) VALUES (?, ?)", -1, &bench->audit, NULL));
}

static void insert(struct bench *bench, long number)
{
    char id[32];

    snprintf(id, sizeof id, "drf_%020ld", number);
    must(bench, sqlite3_bind_text(bench->draft, 1, id, -1, SQLITE_STATIC));
    must(bench, sqlite3_bind_text(bench->draft, 2, "app_0123456789abcdef", -1, SQLITE_STATIC));
    must(bench, sqlite3_bind_text(bench->draft, 3, "draft", -1, SQLITE_STATIC));
    must(bench, sqlite3_bind_int64(bench->draft, 4, number));
    must(bench, sqlite3_bind_text(bench->draft, 5, bench->filler, DRAFT_BYTES, SQLITE_STATIC));
    must(bench, sqlite3_step(bench->draft));
    must(bench, sqlite3_reset(bench->draft));
    must(bench, sqlite3_bind_text(bench->audit, 1, bench->filler, AUDIT_BYTES, SQLITE_STATIC));
    must(bench, sqlite3_bind_blob(bench->audit, 2, bench->filler, HASH_BYTES, SQLITE_STATIC));
    must(bench, sqlite3_step(bench->audit));
    must(bench, sqlite3_reset(bench->audit));
}

int main(int argc, char **argv)
{
    static struct bench bench;
    double start, seconds;
    long number = 0, batch;

    if (argc != 4)
        return 2;
    batch = strtol(argv[2], NULL, 10);
    seconds = strtod(argv[3], NULL);
    open_bench(&bench, argv[1]);
    start = now();
    while (now() - start < seconds) {
        must(&bench, sqlite3_exec(bench.db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
        for (long i = 0; i < batch; i++)
            insert(&bench, number++);
        must(&bench, sqlite3_exec(bench.db, "COMMIT", NULL, NULL, NULL));
    }
    printf("batch %ld: %.0f drafts/s\n", batch, (double)number / (now() - start));
    sqlite3_finalize(bench.draft);
    sqlite3_finalize(bench.audit);
    sqlite3_close(bench.db);
    return 0;
}
