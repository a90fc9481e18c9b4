/* SPDX-License-Identifier: MIT */
#include "http/envelope.h"

#include "base/jcs.h"

#include <string.h>

void opp_envelope_success(struct opp_buf *out, const json_t *data)
{
    opp_buf_text(out, OPP_ENVELOPE_BEFORE);
    opp_jcs_write(out, data);
    opp_buf_text(out, OPP_ENVELOPE_AFTER);
}

static void write_details(struct opp_buf *out, const char *recovery, json_t *details)
{
    if (details == NULL) {
        opp_buf_text(out, "{\"recovery\":\"");
        opp_buf_text(out, recovery);
        opp_buf_text(out, "\"}");
        return;
    }
    if (json_object_get(details, "recovery") == NULL &&
        json_object_set_new(details, "recovery", json_string(recovery)) != 0)
        out->failed = true;
    opp_jcs_write(out, details);
}

void opp_envelope_refusal(struct opp_buf *out, enum opp_code code, const char *message, json_t *details)
{
    if (message == NULL)
        message = opp_code_message(code);
    opp_buf_text(out, "{\"code\":\"");
    opp_buf_text(out, opp_code_name(code));
    opp_buf_text(out, "\",\"details\":");
    write_details(out, opp_code_recovery(code), details);
    opp_buf_text(out, ",\"message\":");
    opp_jcs_string(out, message, strlen(message));
    opp_buf_text(out, ",\"ok\":false}");
}
