/* SPDX-License-Identifier: MIT
 *
 * command/backup_serve.h - the running gateway's side of oppd backup.
 * May include: command, adapter, core, audit, store, base.
 */
#ifndef OPP_COMMAND_BACKUP_SERVE_H
#define OPP_COMMAND_BACKUP_SERVE_H

#include "base/error.h"

#include <jansson.h>
#include <stdatomic.h>

/* An opp_control_fn whose arg is the struct opp_process: takes {command: "backup", path}, an absolute path, and gives
 * the manifest's {created_at} and {files, bytes}. The trail has a row of it before the first page is copied, and
 * another if it fails. OPP_E_VALIDATION: another request. Codes as opp_backup_make. */
enum opp_code opp_backup_serve(void *arg, const json_t *request, const atomic_bool *stopping, json_t **answer,
                               struct opp_err *err);

/* Gives {created_at, files, bytes} of a manifest; NULL: no memory. */
json_t *opp_backup_summary(const json_t *manifest);

#endif
