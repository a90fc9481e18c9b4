/* SPDX-License-Identifier: MIT */
#include "command/demo.h"

#include "base/file.h"
#include "base/reserve.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MADE_BY "demo"
#define MANIFEST_PATH "/api/agent/v1/manifest"
#define RELOAD_PATH "/api/agent-admin/v1/policies/reload"
#define HEADER_MAX 256

struct making {
    struct opp_demo demo;
    int64_t now_ms;
};

static enum opp_code is_new(struct opp_tx *tx, bool *out, struct opp_err *err)
{
    struct opp_query apps = { .record = &OPP_APP }, tokens = { .record = &OPP_ADMIN_TOKEN };
    int64_t app_count = 0, token_count = 0;
    enum opp_code rc = opp_tx_count(tx, &apps, &app_count, err);

    if (rc == OPP_OK)
        rc = opp_tx_count(tx, &tokens, &token_count, err);
    *out = app_count == 0 && token_count == 0;
    return rc;
}

static enum opp_code make_agent(struct opp_tx *tx, struct making *making, struct opp_err *err)
{
    struct opp_grant_app app = { .name = "Demo agent",
                                 .org_id = "org_demo",
                                 .service_user_id = "svc_org_demo",
                                 .made_by = MADE_BY,
                                 .now_ms = making->now_ms };
    json_t *scopes = json_pack("[s, s, s, s, s]", "ledger.read", "transaction.read", "transaction.write",
                               "transaction.delete", "transaction.export");
    enum opp_code rc;

    if (scopes == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the demo app");
    app.scopes = scopes;
    rc = opp_grant_to_app(tx, &app, &making->demo.agent, err);
    json_decref(scopes);
    return rc;
}

static enum opp_code make_owner(struct opp_tx *tx, struct making *making, struct opp_err *err)
{
    struct opp_grant_person owner = {
        .user_id = "owner", .name = "Demo owner", .made_by = MADE_BY, .now_ms = making->now_ms
    };
    json_t *roles = json_pack("[s, s, s, s]", "operator", "owner", "reviewer", "viewer");
    enum opp_code rc;

    if (roles == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the demo token");
    owner.roles = roles;
    rc = opp_grant_to_person(tx, &owner, &making->demo.owner, err);
    json_decref(roles);
    return rc;
}

static enum opp_code make(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct making *making = arg;
    enum opp_code rc = is_new(tx, &making->demo.made, err);

    if (rc != OPP_OK || !making->demo.made)
        return rc;
    rc = make_agent(tx, making, err);
    return rc == OPP_OK ? make_owner(tx, making, err) : rc;
}

enum opp_code opp_demo_make(struct opp_store *store, const struct opp_clock *clock, struct opp_demo *out,
                            struct opp_err *err)
{
    struct making making = { .now_ms = opp_clock_now_ms(clock) };
    enum opp_code rc = opp_store_now(store, make, &making, err);

    if (rc == OPP_OK)
        *out = making.demo;
    return rc;
}

enum opp_code opp_demo_save(const struct opp_demo *demo, const char *base_url, const char *path, struct opp_err *err)
{
    json_t *document =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "base_url", base_url, "agent_token", demo->agent.token, "admin_token",
                  demo->owner.token, "app_id", demo->agent.app_id, "key_id", demo->agent.id);
    char *text = document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
    enum opp_code rc = text != NULL ? opp_file_write(path, 0600, text, strlen(text), err)
                                    : opp_fail(err, OPP_E_MEMORY, "no memory for the credentials");

    opp_reserve_free(text);
    json_decref(document);
    return rc;
}

static void print_lines(const char *agent_auth, const char *admin_auth, const struct opp_demo_place *place)
{
    printf("  curl -H %s %s" MANIFEST_PATH "\n", agent_auth, place->base_url);
    printf("\nAfter a change below %s:\n  curl -X POST -H %s %s" RELOAD_PATH "\n", place->policies_dir, admin_auth,
           place->admin_url);
}

static void print_new(const struct opp_demo *demo, const struct opp_demo_place *place)
{
    char agent_auth[HEADER_MAX], admin_auth[HEADER_MAX];

    snprintf(agent_auth, sizeof agent_auth, "'Authorization: Bearer %s'", demo->agent.token);
    snprintf(admin_auth, sizeof admin_auth, "'Authorization: Bearer %s'", demo->owner.token);
    printf("\nShown this once:\n  admin token  %s\n  agent token  %s\n\nTry it:\n", demo->owner.token,
           demo->agent.token);
    print_lines(agent_auth, admin_auth, place);
}

void opp_demo_print(const struct opp_demo *demo, const struct opp_demo_place *place)
{
    if (demo->made) {
        print_new(demo, place);
        return;
    }
    printf("\nThe tokens were shown at the first start. With them in OPP_AGENT_TOKEN and OPP_ADMIN_TOKEN:\n");
    print_lines("\"Authorization: Bearer $OPP_AGENT_TOKEN\"", "\"Authorization: Bearer $OPP_ADMIN_TOKEN\"", place);
    printf("\nA new admin token, while the gateway is stopped:\n"
           "  oppd token create --user owner --role owner --data %s\n",
           place->data_dir);
}
