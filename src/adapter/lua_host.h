/* SPDX-License-Identifier: MIT
 *
 * adapter/lua_host.h - the small host functions of adapters: json, base64, url, date and log.
 * May include: script, base, adapter.
 */
#ifndef OPP_ADAPTER_LUA_HOST_H
#define OPP_ADAPTER_LUA_HOST_H

#include "base/error.h"

struct opp_script;

/* Between the sandbox's open and seal. */
enum opp_code opp_host_install(struct opp_script *script, struct opp_err *err);
enum opp_code opp_encoding_install(struct opp_script *script, struct opp_err *err);

#endif
