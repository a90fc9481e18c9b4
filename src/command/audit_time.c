/* SPDX-License-Identifier: MIT */
#include "command/audit_time.h"

#include "base/date.h"
#include "base/json.h"

#include <stdio.h>

enum opp_code opp_audit_time(const json_t *args, const char *flag, int64_t *out, struct opp_err *err)
{
    const char *text = opp_json_text(args, flag);
    char where[32];

    if (text == NULL || opp_date_parse(text, out, NULL) == OPP_OK || opp_date_parse_day(text, out, NULL) == OPP_OK)
        return OPP_OK;
    snprintf(where, sizeof where, "--%s", flag);
    return opp_fail_at(err, OPP_E_VALIDATION, where, "must be a time such as 2026-11-22T09:00:00Z or 2026-11-22");
}
