/* SPDX-License-Identifier: MIT */
#include "command/facts.h"

#include "adapter/adapter.h"
#include "adapter/sources.h"
#include "adapter/tool.h"
#include "base/example.h"
#include "base/json.h"
#include "base/reserve.h"
#include "command/command.h"
#include "command/nearest.h"
#include "command/offline.h"

#include <stdio.h>
#include <stdlib.h>

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "adapters", OPP_FLAG_TEXT, "DIR", "adapters", "The directory of adapters; adapters." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for what the flags do not say." },
};

const struct opp_command OPP_COMMAND_FACTS = {
    .name = "facts",
    .summary = "What rules may read of a tool's calls: the schema of its resources, state and impact, and an example.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .operand = "TOOL",
    .run = run,
};

static enum opp_code refuse_unknown(const struct opp_adapters *adapters, const char *name, struct opp_err *err)
{
    size_t count = opp_tool_count(adapters);
    const char **names = calloc(count + 1, sizeof *names), *meant = NULL;

    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = opp_tool_at(adapters, i)->name;
    if (names != NULL)
        meant = opp_nearest(name, names, count);
    if (meant != NULL)
        opp_fail(err, OPP_E_VALIDATION, "there is no tool %.80s; did you mean %s?", name, meant);
    else
        opp_fail(err, OPP_E_VALIDATION, "there is no tool %.80s", name);
    free(names);
    return OPP_E_VALIDATION;
}

/* Gives {tool, kind, risk, scopes, facts, example}; the last two are null where the tool declares none. */
static json_t *describe(const struct opp_tool *tool)
{
    return json_pack("{s:s, s:s, s:s, s:O, s:O?, s:o?}", "tool", tool->name, "kind",
                     tool->is_action ? "action" : "read", "risk", opp_risk_name(tool->risk), "scopes", tool->scopes,
                     "facts", tool->facts, "example", tool->facts != NULL ? opp_example(tool->facts) : NULL);
}

static enum opp_code print(const struct opp_adapters *adapters, const char *name, struct opp_err *err)
{
    const struct opp_tool *tool = opp_tool_find(adapters, name);
    json_t *described;
    char *text;

    if (tool == NULL)
        return refuse_unknown(adapters, name, err);
    described = describe(tool);
    text = described != NULL ? json_dumps(described, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(described);
    if (text == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a tool's facts");
    puts(text);
    opp_reserve_free(text);
    return OPP_OK;
}

/* Nothing but the adapters' own files is looked at. */
static enum opp_code load(const struct opp_config *config, struct opp_adapters **out, struct opp_err *err)
{
    struct opp_adapter_sources *sources = NULL;
    enum opp_code rc = opp_adapter_sources_read(config->adapters_dir, &sources, err);

    if (rc == OPP_OK)
        rc = opp_adapters_new(sources, NULL, out, NULL, err);
    opp_adapter_sources_unref(sources);
    return rc;
}

static int run(const json_t *args)
{
    struct opp_config config = { .workers = 0 };
    struct opp_adapters *adapters = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc = opp_offline_config(&OPP_COMMAND_FACTS, args, &config, &err);

    if (rc == OPP_OK)
        rc = load(&config, &adapters, &err);
    if (rc == OPP_OK)
        rc = print(adapters, opp_json_text(args, "operand"), &err);
    opp_adapters_free(adapters);
    opp_config_clear(&config);
    return opp_command_printed(rc == OPP_OK ? OPP_EXIT_OK : opp_command_failed(&err));
}
