/* SPDX-License-Identifier: MIT */
#include "adapter/internal.h"
#include "adapter/upstream.h"
#include "base/issue.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum opp_code opp_adapter_take_upstreams(struct opp_adapter *adapter, json_t *declared, struct opp_err *err)
{
    const char *name;
    json_t *upstream;

    adapter->declared_upstreams = json_incref(declared);
    adapter->upstreams = calloc(json_object_size(declared) + 1, sizeof *adapter->upstreams);
    if (adapter->upstreams == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an adapter's upstreams");
    json_object_foreach(declared, name, upstream)
    {
        const char *etag = opp_json_text(upstream, "etag");

        adapter->upstreams[adapter->upstream_count++] =
            (struct opp_adapter_upstream){ .name = name, .strong = etag != NULL && strcmp(etag, "strong") == 0 };
    }
    return OPP_OK;
}

const struct opp_adapter_upstream *opp_adapter_upstream_find(const struct opp_adapter *adapter, const char *name)
{
    for (size_t i = 0; name != NULL && i < adapter->upstream_count; i++)
        if (strcmp(adapter->upstreams[i].name, name) == 0)
            return &adapter->upstreams[i];
    return NULL;
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Lends where a word stands in a text that ends with a NUL; NULL: nowhere. */
static const char *find_word(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
        if ((at == text || !is_word(at[-1])) && !is_word(at[length]))
            return at;
    return NULL;
}

/* The line of init.lua that names it, as well as can be said of a table that Lua has made. */
static int line_of(const struct opp_adapter *adapter, const char *name)
{
    const struct opp_source *init = opp_sources_find(adapter->files, "init.lua");
    const char *from = init != NULL ? find_word(init->bytes, "upstreams") : NULL, *at;
    int line = 1;

    if (from == NULL)
        return line;
    at = find_word(from, name);
    for (const char *c = init->bytes; c < (at != NULL ? at : from); c++)
        line += *c == '\n';
    return line;
}

static enum opp_code blame(const struct opp_adapter *adapter, const char *name, json_t *issues, struct opp_err *err)
{
    char where[sizeof err->where];
    struct opp_err why = { 0 };

    snprintf(where, sizeof where, "%.100s/init.lua:%d", adapter->name, line_of(adapter, name));
    opp_fail_at(&why, OPP_E_CONFIG, where, "the upstream '%s' is not in the configuration's upstreams", name);
    if (issues != NULL)
        json_array_append_new(issues, opp_issue_of(&why));
    return opp_fail_at(err, why.code, why.where, "%s", why.message);
}

static enum opp_code bind(struct opp_adapter *adapter, const struct opp_upstreams *upstreams, json_t *issues,
                          struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; i < adapter->upstream_count; i++) {
        struct opp_adapter_upstream *upstream = &adapter->upstreams[i];

        upstream->upstream = opp_upstreams_find(upstreams, upstream->name);
        if (upstream->upstream == NULL)
            rc = blame(adapter, upstream->name, issues, err);
    }
    return rc;
}

enum opp_code opp_adapters_bind(struct opp_adapters *adapters, const struct opp_upstreams *upstreams, json_t *issues,
                                struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; i < adapters->count; i++) {
        enum opp_code bound = bind(&adapters->list[i], upstreams, issues, err);

        rc = rc == OPP_OK ? bound : rc;
    }
    return rc;
}
