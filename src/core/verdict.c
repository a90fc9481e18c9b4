/* SPDX-License-Identifier: MIT */
#include "core/verdict.h"

#include "base/jcs.h"
#include "core/registry.h"

#include <stdlib.h>
#include <string.h>

/* What is left of a decision when it is known how the core, the app and the rules meet. */
struct reached {
    enum opp_outcome outcome;
    enum opp_code code;            /* of a deny, or why a draft is not executed */
    int64_t approvals, expires_in; /* 0: none */
    bool binds;                    /* require and limits count */
};

static struct reached denied(enum opp_code code)
{
    return (struct reached){ .outcome = OPP_OUTCOME_DENY, .code = code };
}

static struct reached as_draft(const struct opp_core_part *core, const struct opp_policy_decision *ruling,
                               enum opp_code code)
{
    struct reached draft = { .outcome = OPP_OUTCOME_DRAFT, .code = code, .binds = true };

    draft.approvals = ruling->approvals > 1 ? ruling->approvals : 1;
    draft.expires_in = core->draft_lifetime_s;
    if (ruling->expires_in_s > 0 && (draft.expires_in == 0 || ruling->expires_in_s < draft.expires_in))
        draft.expires_in = ruling->expires_in_s;
    return draft;
}

static struct reached reach_read(const struct opp_core_part *core, const struct opp_policy_decision *ruling)
{
    if (ruling->max_rows == 0 || (ruling->max_days > 0 && core->asked_days > ruling->max_days))
        return denied(OPP_E_POLICY_DENIED);
    return (struct reached){ .outcome = OPP_OUTCOME_ALLOW };
}

/* As preflight and action judge it: by the same functions. */
static struct reached reach_automatic(const struct opp_core_part *core, const struct opp_policy_decision *ruling)
{
    const struct opp_app_entry app = { .auto_execute = { .writes = core->window, .high_risk = core->window } };
    const struct opp_tool tool = { .name = core->tool, .risk = core->risk };
    enum opp_code code;

    if (core->refused != OPP_OK)
        return denied(core->refused);
    if (core->reads)
        return (struct reached){ .outcome = OPP_OUTCOME_ALLOW };
    if (core->claimed)
        return (struct reached){ .outcome = OPP_OUTCOME_ALLOW, .binds = true };
    if (core->phase == OPP_PHASE_ACTION && !core->execute)
        return as_draft(core, ruling, OPP_OK);
    code = core->settled ? opp_judge(&app, &tool, ruling, &core->have, core->now_ms)
                         : opp_judge_window_now(&app, &tool, ruling, core->now_ms);
    return code != OPP_OK ? as_draft(core, ruling, code)
                          : (struct reached){ .outcome = OPP_OUTCOME_ALLOW, .binds = true };
}

static struct reached reach_approval(const struct opp_core_part *core, const struct opp_policy_decision *ruling)
{
    struct reached reached = { .outcome = OPP_OUTCOME_ALLOW, .approvals = core->approvals_required };

    if (ruling->approvals > reached.approvals)
        reached.approvals = ruling->approvals;
    if (core->phase == OPP_PHASE_EXECUTE) {
        reached.binds = true;
        reached.outcome = core->approvals_given >= reached.approvals ? OPP_OUTCOME_ALLOW : OPP_OUTCOME_DRAFT;
    }
    return reached;
}

static struct reached reach_execution(const struct opp_core_part *core, const struct opp_policy_decision *ruling)
{
    if (core->reviewed)
        return reach_approval(core, ruling);
    if (ruling->outcome != OPP_OUTCOME_ALLOW || ruling->approvals > 0)
        return as_draft(core, ruling, OPP_E_AUTO_DENIED);
    return (struct reached){ .outcome = OPP_OUTCOME_ALLOW, .binds = true };
}

static struct reached reach(const struct opp_core_part *core, const struct opp_policy_decision *ruling)
{
    struct opp_policy_decision held = *ruling;

