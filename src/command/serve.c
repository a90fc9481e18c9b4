/* SPDX-License-Identifier: MIT */
#include "command/serve.h"

#include "adapter/upstream.h"
#include "base/date.h"
#include "base/json.h"
#include "command/command.h"
#include "command/config.h"
#include "command/process.h"
#include "core/hub.h"
#include "core/policy_change.h"
#include "http/tls.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_MAX_MS 10000

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "config", OPP_FLAG_TEXT, "FILE", "config", "Read oppd.yaml from here; flags count more than what it says." },
    { "listen", OPP_FLAG_TEXT, "HOST:PORT", "listen", "Where agents and people reach the gateway; 127.0.0.1:8080." },
    { "admin-listen", OPP_FLAG_TEXT, "HOST:PORT", "admin_listen", "Serve the admin endpoints here, and only here." },
    { "tls-certificate", OPP_FLAG_TEXT, "FILE", "tls.certificate",
      "Speak TLS with this certificate and its chain, PEM." },
    { "tls-key", OPP_FLAG_TEXT, "FILE", "tls.key", "The certificate's key, PEM." },
    { "insecure", OPP_FLAG_SWITCH, NULL, "insecure",
      "Listen without TLS where other machines can reach it, such as behind a proxy that ends TLS." },
    { "data", OPP_FLAG_TEXT, "DIR", "data", "The data directory, made if it is not there; var." },
    { "policies", OPP_FLAG_TEXT, "DIR", "policies", "The directory of policy profiles; policies." },
    { "profile", OPP_FLAG_TEXT, "NAME", "profile", "The policy profile; default." },
    { "adapters", OPP_FLAG_TEXT, "DIR", "adapters", "The directory of adapters; adapters." },
    { "workers", OPP_FLAG_INTEGER, "N", "workers", "Threads that answer requests; one for each core, at most 8." },
    { "rate-limit", OPP_FLAG_INTEGER, "N_PER_MINUTE", "limits.rate_per_minute",
      "Requests a minute for each key and address; 240." },
    { "demo", OPP_FLAG_SWITCH, NULL, "demo",
      "Put a demo app, tokens and demo data into a data directory that is new." },
    { "credentials", OPP_FLAG_TEXT, "FILE", "credentials", "Write the demo's tokens here too, as JSON, mode 0600." },
    { "log", OPP_FLAG_TEXT, "json|text", "log.format", "How events are written to the standard error stream; json." },
};

const struct opp_command OPP_COMMAND_SERVE = {
    .name = "serve",
    .summary = "Run the gateway until SIGTERM or SIGINT.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .run = run,
};

/* Signals come to the main thread only, when it asks for them. */
static void hold_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* As POST policies/reload: all or nothing, and the log says which. */
static void reload_policies(struct opp_process *process)
{
    struct opp_err err = { 0 };
    enum opp_code rc = opp_policies_change_now(&process->gateway, OPP_POLICY_RELOAD, "signal", &err);

    if (rc == OPP_OK)
        opp_log_event(process->gateway.log, OPP_LOG_INFO, "policy.reloaded", NULL);
    else
        opp_log_event(process->gateway.log, OPP_LOG_ERROR, "policy.reload_failed", "message", err.message, "where",
                      err.where[0] != '\0' ? err.where : NULL, NULL);
}

/* It is served all the same: it may be the clock that is wrong, and who trusts it nevertheless goes on. */
static void warn_of_expired(const struct opp_process *process)
{
    const struct opp_config *config = process->config;

    for (size_t i = 0; i < process->listener_count; i++) {
        const char *address = i == 0 ? process->base_url : process->admin_url;
        char ended[OPP_DATE_MAX];
        int64_t ends_s;

        if (process->listeners[i].tls == NULL)
            continue;
        ends_s = opp_tls_ends_s(process->listeners[i].tls);
        opp_date_format(ends_s * 1000, ended);
        if (ends_s <= time(NULL))
            opp_log_event(process->gateway.log, OPP_LOG_WARN, "tls.expired", "address", address, "ended", ended,
                          "where", i == 0 ? config->tls.certificate : config->admin_tls.certificate, NULL);
    }
}

/* Each listener goes on with the certificate that it has when the new one cannot be used. */
static void reload_tls(struct opp_process *process)
{
    for (size_t i = 0; i < process->listener_count; i++) {
        const char *address = i == 0 ? process->base_url : process->admin_url;
        struct opp_err err = { 0 };

        if (process->listeners[i].tls == NULL)
            continue;
        if (opp_tls_reload(process->listeners[i].tls, &err) == OPP_OK)
            opp_log_event(process->gateway.log, OPP_LOG_INFO, "tls.reloaded", "address", address, NULL);
        else
            opp_log_event(process->gateway.log, OPP_LOG_ERROR, "tls.reload_failed", "address", address, "message",
                          err.message, "where", err.where, NULL);
    }
    opp_process_show_certificates(process);
    warn_of_expired(process);
}

