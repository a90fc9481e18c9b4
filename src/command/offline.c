/* SPDX-License-Identifier: MIT */
#include "command/offline.h"

#include "adapter/databases.h"
#include "adapter/upstream.h"
#include "base/clock.h"
#include "base/json.h"
#include "command/unknown.h"
#include "store/store.h"

#include <stdlib.h>

#define QUEUE_MAX_BYTES ((size_t)1024 * 1024)

enum opp_code opp_offline_config(const struct opp_command *command, const json_t *args, struct opp_config *out,
                                 struct opp_err *err)
{
    json_t *flags = json_copy((json_t *)(uintptr_t)args);
    enum opp_code rc;

    if (flags == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the configuration");
    json_object_del(flags, "config");
    json_object_del(flags, "operand");
    rc = opp_config_load(opp_json_text(args, "config"), flags, out, err);
    json_decref(flags);
    if (rc != OPP_OK)
        opp_args_blame(command, err);
    return rc;
}

enum opp_code opp_offline_data(const struct opp_command *command, const json_t *args, struct opp_config *out,
                               struct opp_err *err)
{
    json_t *data = json_object_get(args, "data");
    json_t *flags = data != NULL ? json_pack("{s:O}", "data", data) : json_object();
    enum opp_code rc = flags != NULL ? opp_config_load(opp_json_text(args, "config"), flags, out, err)
                                     : opp_fail(err, OPP_E_MEMORY, "no memory for the configuration");

    json_decref(flags);
    if (rc != OPP_OK)
        opp_args_blame(command, err);
    return rc;
}

enum opp_code opp_offline_store_open(const char *data_dir, struct opp_offline_store *out, struct opp_err *err)
{
    struct opp_store_settings settings = { .dir = data_dir,
                                           .queue_max_bytes = QUEUE_MAX_BYTES,
                                           .lazy_max_bytes = QUEUE_MAX_BYTES,
                                           .on_unknown = opp_unknown_leave };
    enum opp_code rc;

    *out = (struct opp_offline_store){ .store = NULL };
    rc = opp_clock_new(&out->clock, err);
    settings.clock = out->clock;
    return rc == OPP_OK ? opp_store_open(&settings, &out->store, &out->fresh, err) : rc;
}

void opp_offline_store_close(struct opp_offline_store *offline)
{
    opp_store_close(offline->store);
    opp_clock_free(offline->clock);
}

enum opp_code opp_offline_databases(struct opp_databases **out, struct opp_err *err)
{
    struct opp_databases_settings settings = { .demo = true, .on_unknown = opp_unknown_leave };

    return opp_databases_new(&settings, out, err);
}

enum opp_code opp_offline_upstreams(const struct opp_config *config, struct opp_upstreams **out, struct opp_err *err)
{
    struct opp_upstream_settings *settings;
    enum opp_code rc;

    if (config->upstream_count == 0)
        return OPP_OK;
    settings = calloc(config->upstream_count, sizeof *settings);
    if (settings == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the upstreams");
    for (size_t i = 0; i < config->upstream_count; i++) {
        settings[i] = config->upstreams[i];
        settings[i].ca_file = settings[i].client_certificate = settings[i].client_key = NULL;
        settings[i].credential_header = settings[i].credential_file = settings[i].credential_env = NULL;
    }
    rc = opp_upstreams_new(settings, config->upstream_count, NULL, out, err);
    free(settings);
    return rc;
}
