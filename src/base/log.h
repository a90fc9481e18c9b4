/* SPDX-License-Identifier: MIT
 *
 * base/log.h - one line an event on a descriptor: JSON for machines, text for people. Never a token or a body.
 * May include: base.
 */
#ifndef OPP_BASE_LOG_H
#define OPP_BASE_LOG_H

#include "base/error.h"

enum opp_log_level {
    OPP_LOG_DEBUG,
    OPP_LOG_INFO,
    OPP_LOG_WARN,
    OPP_LOG_ERROR
};
enum opp_log_format {
    OPP_LOG_JSON,
    OPP_LOG_TEXT
};

struct opp_log;

/* Gives a log that writes whole lines to fd (not closed). From any thread; a line longer than 4 KiB is cut. */
enum opp_code opp_log_new(int fd, enum opp_log_format format, enum opp_log_level least, struct opp_log **out,
                          struct opp_err *err);
void opp_log_free(struct opp_log *log);

/* event is a short constant such as "request.done"; then pairs of const char * name, const char * value (a NULL value
 * leaves the pair out), ended by a NULL name: opp_log_event(log, OPP_LOG_INFO, "listening", "address", addr, NULL).
 * log may be NULL. */
void opp_log_event(struct opp_log *log, enum opp_log_level level, const char *event, ...) __attribute__((sentinel));

#endif
