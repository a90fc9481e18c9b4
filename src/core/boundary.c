/* SPDX-License-Identifier: MIT */
#include "core/boundary.h"

#include "adapter/tool.h"
#include "base/date.h"
#include "base/json.h"
#include "base/rows.h"

#include <stdio.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool in_list(const json_t *list, const char *id)
{
    size_t index;
    json_t *item;

    json_array_foreach(list, index, item)
    {
        if (same(json_string_value(item), id))
            return true;
    }
    return false;
}

/* A workspace app acts inside its organisation, a personal one on what its user owns. */
static bool tenant_admits(const struct opp_app_entry *app, const char *org_id, const char *user_id)
{
    const json_t *orgs = json_object_get(app->policy.data, "allowed_org_ids");

    if (orgs != NULL && !in_list(orgs, org_id))
        return false;
    if (strcmp(app->record->scope, "workspace") == 0)
        return same(org_id, app->record->org_id);
    return same(user_id, app->record->user_id);
}

static bool id_allowed(const struct opp_app_entry *app, const char *kind, const char *id)
{
    char name[128];
    const json_t *ids;

    if (app->policy.data == NULL)
        return true;
    if (kind == NULL || snprintf(name, sizeof name, "allowed_%s_ids", kind) >= (int)sizeof name)
        return false;
    ids = json_object_get(app->policy.data, name);
    return ids == NULL || in_list(ids, id);
}

static bool parents_allowed(const struct opp_app_entry *app, const json_t *parents)
{
    size_t index;
    json_t *parent;

    if (parents != NULL && !json_is_array(parents))
        return json_is_object(parents) && json_object_size(parents) == 0; /* none, as Lua says it */
    json_array_foreach(parents, index, parent)
    {
        if (!id_allowed(app, opp_json_text(parent, "kind"), opp_json_text(parent, "id")))
            return false;
    }
    return true;
}

static bool admits_one(const struct opp_app_entry *app, const json_t *resource)
{
    return tenant_admits(app, opp_json_text(resource, "org_id"), opp_json_text(resource, "user_id")) &&
           id_allowed(app, opp_json_text(resource, "kind"), opp_json_text(resource, "id")) &&
           parents_allowed(app, json_object_get(resource, "parents"));
}

bool opp_boundary_admits(const struct opp_app_entry *app, const json_t *resources)
{
    size_t index;
    json_t *resource;

    if (!json_is_array(resources))
        return false;
    json_array_foreach(resources, index, resource)
    {
        if (!admits_one(app, resource))
            return false;
    }
    return true;
}

static int column_of(const struct opp_rows *rows, const char *name)
{
    return name != NULL ? opp_rows_find(rows, name) : -1;
}

/* The text in a column, or NULL. An id that is a number is nobody's list entry: ids are text on the wire. */
static const char *text_at(const struct opp_rows *rows, size_t row, int column)
{
    const struct opp_cell *cell = column >= 0 ? opp_rows_cell(rows, row, (size_t)column) : NULL;

    return cell != NULL && cell->type == OPP_CELL_TEXT ? opp_rows_text(rows, cell) : NULL;
}

static bool ids_allowed(const struct opp_app_entry *app, const char *kind, const struct opp_rows *rows, size_t first,
                        size_t count, int column)
{
    if (app->policy.data == NULL)
        return true;
    for (size_t row = first; row < first + count; row++)
        if (!id_allowed(app, kind, text_at(rows, row, column)))
            return false;
    return true;
}

bool opp_boundary_admits_rows(const struct opp_app_entry *app, const struct opp_tool *tool, const struct opp_rows *rows,
                              size_t first, size_t count)
{
    const struct opp_row_resource *shape = &tool->rows;
    int org = column_of(rows, shape->org_id), user = column_of(rows, shape->user_id);
    const char *kind;
    json_t *column;

    for (size_t row = first; row < first + count; row++)
        if (!tenant_admits(app, text_at(rows, row, org), text_at(rows, row, user)))
            return false;
    if (!ids_allowed(app, shape->kind, rows, first, count, column_of(rows, shape->id)))
        return false;
    json_object_foreach(shape->parents, kind, column)
    {
        if (!ids_allowed(app, kind, rows, first, count, column_of(rows, json_string_value(column))))
            return false;
    }
    return true;
}

