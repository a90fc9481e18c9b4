/* SPDX-License-Identifier: MIT
 *
 * command/process.h - the wiring: everything that lives as long as the gateway, opened in order and closed in reverse.
 * May include: all.
 */
#ifndef OPP_COMMAND_PROCESS_H
#define OPP_COMMAND_PROCESS_H

#include "base/error.h"
#include "command/config.h"
#include "command/demo.h"
#include "command/workers.h"
#include "core/gateway.h"

struct opp_control;

struct opp_process {
    const struct opp_config *config;
    struct opp_gateway gateway;
    int lock_fd;
    struct opp_listener listeners[OPP_LISTENERS_MAX];
    size_t listener_count;
    struct opp_workers *workers;
    struct opp_control *control;
    struct opp_demo demo;
    struct opp_meter *meter;                    /* the main thread's */
    size_t certificate_ends[OPP_LISTENERS_MAX]; /* cells */
    struct opp_sign_key *audit_key;
    struct opp_notary *notary;
    char base_url[OPP_URL_MAX], admin_url[OPP_URL_MAX]; /* admin_url: of the admin endpoints' own listener, or empty */
};

/* Opens all but starts no worker; what a crash left open is settled before the port is bound. config must outlive the
 * process. Whatever it gives, close it. Codes as what it opens; OPP_E_EXISTS: another oppd has the data directory. */
enum opp_code opp_process_open(struct opp_process *process, const struct opp_config *config, struct opp_err *err);

/* Commits what is queued. No request may be under way. */
void opp_process_close(struct opp_process *process);

/* measure.c: declares what is counted of the listeners and the process; a step of the opening, before the workers'. */
enum opp_code opp_process_measure(struct opp_process *process, struct opp_err *err);
/* Shows when the certificates end, which changes when they are read again. */
void opp_process_show_certificates(struct opp_process *process);

/* Waits until everything that was queued so far is on disk, and has the end of the audit trail signed. Once. */
enum opp_code opp_process_flush(struct opp_process *process, struct opp_err *err);

#endif
