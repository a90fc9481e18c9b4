/* SPDX-License-Identifier: MIT
 *
 * adapter/internal.h - what the files of this folder share about loaded adapters; nobody else includes it.
 * May include: store, base, adapter.
 */
#ifndef OPP_ADAPTER_INTERNAL_H
#define OPP_ADAPTER_INTERNAL_H

#include "adapter/adapter.h"
#include "adapter/tool.h"

#include <jansson.h>
#include <stddef.h>

struct opp_db;
struct opp_writer;

#define OPP_ADAPTER_FILE_MAX ((size_t)1 << 20)
#define OPP_IDENTITY_MAX 40

/* A Lua file, read once and run in every state. */
struct opp_source {
    char *name; /* below the adapter's directory: "tools/list.lua" */
    char *bytes;
    size_t length;
};

struct opp_database {
    char *name; /* what Lua calls it */
    char *path;
    char identity[OPP_IDENTITY_MAX]; /* made with the file: one that took its place is another */
    struct opp_writer *writer;
};

struct opp_adapter {
    char *name, *dir;
    struct opp_source *sources;
    size_t source_count;
    struct opp_database *databases;
    size_t database_count;
};

/* A tool and what its pointers lead into. */
struct opp_tool_entry {
    struct opp_tool tool;
    json_t *declared;
    struct opp_schema *input_schema;
    char *path;
    const char **hidden;
    const char *list; /* output's property that holds the rows */
};

struct opp_adapters {
    struct opp_log *log;
    struct opp_adapter *list;
    size_t count;
    struct opp_tool_entry *tools;
    size_t tool_count;
};

/* sources.c: reads every *.lua file below the directory, hidden ones aside. OPP_E_CONFIG: too many, too deep or too
 * large. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_sources_read(struct opp_adapter *adapter, struct opp_err *err);
void opp_sources_free(struct opp_adapter *adapter);
/* Lends the file, NULL: there is none. */
const struct opp_source *opp_sources_find(const struct opp_adapter *adapter, const char *name);

/* facts.c: takes a tool's declaration (functions stand as true) and fills entry, which the caller frees in any case.
 * OPP_E_CONFIG: err->where is what where names. */
enum opp_code opp_tool_entry_make(json_t *declared, const char *where, struct opp_tool_entry *entry,
                                  struct opp_err *err);
void opp_tool_entry_free(struct opp_tool_entry *entry);

/* databases.c: opens what the adapter's `databases` declares, brings it up to date and starts the writers.
 * OPP_E_CONFIG, OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_databases_open(struct opp_adapter *adapter, const json_t *declared,
                                 const struct opp_adapters_settings *settings, struct opp_err *err);
void opp_databases_close(struct opp_adapter *adapter);
/* sql_receipt.c: makes the host's own tables where they are not, on the writer's connection; gives which database it
 * is. Codes as opp_db_error. */
enum opp_code opp_sql_receipts_open(struct opp_db *db, char identity[OPP_IDENTITY_MAX], struct opp_err *err);
enum opp_code opp_sql_identity(struct opp_db *db, char identity[OPP_IDENTITY_MAX], struct opp_err *err);
/* Lends the database of any adapter, NULL: there is none. */
const struct opp_database *opp_databases_find(const struct opp_adapters *adapters, const char *name);

#endif
