/* SPDX-License-Identifier: MIT
 *
 * command/audit_time.h - a flag that says a time.
 * May include: base.
 */
#ifndef OPP_COMMAND_AUDIT_TIME_H
#define OPP_COMMAND_AUDIT_TIME_H

#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

/* Gives the flag's time, an RFC 3339 one or a day in UTC; leaves *out alone where it was not given. OPP_E_VALIDATION,
 * which names the flag. */
enum opp_code opp_audit_time(const json_t *args, const char *flag, int64_t *out, struct opp_err *err);

#endif