/* {kind: [ids]} of the data policy. NULL: no memory. */
static json_t *allowed_ids(const struct opp_app_entry *app)
{
    json_t *allowed = json_object(), *ids;
    const char *name;
    char kind[128];
    size_t length;

    json_object_foreach(app->policy.data, name, ids)
    {
        length = strlen(name);
        if (!json_is_array(ids) || strcmp(name, "allowed_org_ids") == 0 || length <= sizeof "allowed__ids" - 1)
            continue;
        snprintf(kind, sizeof kind, "%.*s", (int)(length - (sizeof "allowed__ids" - 1)), name + sizeof "allowed_" - 1);
        if (json_object_set_new(allowed, kind, json_deep_copy(ids)) != 0) {
            json_decref(allowed);
            return NULL;
        }
    }
    return allowed;
}

json_t *opp_boundary_view(const struct opp_app_entry *app)
{
    bool workspace = strcmp(app->record->scope, "workspace") == 0;
    const json_t *orgs = json_object_get(app->policy.data, "allowed_org_ids");

    return json_pack("{s:s?, s:s?, s:o, s:o}", "org_id", workspace ? app->record->org_id : NULL, "user_id",
                     workspace ? NULL : app->record->user_id, "allowed", allowed_ids(app), "allowed_org_ids",
                     orgs != NULL ? json_deep_copy(orgs) : json_null());
}

static bool read_time(const char *text, bool is_end, int64_t *ms)
{
    if (opp_date_parse(text, ms, NULL) == OPP_OK)
        return true;
    if (opp_date_parse_day(text, ms, NULL) != OPP_OK)
        return false;
    *ms += is_end ? OPP_DAY_MS - 1 : 0;
    return true;
}

static enum opp_code set_time(json_t *payload, const char *field, int64_t ms)
{
    char text[OPP_DATE_MAX];

    opp_date_format(ms, text);
    return json_object_set_new(payload, field, json_string(text)) == 0 ? OPP_OK : OPP_E_MEMORY;
}

enum opp_code opp_boundary_range(int64_t max_days, const struct opp_tool *tool, json_t *payload, int64_t now_ms)
{
    int64_t span = max_days * OPP_DAY_MS, from, to;
    const char *from_text, *to_text;
    enum opp_code rc = OPP_OK;

    if (span == 0 || tool->range_from == NULL || tool->range_to == NULL)
        return OPP_OK;
    from_text = opp_json_text(payload, tool->range_from);
    to_text = opp_json_text(payload, tool->range_to);
    if ((from_text != NULL && !read_time(from_text, false, &from)) ||
        (to_text != NULL && !read_time(to_text, true, &to)))
        return OPP_OK;
    if (to_text == NULL) {
        to = from_text != NULL && from + span < now_ms ? from + span : now_ms;
        rc = set_time(payload, tool->range_to, to);
    }
    if (from_text == NULL && rc == OPP_OK) {
        from = to - span;
        rc = set_time(payload, tool->range_from, from);
    }
    if (rc == OPP_OK && to - from > span)
        rc = OPP_E_POLICY_DENIED;
    return rc;
}

int64_t opp_boundary_days(const struct opp_tool *tool, const json_t *payload)
{
    const char *from_text, *to_text;
    int64_t from, to;

    if (tool->range_from == NULL || tool->range_to == NULL)
        return 0;
    from_text = opp_json_text(payload, tool->range_from);
    to_text = opp_json_text(payload, tool->range_to);
    if (from_text == NULL || to_text == NULL || !read_time(from_text, false, &from) || !read_time(to_text, true, &to))
        return 0;
    return to > from ? (to - from + OPP_DAY_MS - 1) / OPP_DAY_MS : 0;
}
