/* SPDX-License-Identifier: MIT */
#include "admin/apps.h"

#include "core/call.h"
#include "core/guard.h"
#include "core/page.h"
#include "core/shape.h"
#include "store/tx.h"

#include <string.h>

struct listing {
    struct opp_page page;
    struct opp_app *app;
    json_t *shown;
};

static struct listing *of(struct opp_call *call)
{
    return call->state;
}

static void dispose(void *state)
{
    struct listing *listing = state;

    opp_page_clear(&listing->page);
    opp_record_free(&OPP_APP, listing->app);
    json_decref(listing->shown);
}

static enum opp_code add_key(void *arg, void *record, struct opp_err *err)
{
    int failed = json_array_append_new(arg, opp_shape_key(record));

    opp_record_free(&OPP_KEY, record);
    return failed ? opp_fail(err, OPP_E_MEMORY, "no memory for a list") : OPP_OK;
}

/* App + keys: [Key]. */
static json_t *shape_app(void *record, struct opp_tx *tx)
{
    const struct opp_app *app = record;
    struct opp_query query = { .record = &OPP_KEY, .order = "id" };
    json_t *shown = opp_shape_app(app), *keys = json_array();

    opp_query_text(&query, "app_id", OPP_EQUAL, app->id);
    if (opp_tx_each(tx, &query, add_key, keys, NULL) != OPP_OK || json_object_set(shown, "keys", keys) != 0) {
        json_decref(shown);
        shown = NULL;
    }
    json_decref(keys);
    return shown;
}

static enum opp_code find_apps(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_APP };

    opp_query_number(&query, "deleted_at", OPP_EQUAL, 0);
    opp_query_list(&query, "org_id", call->admin->org_ids);
    return opp_page_read(&of(call)->page, call, tx, &query, shape_app, err);
}

static enum opp_step read_query(struct opp_call *call)
{
    return opp_call_check_query(call, OPP_SCHEMA_LIST);
}

static enum opp_step list(struct opp_call *call)
{
    return opp_flow_read(call, find_apps);
}

static enum opp_step answer_list(struct opp_call *call)
{
    return opp_page_answer(&of(call)->page, call);
}

static const opp_step_fn LIST_STEPS[] = { read_query, list, answer_list, NULL };
const struct opp_flow OPP_FLOW_APP_LIST = { LIST_STEPS, sizeof(struct listing), dispose, NULL };

static enum opp_code find_app(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct listing *listing = of(call);
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_APP, "id", call->param(call, "id"), &found, err);

    if (rc != OPP_OK)
        return rc;
    listing->app = found;
    if (listing->app->deleted_at != 0 || !opp_guard_sees_org(call->admin, listing->app->org_id))
        return OPP_E_ABSENT;
    listing->shown = shape_app(listing->app, tx);
    return listing->shown != NULL ? OPP_OK : OPP_E_MEMORY;
}

static enum opp_step get(struct opp_call *call)
{
    return opp_flow_read(call, find_app);
}

static enum opp_step answer_app(struct opp_call *call)
{
    if (call->op.rc == OPP_E_ABSENT)
        return opp_call_refuse(call, OPP_E_NOT_FOUND, NULL, NULL);
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    return opp_call_answer(call, json_incref(of(call)->shown));
}

static const opp_step_fn GET_STEPS[] = { get, answer_app, NULL };
const struct opp_flow OPP_FLOW_APP_GET = { GET_STEPS, sizeof(struct listing), dispose, NULL };
