/* SPDX-License-Identifier: MIT */
#include "http/router_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const METHODS[] = {
    [OPP_METHOD_GET] = "GET",         [OPP_METHOD_POST] = "POST",     [OPP_METHOD_PUT] = "PUT",
    [OPP_METHOD_PATCH] = "PATCH",     [OPP_METHOD_DELETE] = "DELETE", [OPP_METHOD_HEAD] = "HEAD",
    [OPP_METHOD_OPTIONS] = "OPTIONS", [OPP_METHOD_UNKNOWN] = "",
};

const char *opp_method_name(enum opp_method method)
{
    return METHODS[method];
}

static int compare(const struct node *node, const char *segment, size_t length)
{
    size_t shorter = node->length < length ? node->length : length;
    int order = memcmp(node->segment, segment, shorter);

    if (order != 0)
        return order;
    return node->length < length ? -1 : node->length > length;
}

/* The place of the first child that is not below the segment. */
static size_t place_of(const struct node *node, const char *segment, size_t length)
{
    size_t low = 0, high = node->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(node->children[middle], segment, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct node *child_of(const struct node *node, const char *segment, size_t length)
{
    size_t place = place_of(node, segment, length);

    if (place >= node->count || compare(node->children[place], segment, length) != 0)
        return NULL;
    return node->children[place];
}

/* at is at a slash or at the end. A node is passed once at most, because only one way leads to it. */
static const struct node *find(const struct node *node, const char *at, struct opp_match *match)
{
    const struct node *child, *found = NULL;
    const char *segment = at + 1;
    size_t length;

    if (*at == '\0')
        return node->allow[0] != '\0' ? node : NULL;
    length = strcspn(segment, "/");
    child = child_of(node, segment, length);
    if (child != NULL)
        found = find(child, segment + length, match);
    if (found != NULL || node->param == NULL || length == 0)
        return found;
    match->params[match->count++] = (struct opp_span){ segment, length };
    found = find(node->param, segment + length, match);
    if (found == NULL)
        match->count--;
    return found;
}

static void match_open(const struct opp_router *router, enum opp_method method, const char *path, void *worker,
                       struct opp_match *match)
{
    const struct opp_route *open = &router->open.route;

    if (open->handle == NULL || strncmp(path, open->path, strlen(open->path)) != 0 || !router->known(worker, path))
        return;
    match->allow = "GET, HEAD";
    if (method == OPP_METHOD_GET || method == OPP_METHOD_HEAD)
        match->route = open;
}

void opp_router_match(const struct opp_router *router, enum opp_method method, const char *path, void *worker,
                      struct opp_match *match)
{
    const struct node *node;

    match->count = 0;
    match->route = NULL;
    match->allow = NULL;
    node = find(&router->root, path, match);
    if (node == NULL) {
        match_open(router, method, path, worker, match);
        return;
    }
    match->allow = node->allow;
    if (method == OPP_METHOD_HEAD)
        method = OPP_METHOD_GET;
    if (method < OPP_METHOD_HEAD && node->routes[method].route.handle != NULL)
        match->route = &node->routes[method].route;
}

int opp_route_param(const struct opp_route *route, const char *name)
{
    size_t length = strlen(name);
    int number = 0;

    for (const char *at = strchr(route->path, '{'); at != NULL; at = strchr(at + 1, '{')) {
        if (strncmp(at + 1, name, length) == 0 && at[1 + length] == '}')
            return number;
        number++;
    }
    return -1;
}

static void release(struct node *node)
{
    if (node == NULL)
        return;
    for (size_t i = 0; i < node->count; i++) {
        release(node->children[i]);
        free(node->children[i]);
    }
    free(node->children);
    release(node->param);
    free(node->param);
}

enum opp_code opp_router_new(struct opp_router **out, struct opp_err *err)
{
    struct opp_router *router = calloc(1, sizeof *router);

    if (router == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a router");
    *out = router;
    return OPP_OK;
}

void opp_router_free(struct opp_router *router)
{
    if (router == NULL)
        return;
    release(&router->root);
    free(router);
}

static enum opp_method method_of(const char *name)
{
    enum opp_method method = OPP_METHOD_GET;

    while (method < OPP_METHOD_HEAD && strcmp(METHODS[method], name) != 0)
        method++;
    return method;
}

static bool is_param(const char *segment, size_t length)
{
    return length > 2 && segment[0] == '{' && segment[length - 1] == '}' &&
           memchr(segment + 1, '{', length - 1) == NULL && memchr(segment, '}', length - 1) == NULL;
}

/* Whether the path is one that a request can have; its parameters are whole segments. */
static bool is_pattern(const char *path)
{
    size_t params = 0;

    if (path[0] != '/')
        return false;
    for (const char *at = path; *at != '\0';) {
        const char *segment = at + 1;
        size_t length = strcspn(segment, "/");

        if (is_param(segment, length))
            params++;
        else if (strcspn(segment, "/{}%?#\"\\ ") != length || (length == 0 && segment[0] == '/'))
            return false;
        at = segment + length;
    }
    return params <= OPP_ROUTE_PARAMS_MAX;
}

static struct node *add_literal(struct node *node, const char *segment, size_t length)
{
    size_t place = place_of(node, segment, length);
    struct node **grown = realloc(node->children, (node->count + 1) * sizeof(struct node *));
    struct node *child;

    if (grown == NULL)
        return NULL;
    node->children = grown;
    child = calloc(1, sizeof *child);
    if (child == NULL)
        return NULL;
    child->segment = segment;
    child->length = length;
    memmove(grown + place + 1, grown + place, (node->count - place) * sizeof(struct node *));
    grown[place] = child;
    node->count++;
    return child;
}

static struct node *enter(struct node *node, const char *segment, size_t length)
{
    struct node *child;

    if (is_param(segment, length)) {
        if (node->param == NULL)
            node->param = calloc(1, sizeof *node->param);
        return node->param;
    }
    child = child_of(node, segment, length);
    return child != NULL ? child : add_literal(node, segment, length);
}

/* The node where path ends, made with all before it; NULL when memory is out. */
static struct node *node_at(struct opp_router *router, const char *path)
{
    struct node *node = &router->root;

    while (*path != '\0' && node != NULL) {
        const char *segment = path + 1;
        size_t length = strcspn(segment, "/");

        node = enter(node, segment, length);
        path = segment + length;
    }
    return node;
}

/* Whether another route ends here whose path has other names for its parameters. */
static bool named_otherwise(const struct node *node, const char *path)
{
    for (size_t i = 0; i < OPP_METHOD_HEAD; i++)
        if (node->routes[i].route.handle != NULL && strcmp(node->routes[i].route.path, path) != 0)
            return true;
    return false;
}

static void write_allow(struct node *node)
{
    const struct counted_route *routes = node->routes;
    char *at = node->allow;

    for (enum opp_method method = OPP_METHOD_GET; method < OPP_METHOD_HEAD; method++) {
        if (routes[method].route.handle == NULL)
            continue;
        if (at != node->allow)
            at = stpcpy(at, ", ");
        at = stpcpy(at, method == OPP_METHOD_GET ? "GET, HEAD" : METHODS[method]);
    }
}

enum opp_code opp_router_add(struct opp_router *router, const struct opp_route *route, struct opp_err *err)
{
    enum opp_method method = method_of(route->method);
    struct node *node;

    if (method == OPP_METHOD_HEAD || route->handle == NULL || !is_pattern(route->path))
        return opp_fail(err, OPP_E_VALIDATION, "no route can be %s %s", route->method, route->path);
    node = node_at(router, route->path);
    if (node == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the route %s", route->path);
    if (node->routes[method].route.handle != NULL || named_otherwise(node, route->path))
        return opp_fail(err, OPP_E_EXISTS, "a route like %s %s exists", route->method, route->path);
    node->routes[method].route = *route;
    write_allow(node);
    return OPP_OK;
}

enum opp_code opp_router_open(struct opp_router *router, const struct opp_route *route,
                              bool (*known)(void *worker, const char *path), struct opp_err *err)
{
    if (router->open.route.handle != NULL)
        return opp_fail(err, OPP_E_EXISTS, "there is an open route already");
    router->open.route = *route;
    router->known = known;
    return OPP_OK;
}
