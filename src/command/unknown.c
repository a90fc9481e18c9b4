/* SPDX-License-Identifier: MIT */
#include "command/unknown.h"

#include "base/log.h"
#include "command/command.h"

#include <unistd.h>

void opp_unknown_leave(const char *name, const char *message)
{
    struct opp_log *log = NULL;

    opp_log_new(STDERR_FILENO, OPP_LOG_JSON, OPP_LOG_ERROR, &log, NULL);
    opp_log_event(log, OPP_LOG_ERROR, "store.commit_unknown", "database", name, "message", message, NULL);
    _exit(OPP_EXIT_UNKNOWN);
}
