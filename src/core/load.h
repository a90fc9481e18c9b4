/* SPDX-License-Identifier: MIT
 *
 * core/load.h - from files to tools and rules that fit each other, or to what is wrong with them: the same for a start,
 * a reload and `oppd check`.
 * May include: policy, adapter, base, core.
 */
#ifndef OPP_CORE_LOAD_H
#define OPP_CORE_LOAD_H

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "core/generation.h"
#include "policy/bundle.h"

#include <jansson.h>
#include <stdbool.h>

struct opp_adapter_sources;
struct opp_databases;
struct opp_upstreams;

/* The files of a generation. */
struct opp_sources {
    struct opp_adapter_sources *adapters;
    struct opp_policy_sources *policies;
    bool stored; /* of one that was in force: what was done to the databases since stays, and is no mistake */
};
void opp_sources_clear(struct opp_sources *sources);
/* SHA-256 of both, lower-case hex: what a generation is known by. OPP_E_MEMORY. */
enum opp_code opp_sources_hash(const struct opp_sources *sources, char sha256[OPP_HASH_HEX], struct opp_err *err);

/* What loading found, for operators. Zero it before; its arrays may be NULL, where it did not come to them. */
struct opp_load_report {
    json_t *adapters; /* [{file, line, message}], below the adapters' directory: each refuses the load */
    struct opp_policy_report policies;
};
void opp_load_report_clear(struct opp_load_report *report);
/* Gives all issues as one array, or NULL when memory is out. */
json_t *opp_load_issues(const struct opp_load_report *report);

struct opp_load_dirs {
    const char *adapters, *policies, *profile;
};

/* Reads every file once. OPP_E_CONFIG: report has the issue, err too. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_load_read(const struct opp_load_dirs *dirs, struct opp_sources *out, struct opp_load_report *report,
                            struct opp_err *err);

/* What adapters are loaded onto. */
struct opp_load_host {
    struct opp_databases *databases;
    const struct opp_upstreams *upstreams; /* those that are configured; NULL: none */
    struct opp_log *log;
};

/* Takes sources, also on failure: runs the adapters' files, compiles the rules and runs their tests, and only when all
 * is well brings the databases up to date. Not from a loop. OPP_E_CONFIG: report has the issues, err the first.
 * OPP_E_IO, OPP_E_UNAVAILABLE, OPP_E_MEMORY. */
enum opp_code opp_load(struct opp_sources *sources, const struct opp_load_host *host, struct opp_loaded *out,
                       struct opp_load_report *report, struct opp_err *err);
/* Frees what was loaded and not given to a generation. */
void opp_loaded_clear(struct opp_loaded *loaded);

#endif
