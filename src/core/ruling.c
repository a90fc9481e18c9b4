/* SPDX-License-Identifier: MIT */
#include "core/ruling.h"

#include "base/jcs.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

static const json_t *first_answer(const struct opp_policy_decision *ruling)
{
    json_t *answer;
    size_t index;

    json_array_foreach(ruling->reasons, index, answer)
    {
        if (strcmp(opp_json_text(answer, "outcome"), opp_outcome_name(ruling->outcome)) == 0)
            return answer;
    }
    return NULL;
}

const char *opp_ruling_reason(const struct opp_policy_decision *ruling)
{
    if (ruling->failed || ruling->reason[0] != '\0')
        return ruling->reason;
    return ruling->window_reason;
}

const char *opp_ruling_rule(const struct opp_policy_decision *ruling)
{
    const char *rule = opp_json_text(first_answer(ruling), "rule");

    if (ruling->failed)
        return ruling->failed_rule;
    if (!ruling->window_open && ruling->window_rule != NULL && ruling->outcome == OPP_OUTCOME_ALLOW)
        return ruling->window_rule;
    return rule;
}

void opp_ruling_error(const struct opp_policy_decision *ruling, char error[OPP_RULING_ERROR_MAX])
{
    const struct opp_err *err = &ruling->error;

    error[0] = '\0';
    if (ruling->failed)
        snprintf(error, OPP_RULING_ERROR_MAX, "%s%s%s", err->where, err->where[0] != '\0' ? ": " : "", err->message);
}

/* A member is there where something is said. */
static void write_text(struct opp_buf *out, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        opp_jcs_member_text(out, name, text);
}

static void write_json(struct opp_buf *out, const char *name, const json_t *value)
{
    if (value != NULL)
        opp_jcs_member_json(out, name, value);
}

static void write_above(struct opp_buf *out, const char *name, int64_t number, int64_t unsaid)
{
    if (number > unsaid)
        opp_jcs_member_integer(out, name, number);
}

static void write_error(struct opp_buf *out, const struct opp_policy_decision *ruling)
{
    opp_jcs_member(out, "error");
    opp_buf_char(out, '{');
    opp_jcs_member_text(out, "message", ruling->error.message);
    opp_jcs_member_text(out, "rule", ruling->failed_rule);
    opp_jcs_member_text(out, "where", ruling->error.where);
    opp_buf_char(out, '}');
}

static void write_setters(struct opp_buf *out, const struct opp_policy_setters *set_by)
{
    size_t before = out->length, empty;

    opp_jcs_member(out, "set_by");
    opp_buf_char(out, '{');
    empty = out->length;
    write_text(out, "approvals", set_by->approvals);
    write_text(out, "expires_in", set_by->expires_in);
    write_text(out, "max_days", set_by->max_days);
    write_text(out, "max_rows", set_by->max_rows);
    write_text(out, "redact", set_by->redact);
    write_text(out, "require", set_by->require);
    if (out->length == empty)
        out->length = before; /* nobody set anything */
    else
        opp_buf_char(out, '}');
}

void opp_ruling_write(struct opp_buf *out, const struct opp_policy_decision *ruling)
{
    json_t *require = opp_require_json(ruling->require);

    opp_buf_char(out, '{');
    write_above(out, "approvals", ruling->approvals, 0);
    if (ruling->failed)
        write_error(out, ruling);
    write_above(out, "expires_in", ruling->expires_in_s, 0);
    opp_jcs_member_bool(out, "failed", ruling->failed);
    write_json(out, "limits", ruling->limits);
    write_above(out, "max_days", ruling->max_days, -1);
    write_above(out, "max_rows", ruling->max_rows, -1);
    opp_jcs_member_text(out, "outcome", opp_outcome_name(ruling->outcome));
    write_text(out, "reason", ruling->reason);
    write_json(out, "reasons", ruling->reasons);
    write_json(out, "redact", ruling->redact);
    write_json(out, "require", require);
    write_setters(out, &ruling->set_by);
    write_text(out, "tag", ruling->tag);
    if (ruling->has_window)
        opp_jcs_member_text(out, "window", ruling->window_open ? "open" : "closed");
    write_text(out, "window_reason", ruling->window_reason);
    if (!ruling->window_open)
        write_text(out, "window_rule", ruling->window_rule);
    opp_buf_char(out, '}');
    out->failed = out->failed || (require == NULL && ruling->require != 0);
    json_decref(require);
}
