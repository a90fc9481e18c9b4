/* SPDX-License-Identifier: MIT
 *
 * command/control.h - how a command asks the gateway that runs on its data directory: one line of JSON each way over a
 * socket in it, which only the directory's owner and root may use.
 * May include: base.
 */
#ifndef OPP_COMMAND_CONTROL_H
#define OPP_COMMAND_CONTROL_H

#include "base/error.h"
#include "base/log.h"

#include <jansson.h>
#include <stdatomic.h>

struct opp_control;

/* Does what a command asks for and gives the answer's data. On a thread of its own, one at a time; *stopping becomes
 * true when the gateway is about to end. */
typedef enum opp_code (*opp_control_fn)(void *arg, const json_t *request, const atomic_bool *stopping, json_t **answer,
                                        struct opp_err *err);

/* Listens in a data directory whose lock the caller holds. Where there can be no socket the log says so, *out is NULL
 * and commands find no gateway. OPP_E_MEMORY. */
enum opp_code opp_control_start(const char *data_dir, struct opp_log *log, opp_control_fn fn, void *arg,
                                struct opp_control **out, struct opp_err *err);

/* Waits for what is being done. NULL allowed. */
void opp_control_stop(struct opp_control *control);

/* Gives a path as the gateway, which has a working directory of its own, is to be told it: size bytes. OPP_E_IO. */
enum opp_code opp_control_path(const char *path, char *out, size_t size, struct opp_err *err);

/* Asks and gives the answer's data. OPP_E_ABSENT: no gateway answers there. OPP_E_IO; what the gateway refuses comes
 * with its own message as OPP_E_UNAVAILABLE. */
enum opp_code opp_control_ask(const char *data_dir, const json_t *request, json_t **answer, struct opp_err *err);

#endif
