/* SPDX-License-Identifier: MIT */
#include "admin/policies.h"

#include "base/file.h"
#include "core/call.h"
#include "core/gateway.h"
#include "core/policy_history.h"
#include "core/policy_load.h"

#include <limits.h>
#include <stdio.h>

/* The names of the directories that are profiles. */
static json_t *list_profiles(const char *policies_dir)
{
    json_t *profiles = json_array();
    char **names = NULL, path[PATH_MAX], **files;

    if (opp_file_list(policies_dir, "", &names, NULL) != OPP_OK)
        return profiles;
    for (size_t i = 0; names[i] != NULL; i++) {
        snprintf(path, sizeof path, "%s/%s", policies_dir, names[i]);
        if (opp_file_list(path, "profile.lua", &files, NULL) != OPP_OK)
            continue;
        if (files[0] != NULL)
            json_array_append_new(profiles, json_string(names[i]));
        opp_names_free(files);
    }
    opp_names_free(names);
    return profiles;
}

static enum opp_code find(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;

    return opp_policy_history_read(tx, call->state, err);
}

static enum opp_step look(struct opp_call *call)
{
    return opp_flow_read(call, find);
}

static json_t *show_earlier(const struct opp_policy_history *history)
{
    json_t *earlier = json_array();

    for (size_t i = 1; i < history->count; i++)
        json_array_append_new(earlier, opp_policy_head_json(history->latest[i]));
    return earlier;
}

/* What a rule said when it failed may name what another organisation asked for. */
static json_t *show_active(const struct opp_call *call)
{
    json_t *active = opp_policies_active(call->worker->gateway);

    if (call->admin->org_ids != NULL)
        json_object_set_new(json_object_get(active, "errors"), "last", json_null());
    return active;
}

static enum opp_step answer(struct opp_call *call)
{
    const struct opp_policy_history *history = call->state;
    struct opp_gateway *gateway = call->worker->gateway;

    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    return opp_call_answer(call,
                           json_pack("{s:o, s:o, s:o, s:o, s:o}", "active", show_active(call), "staged",
                                     opp_policies_staged(gateway), "previous",
                                     opp_policy_head_json(history->count > 1 ? history->latest[1] : NULL), "earlier",
                                     show_earlier(history), "profiles", list_profiles(gateway->policies_dir)));
}

static void forget(void *state)
{
    opp_policy_history_clear(state);
}

static const opp_step_fn GET_STEPS[] = { look, answer, NULL };
const struct opp_flow OPP_FLOW_POLICY_GET = { GET_STEPS, sizeof(struct opp_policy_history), forget, NULL };
