/* SPDX-License-Identifier: MIT */
#include "core/policy_tools.h"

#include "adapter/tool.h"

#include <stdint.h>
#include <stdlib.h>

enum opp_code opp_policy_tools_list(const struct opp_adapters *adapters, struct opp_policy_tools *out,
                                    struct opp_err *err)
{
    size_t count = opp_tool_count(adapters);
    struct opp_policy_tool *list = calloc(count + 1, sizeof *list);

    if (list == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the policies");
    for (size_t i = 0; i < count; i++) {
        const struct opp_tool *tool = opp_tool_at(adapters, i);

        list[i] = (struct opp_policy_tool){ .name = tool->name,
                                            .kind = tool->is_action ? "action" : "read",
                                            .risk = opp_risk_name(tool->risk),
                                            .scopes = tool->scopes,
                                            .facts = tool->facts };
    }
    *out = (struct opp_policy_tools){ list, count };
    return OPP_OK;
}

void opp_policy_tools_free(struct opp_policy_tools *tools)
{
    free((void *)(uintptr_t)tools->list);
    *tools = (struct opp_policy_tools){ 0 };
}