    if (core->held && ruling->outcome == OPP_OUTCOME_ALLOW) {
        held.outcome = OPP_OUTCOME_DRAFT;
        ruling = &held;
    }
    if (ruling->outcome == OPP_OUTCOME_DENY)
        return denied(OPP_E_POLICY_DENIED);
    switch (core->phase) {
    case OPP_PHASE_READ:
        return reach_read(core, ruling);
    case OPP_PHASE_APPROVE:
        return reach_approval(core, ruling);
    case OPP_PHASE_EXECUTE:
        return reach_execution(core, ruling);
    default:
        return reach_automatic(core, ruling);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A limit as it binds, whichever rule set it. */
static char *limit_text(const json_t *limit)
{
    static const char *const members[] = { "by", "count", "per", "tools" };
    struct opp_buf text = { 0 };

    opp_buf_char(&text, '{');
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        opp_jcs_member_json(&text, members[i], json_object_get(limit, members[i]));
    opp_buf_char(&text, '}');
    return opp_buf_take(&text);
}

static void write_sorted(struct opp_buf *out, char **texts, size_t count)
{
    qsort(texts, count, sizeof *texts, by_text);
    opp_buf_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        opp_buf_text(out, i == 0 ? "" : ",");
        opp_buf_text(out, texts[i]);
    }
    opp_buf_char(out, ']');
}

static void write_limits(struct opp_buf *out, const json_t *limits)
{
    size_t count = json_array_size(limits), made = 0;
    char **texts = count != 0 ? calloc(count, sizeof *texts) : NULL;

    if (count == 0)
        return;
    while (texts != NULL && made < count && (texts[made] = limit_text(json_array_get(limits, made))) != NULL)
        made++;
    opp_jcs_member(out, "limits");
    if (made == count)
        write_sorted(out, texts, count);
    out->failed = out->failed || made < count;
    for (size_t i = 0; i < made; i++)
        free(texts[i]);
    free(texts);
}

/* What the app is never shown and what the rules hide, as one sorted list. */
static void write_redact(struct opp_buf *out, const json_t *never, const json_t *hidden)
{
    size_t i = 0, j = 0, all = json_array_size(never), more = json_array_size(hidden);
    bool first = true;

    if (all + more == 0)
        return;
    opp_jcs_member(out, "redact");
    opp_buf_char(out, '[');
    while (i < all || j < more) {
        const char *a = json_string_value(json_array_get(never, i));
        const char *b = json_string_value(json_array_get(hidden, j));
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a, b);
        const char *name = order <= 0 ? a : b;

        i += order <= 0 ? 1 : 0;
        j += order >= 0 ? 1 : 0;
        if (!first)
            opp_buf_char(out, ',');
        first = false;
        opp_jcs_string(out, name, strlen(name));
    }
    opp_buf_char(out, ']');
}

static void write_require(struct opp_buf *out, const struct opp_core_part *core,
                          const struct opp_policy_decision *ruling)
{
    const struct opp_app_entry app = { .auto_execute = { .writes = core->window, .high_risk = core->window } };
    const struct opp_tool tool = { .name = core->tool, .risk = core->risk };
    json_t *names = opp_judge_requires(&app, &tool, ruling);

    if (names == NULL)
        out->failed = true;
    else if (json_array_size(names) > 0)
        opp_jcs_member_json(out, "require", names);
    json_decref(names);
}

static int64_t lower(int64_t a, int64_t b)
{
    return a <= 0 ? b : b <= 0 ? a : a < b ? a : b;
}

static void write_number(struct opp_buf *out, const char *name, int64_t number)
{
    if (number > 0)
        opp_jcs_member_integer(out, name, number);
}

static void write_bounds(struct opp_buf *out, const struct opp_core_part *core,
                         const struct opp_policy_decision *ruling)
{
    if (core->phase != OPP_PHASE_READ)
        return;
    write_number(out, "max_days", lower(core->max_days, ruling->max_days));
    write_number(out, "max_rows", ruling->max_rows);
}

enum opp_outcome opp_verdict_write(struct opp_buf *out, const struct opp_core_part *core,
                                   const struct opp_policy_decision *ruling)
{
    struct reached reached = reach(core, ruling);
    bool deny = reached.outcome == OPP_OUTCOME_DENY;

    opp_buf_char(out, '{');
    write_number(out, "approvals", reached.approvals);
    if (reached.code != OPP_OK)
        opp_jcs_member_text(out, "code", opp_code_name(reached.code));
    write_number(out, "expires_in", reached.expires_in);
    if (reached.binds)
        write_limits(out, ruling->limits);
    if (!deny)
        write_bounds(out, core, ruling);
    opp_jcs_member_text(out, "outcome", opp_outcome_name(reached.outcome));
    if (!deny)
        write_redact(out, core->redact, ruling->redact);
    if (reached.binds)
        write_require(out, core, ruling);
    opp_buf_char(out, '}');
    return reached.outcome;
}
