/* SPDX-License-Identifier: MIT */
#include "command/token.h"

#include "base/json.h"
#include "command/command.h"
#include "command/config.h"
#include "command/data_dir.h"
#include "command/grant.h"
#include "command/offline.h"
#include "core/schemas.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "user", OPP_FLAG_TEXT, "USER", "user_id", "Who the token speaks for, as the audit trail will name them." },
    { "role", OPP_FLAG_LIST, "ROLE", "roles", "What they may do: viewer, reviewer, operator, owner." },
    { "name", OPP_FLAG_TEXT, "NAME", "name", "What lists call the token; \"cli\" if not given." },
    { "org", OPP_FLAG_LIST, "ORG", "org_ids", "The organisations that they see; all if not given." },
    { "data", OPP_FLAG_TEXT, "DIR", "data", "The gateway's data directory; \"var\" if nothing says otherwise." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for its data directory." },
};

const struct opp_command OPP_COMMAND_TOKEN_CREATE = {
    .name = "token create",
    .summary = "Make an admin token while the gateway is stopped; it is shown once.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .run = run,
};

struct making {
    struct opp_grant_person person;
    struct opp_grant grant;
};

static enum opp_code make(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct making *making = arg;

    return opp_grant_to_person(tx, &making->person, &making->grant, err);
}

/* Says the first issue with the name of its flag. */
static enum opp_code blame(const json_t *issues, struct opp_err *err)
{
    const json_t *issue = json_array_get(issues, 0);

    opp_fail_at(err, OPP_E_VALIDATION, opp_json_text(issue, "pointer"), "%s", opp_json_text(issue, "message"));
    opp_args_blame(&OPP_COMMAND_TOKEN_CREATE, err);
    return OPP_E_VALIDATION;
}

/* By the schema that the admin endpoint for tokens has. */
static enum opp_code check(const json_t *request, struct opp_err *err)
{
    struct opp_schemas *schemas = NULL;
    struct opp_err why = { 0 };
    json_t *issues = NULL;
    enum opp_code rc = opp_schemas_new(&schemas, err);

    if (rc == OPP_OK)
        rc = opp_schemas_check(schemas, OPP_SCHEMA_TOKEN_CREATE, request, &issues, &why);
    if (rc == OPP_E_VALIDATION && issues != NULL)
        rc = blame(issues, err);
    else if (rc != OPP_OK)
        opp_fail(err, rc, "%s", why.message);
    json_decref(issues);
    opp_schemas_free(schemas);
    return rc;
}

/* Gives what the endpoint would be sent. */
static enum opp_code read_request(const json_t *args, json_t **out, struct opp_err *err)
{
    json_t *request = json_deep_copy(args);
    enum opp_code rc;

    if (request == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a token");
    json_object_del(request, "data");
    json_object_del(request, "config");
    rc = json_object_get(request, "name") != NULL || json_object_set_new(request, "name", json_string("cli")) == 0
             ? check(request, err)
             : opp_fail(err, OPP_E_MEMORY, "no memory for a token");
    if (rc == OPP_OK)
        *out = request;
    else
        json_decref(request);
    return rc;
}

static enum opp_code store_token(const char *data_dir, const json_t *request, struct opp_grant *out,
                                 struct opp_err *err)
{
    struct making making = { .person = { .user_id = opp_json_text(request, "user_id"),
                                         .name = opp_json_text(request, "name"),
                                         .roles = json_object_get(request, "roles"),
                                         .org_ids = json_object_get(request, "org_ids"),
                                         .made_by = "cli" } };
    struct opp_offline_store offline;
    enum opp_code rc = opp_offline_store_open(data_dir, &offline, err);

    if (rc == OPP_OK) {
        making.person.now_ms = opp_clock_now_ms(offline.clock);
        rc = opp_store_now(offline.store, make, &making, err);
    }
    opp_offline_store_close(&offline);
    if (rc == OPP_OK)
        *out = making.grant;
    return rc;
}

static enum opp_code create(const char *data_dir, const json_t *request, struct opp_grant *out, struct opp_err *err)
{
    int lock = -1;
    enum opp_code rc = opp_data_dir_lock(data_dir, &lock, err);

    if (rc != OPP_OK)
        return rc;
    rc = store_token(data_dir, request, out, err);
    close(lock);
    return rc;
}

static int run(const json_t *args)
{
    struct opp_config config = { .workers = 0 };
    struct opp_grant grant;
    struct opp_err err = { 0 };
    json_t *request = NULL;
    enum opp_code rc = read_request(args, &request, &err);

    if (rc == OPP_OK)
        rc = opp_offline_data(&OPP_COMMAND_TOKEN_CREATE, args, &config, &err);
    if (rc == OPP_OK)
        rc = create(config.data_dir, request, &grant, &err);
    if (rc == OPP_OK)
        printf("%s\n", grant.token);
    json_decref(request);
    opp_config_clear(&config);
    return opp_command_printed(rc == OPP_OK ? OPP_EXIT_OK : opp_command_failed(&err));
}
