/* SPDX-License-Identifier: MIT
 *
 * adapter/internal.h - what the files of this folder share about loaded adapters; nobody else includes it.
 * May include: store, base, adapter.
 */
#ifndef OPP_ADAPTER_INTERNAL_H
#define OPP_ADAPTER_INTERNAL_H

#include "adapter/adapter.h"
#include "adapter/databases.h"
#include "adapter/sources.h"
#include "adapter/tool.h"
#include "base/hash.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stddef.h>

struct opp_db;
struct opp_writer;

#define OPP_IDENTITY_MAX 40
#define OPP_ADAPTER_FILE_MAX ((size_t)1 << 20)
#define OPP_ADAPTER_FILES_MAX 256 /* of one adapter */
#define OPP_ADAPTER_BYTES_MAX ((size_t)16 << 20)

/* A file, read once; Lua is run in every state. */
struct opp_source {
    char *name; /* below the adapter's directory: "tools/list.lua" */
    char *bytes;
    size_t length;
};

struct opp_adapter_files {
    char *name; /* the adapter's, which is its directory's */
    struct opp_source *list;
    size_t count;
};

struct opp_adapter_sources {
    atomic_uint references;
    struct opp_adapter_files *list;
    size_t count, bytes;
    char sha256[OPP_HASH_HEX];
};

/* One of the set, immutable as long as that lives. */
struct opp_database {
    char *name; /* what Lua calls it */
    char *file, *path;
    char identity[OPP_IDENTITY_MAX]; /* made with the file: one that took its place is another */
    struct opp_writer *writer;
    struct opp_database *next;
};

struct opp_upstream;
struct opp_upstreams;

/* What an adapter calls an upstream, and what it may rely on there. */
struct opp_adapter_upstream {
    const char *name;                    /* lent by the declaration */
    bool strong;                         /* its ETags tell versions apart */
    const struct opp_upstream *upstream; /* NULL before opp_adapters_bind */
};

struct opp_adapter {
    const char *name;
    const struct opp_adapter_files *files;
    json_t *declared;                      /* its databases: name → {file, migrations, demo} */
    const struct opp_database **databases; /* none before opp_adapters_connect */
    size_t database_count;
    json_t *declared_upstreams; /* name → {etag} */
    struct opp_adapter_upstream *upstreams;
    size_t upstream_count;
};

/* A tool and what its pointers lead into. */
struct opp_tool_entry {
    struct opp_tool tool;
    json_t *declared;
    struct opp_schema *input_schema;
    char *path, *audit_action, *where;
    const char **hidden;
    const char *list; /* output's property that holds the rows */
};

struct opp_adapters {
    struct opp_log *log;
    struct opp_adapter_sources *sources;
    struct opp_adapter *list;
    size_t count;
    struct opp_tool_entry *tools; /* by name */
    size_t tool_count;
    const struct opp_tool **reads; /* by path */
    size_t read_count;
};

/* sources.c: sources (NULL: no memory) are made adapter by adapter, each file by file (takes bytes, which end with a
 * NUL beyond length), and sealed in the end. */
struct opp_adapter_sources *opp_sources_new(void);
enum opp_code opp_sources_add_adapter(struct opp_adapter_sources *sources, const char *name, struct opp_err *err);
enum opp_code opp_sources_add_file(struct opp_adapter_sources *sources, const char *name, char *bytes, size_t length,
                                   struct opp_err *err);
enum opp_code opp_sources_seal(struct opp_adapter_sources *sources, struct opp_err *err);
/* Lends the file, NULL: there is none. */
const struct opp_source *opp_sources_find(const struct opp_adapter_files *files, const char *name);

/* adapter_upstreams.c: takes what init.lua declares (NULL: nothing) into the adapter. OPP_E_MEMORY. */
enum opp_code opp_adapter_take_upstreams(struct opp_adapter *adapter, json_t *declared, struct opp_err *err);
/* Lends it; NULL: the adapter declares none of this name (which may be NULL). */
const struct opp_adapter_upstream *opp_adapter_upstream_find(const struct opp_adapter *adapter, const char *name);

/* facts.c: takes a tool's declaration (functions stand as true) and fills entry, which the caller frees in any case.
 * OPP_E_CONFIG: err->where is what where names. */
enum opp_code opp_tool_entry_make(json_t *declared, const char *where, struct opp_tool_entry *entry,
                                  struct opp_err *err);
void opp_tool_entry_free(struct opp_tool_entry *entry);

/* sql_receipt.c: makes the host's own tables where they are not, on the writer's connection; gives which database it
 * is. Codes as opp_db_error. */
enum opp_code opp_sql_receipts_open(struct opp_db *db, char identity[OPP_IDENTITY_MAX], struct opp_err *err);
enum opp_code opp_sql_identity(struct opp_db *db, char identity[OPP_IDENTITY_MAX], struct opp_err *err);

/* databases.c: lends the database of this name, NULL: there is none. From any thread. */
const struct opp_database *opp_databases_find(struct opp_databases *databases, const char *name);

#endif