/* All of them go on with what they have when one file cannot be used. */
static void reload_upstreams(struct opp_process *process)
{
    struct opp_err err = { 0 };

    if (process->gateway.upstreams == NULL)
        return;
    if (opp_upstreams_reload(process->gateway.upstreams, &err) == OPP_OK)
        opp_log_event(process->gateway.log, OPP_LOG_INFO, "upstreams.reloaded", NULL);
    else
        opp_log_event(process->gateway.log, OPP_LOG_ERROR, "upstreams.reload_failed", "message", err.message, "where",
                      err.where, NULL);
}

static void wait_for_end(struct opp_process *process, const sigset_t *signals)
{
    struct opp_log *log = process->gateway.log;
    int number = 0;

    do {
        if (number == SIGHUP) {
            reload_policies(process);
            reload_tls(process);
            reload_upstreams(process);
        }
        sigwait(signals, &number);
    } while (number == SIGHUP);
    opp_log_event(log, OPP_LOG_INFO, "stopping", "signal", number == SIGINT ? "SIGINT" : "SIGTERM", NULL);
}

static void greet(const struct opp_process *process)
{
    const char *admin = process->admin_url[0] != '\0' ? process->admin_url : NULL;
    struct opp_demo_place place = { .base_url = process->base_url,
                                    .admin_url = admin != NULL ? admin : process->base_url,
                                    .policies_dir = process->config->policies_dir,
                                    .data_dir = process->config->data_dir };

    opp_log_event(process->gateway.log, OPP_LOG_INFO, "listening", "version", OPP_VERSION, "address", process->base_url,
                  "admin_address", admin, "profile", process->config->profile, NULL);
    printf("oppd " OPP_VERSION " listens on %s\n", process->base_url);
    if (admin != NULL)
        printf("The admin endpoints are on %s\n", admin);
    if (process->config->demo)
        opp_demo_print(&process->demo, &place);
    fflush(stdout);
}

static enum opp_code start(struct opp_process *process, struct opp_err *err)
{
    const char *credentials = process->config->credentials;
    enum opp_code rc = OPP_OK;

    /* Who follows the greeting, or sees that the gateway is ready, finds the file. If it cannot be written, the
     * greeting alone has the tokens. */
    if (process->demo.made && credentials != NULL)
        rc = opp_demo_save(&process->demo, process->base_url, credentials, err);
    /* The port is bound, so who follows the greeting at once is only kept waiting a moment. */
    greet(process);
    warn_of_expired(process);
    return rc == OPP_OK ? opp_workers_start(process->workers, err) : rc;
}

/* What is still under way when time is up is left as a crash would leave it, which the next start knows how to settle:
 * to free anything under its feet would be worse. */
static void drain(struct opp_process *process)
{
    struct opp_err err = { 0 };
    bool drained;

    opp_hub_close(process->gateway.hub);
    drained = opp_workers_drain(process->workers, DRAIN_MAX_MS);
    if (opp_process_flush(process, &err) != OPP_OK)
        opp_log_event(process->gateway.log, OPP_LOG_ERROR, "flush.failed", "message", err.message, NULL);
    if (drained)
        return;
    opp_log_event(process->gateway.log, OPP_LOG_WARN, "stopped", "message", "requests were still under way", NULL);
    _exit(opp_workers_failed(process->workers) ? OPP_EXIT_FAILED : OPP_EXIT_OK);
}

/* Where the log is read by machines, this is a line of it. */
static int say_failed(const struct opp_process *process, const struct opp_err *err)
{
    struct opp_log *log = process->gateway.log;

    if (log == NULL || process->config->log_format == OPP_LOG_TEXT)
        return opp_command_failed(err);
    opp_log_event(log, OPP_LOG_ERROR, "failed", "message", err->message, "where",
                  err->where[0] != '\0' ? err->where : NULL, NULL);
    return opp_command_exit(err);
}

static int serve(const struct opp_config *config)
{
    struct opp_process process;
    struct opp_err err = { 0 };
    sigset_t signals;
    int code;

    hold_signals(&signals);
    if (opp_process_open(&process, config, &err) != OPP_OK) {
        code = say_failed(&process, &err);
        opp_process_close(&process);
        return code;
    }
    code = start(&process, &err) == OPP_OK ? OPP_EXIT_OK : say_failed(&process, &err);
    if (code == OPP_EXIT_OK)
        wait_for_end(&process, &signals);
    drain(&process);
    if (code == OPP_EXIT_OK && opp_workers_failed(process.workers))
        code = OPP_EXIT_FAILED;
    if (code == OPP_EXIT_OK)
        opp_log_event(process.gateway.log, OPP_LOG_INFO, "stopped", NULL);
    opp_process_close(&process);
    return code;
}

static int run(const json_t *args)
{
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };
    json_t *flags = json_deep_copy(args);
    int code;

    if (flags == NULL)
        return OPP_EXIT_FAILED;
    json_object_del(flags, "config");
    if (opp_config_load(opp_json_text(args, "config"), flags, &config, &err) == OPP_OK) {
        code = serve(&config);
    } else {
        opp_args_blame(&OPP_COMMAND_SERVE, &err);
        code = opp_command_failed(&err);
    }
    json_decref(flags);
    opp_config_clear(&config);
    return code;
}
