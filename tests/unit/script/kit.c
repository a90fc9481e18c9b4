/* SPDX-License-Identifier: MIT */
#include "script/kit.h"

#include "script/view.h"

#include <lua.h>

#include <stdio.h>
#include <string.h>

struct opp_script *kit_script(void)
{
    struct opp_script *script = NULL;

    assert_int_equal(opp_script_new(&OPP_SCRIPT_LIMITS_DEFAULT, &script, NULL), OPP_OK);
    assert_int_equal(opp_sandbox_open(script, NULL), OPP_OK);
    assert_int_equal(opp_sandbox_seal(script, NULL), OPP_OK);
    return script;
}

enum opp_code kit_run(struct opp_script *script, const char *text, struct opp_err *err)
{
    enum opp_code rc = opp_script_load(script, text, strlen(text), "test.lua", err);

    return rc == OPP_OK ? opp_script_call(script, 0, 1, err) : rc;
}

static const char *show(struct opp_script *script, enum opp_code rc, const struct opp_err *err)
{
    static _Thread_local char shown[4096];
    lua_State *L = opp_script_lua(script);

    if (rc != OPP_OK)
        snprintf(shown, sizeof shown, "%s: %s", err->where, err->message);
    else if (lua_type(L, -1) == LUA_TBOOLEAN)
        snprintf(shown, sizeof shown, "%s", lua_toboolean(L, -1) ? "true" : "false");
    else if (lua_isstring(L, -1))
        snprintf(shown, sizeof shown, "%s", lua_tostring(L, -1));
    else
        snprintf(shown, sizeof shown, "(%s)", lua_typename(L, lua_type(L, -1)));
    lua_settop(L, 0);
    return shown;
}

const char *kit_eval(struct opp_script *script, const char *text)
{
    struct opp_err err = { 0 };

    opp_script_begin(script);
    return show(script, kit_run(script, text, &err), &err);
}

static int l_push_view(lua_State *L)
{
    lj_view_json(L, lua_touserdata(L, 1), NULL);
    return 1;
}

const char *kit_eval_with(struct opp_script *script, const char *json, const char *text)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    struct opp_err err = { 0 };
    enum opp_code rc;

    assert_non_null(value);
    opp_script_begin(script);
    rc = opp_script_load(script, text, strlen(text), "test.lua", &err);
    if (rc == OPP_OK)
        rc = opp_script_protect(script, l_push_view, value, &err);
    json_decref(value);
    if (rc == OPP_OK)
        rc = opp_script_call(script, 1, 1, &err);
    return show(script, rc, &err);
}
