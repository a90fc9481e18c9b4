/* SPDX-License-Identifier: MIT
 *
 * adapter/lua_call.h - the call that a tool's functions are given, and its databases.
 * May include: script, base, adapter.
 */
#ifndef OPP_ADAPTER_LUA_CALL_H
#define OPP_ADAPTER_LUA_CALL_H

#include "base/error.h"

#include <stddef.h>

struct lua_State;
struct opp_adapter_call;
struct opp_script;

/* In a fresh state: makes the call's and the databases' metatables. */
enum opp_code opp_call_object_install(struct opp_script *script, struct opp_err *err);

/* Pushes the object of a call. It answers while the call has its lane, and is an error to use later. May jump. */
void lj_call_object_push(struct lua_State *L, const struct opp_adapter_call *run);

/* sql_read.c: makes the metatable of what call.sql gives; may jump. And pushes one. */
void lj_sql_register(struct lua_State *L);
void lj_sql_push(struct lua_State *L, size_t database);

#endif
