/* SPDX-License-Identifier: MIT
 *
 * adapter/lua_require.h - require: the files of the same adapter, each run once in a state while it loads.
 * May include: script, base, adapter.
 */
#ifndef OPP_ADAPTER_LUA_REQUIRE_H
#define OPP_ADAPTER_LUA_REQUIRE_H

#include "base/error.h"

struct opp_adapter;
struct opp_script;

/* Between the sandbox's open and seal. */
enum opp_code opp_require_install(struct opp_script *script, struct opp_err *err);

/* Runs init.lua and leaves what it gave on the main stack. OPP_E_SCRIPT: err->where is file:line. */
enum opp_code opp_require_init(struct opp_script *script, const struct opp_adapter *adapter, struct opp_err *err);

#endif
