/* SPDX-License-Identifier: MIT */
#include "command/offline.h"

#include "adapter/databases.h"
#include "base/json.h"
#include "command/unknown.h"

enum opp_code opp_offline_config(const struct opp_command *command, const json_t *args, struct opp_config *out,
                                 struct opp_err *err)
{
    json_t *flags = json_copy((json_t *)(uintptr_t)args);
    enum opp_code rc;

    if (flags == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the configuration");
    json_object_del(flags, "config");
    json_object_del(flags, "operand");
    rc = opp_config_load(opp_json_text(args, "config"), flags, out, err);
    json_decref(flags);
    if (rc != OPP_OK)
        opp_args_blame(command, err);
    return rc;
}

enum opp_code opp_offline_data(const struct opp_command *command, const json_t *args, struct opp_config *out,
                               struct opp_err *err)
{
    json_t *data = json_object_get(args, "data");
    json_t *flags = data != NULL ? json_pack("{s:O}", "data", data) : json_object();
    enum opp_code rc = flags != NULL ? opp_config_load(opp_json_text(args, "config"), flags, out, err)
                                     : opp_fail(err, OPP_E_MEMORY, "no memory for the configuration");

    json_decref(flags);
    if (rc != OPP_OK)
        opp_args_blame(command, err);
    return rc;
}

enum opp_code opp_offline_databases(struct opp_databases **out, struct opp_err *err)
{
    struct opp_databases_settings settings = { .demo = true, .on_unknown = opp_unknown_leave };

    return opp_databases_new(&settings, out, err);
}
