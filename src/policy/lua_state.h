/* SPDX-License-Identifier: MIT
 *
 * policy/lua_state.h - the sealed Lua state that policies run in: its environment, its windows, the call it is in.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_LUA_STATE_H
#define OPP_POLICY_LUA_STATE_H

#include "policy/decision.h"
#include "policy/rules.h"
#include "policy/sources.h"
#include "script/state.h"

#include <stdint.h>

struct lua_State;
struct opp_schedule;
struct opp_zones;

struct opp_policy_lua {
    struct opp_script *script;
    const struct opp_policy_sources *sources; /* lent */
    struct opp_zones *zones;                  /* lent */
    char profile[72];                         /* whose files are loading; "" once loaded */
    struct opp_rules rules;                   /* in order; after opp_policy_lua_load */
    int snapshot;                             /* of what the rules keep; 0: not loaded */
    uint64_t call;                            /* 0 while loading */
    const struct opp_policy_request *request; /* the one being judged, NULL otherwise */
    struct opp_schedule **schedules;          /* those made while loading, then the current call's */
    size_t schedule_count, schedules_kept;
};

/* Gives a state with the policies' environment and no rules. OPP_E_LIMIT, OPP_E_MEMORY. */
enum opp_code opp_policy_lua_new(const struct opp_policy_sources *sources, struct opp_zones *zones,
                                 struct opp_policy_lua **out, struct opp_err *err);
void opp_policy_lua_free(struct opp_policy_lua *lua);

/* Whose state it is. */
struct opp_policy_lua *opp_policy_lua_of(struct lua_State *L);

/* Runs a file of the sources and leaves what it gave on the main stack. OPP_E_SCRIPT, OPP_E_LIMIT, OPP_E_MEMORY. */
enum opp_code opp_policy_lua_run(struct opp_policy_lua *lua, const struct opp_policy_file *file, struct opp_err *err);
/* As require "profile" in one of the profile's files. */
enum opp_code opp_policy_lua_run_profile(struct opp_policy_lua *lua, const char *profile, struct opp_err *err);

/* A call: its budget is full; what it made of windows is gone at its end, and the main stack empty. */
void opp_policy_lua_begin(struct opp_policy_lua *lua, const struct opp_policy_request *request);
void opp_policy_lua_end(struct opp_policy_lua *lua);

#endif
