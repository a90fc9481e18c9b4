/* SPDX-License-Identifier: MIT
 *
 * command/archive_serve.h - the running gateway's side of oppd audit archive.
 * May include: command, core, audit, store, base.
 */
#ifndef OPP_COMMAND_ARCHIVE_SERVE_H
#define OPP_COMMAND_ARCHIVE_SERVE_H

#include "base/error.h"

#include <jansson.h>
#include <stdatomic.h>

/* An opp_control_fn whose arg is the struct opp_process: takes {command: "archive", path, before}, an absolute path and
 * milliseconds, and gives {from, to, hash} of the rows that are in the file now, to 0: none. OPP_E_VALIDATION: another
 * request. Codes as opp_audit_archive. */
enum opp_code opp_archive_serve(void *arg, const json_t *request, const atomic_bool *stopping, json_t **answer,
                                struct opp_err *err);

#endif
