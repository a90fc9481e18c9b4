/* SPDX-License-Identifier: MIT */
#include "http/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void handle(struct opp_request *request)
{
    (void)request;
}

static enum opp_code add(struct opp_router *router, const char *method, const char *path)
{
    struct opp_route route = { .method = method, .path = path, .handle = handle, .arg = path };

    return opp_router_add(router, &route, NULL);
}

static int make(void **state)
{
    static const char *const routes[][2] = {
        { "GET", "/" },
        { "GET", "/drafts" },
        { "GET", "/drafts/{id}" },
        { "POST", "/drafts/{id}" },
        { "POST", "/drafts/{id}/cancel" },
        { "GET", "/drafts/export" },
        { "GET", "/console/" },
        { "GET", "/apps/{app}/keys/{key}" },
        { "DELETE", "/apps/{app}/keys/{key}" },
        { "PATCH", "/apps/{app}" },
        { "PUT", "/zebra" },
    };
    struct opp_router *router = NULL;

    assert_int_equal(opp_router_new(&router, NULL), OPP_OK);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        assert_int_equal(add(router, routes[i][0], routes[i][1]), OPP_OK);
    *state = router;
    return 0;
}

static int release(void **state)
{
    opp_router_free(*state);
    return 0;
}

static const char *route_of(void **state, enum opp_method method, const char *path)
{
    struct opp_match match;

    opp_router_match(*state, method, path, NULL, &match);
    return match.route != NULL ? match.route->arg : NULL;
}

static void a_path_leads_to_its_route(void **state)
{
    assert_string_equal(route_of(state, OPP_METHOD_GET, "/"), "/");
    assert_string_equal(route_of(state, OPP_METHOD_GET, "/drafts"), "/drafts");
    assert_string_equal(route_of(state, OPP_METHOD_GET, "/console/"), "/console/");
    assert_string_equal(route_of(state, OPP_METHOD_PUT, "/zebra"), "/zebra");
    assert_string_equal(route_of(state, OPP_METHOD_PATCH, "/apps/a"), "/apps/{app}");
}

static void parameters_are_the_segments_as_they_were_sent(void **state)
{
    struct opp_match match;

    opp_router_match(*state, OPP_METHOD_DELETE, "/apps/a%20b/keys/c", NULL, &match);
    assert_non_null(match.route);
    assert_int_equal(match.count, 2);
    assert_memory_equal(match.params[0].start, "a%20b", 5);
    assert_int_equal(match.params[0].length, 5);
    assert_memory_equal(match.params[1].start, "c", 1);
    assert_int_equal(opp_route_param(match.route, "app"), 0);
    assert_int_equal(opp_route_param(match.route, "key"), 1);
    assert_int_equal(opp_route_param(match.route, "ke"), -1);
    assert_int_equal(opp_route_param(match.route, "keys"), -1);
}

static void a_literal_segment_goes_before_a_parameter(void **state)
{
    assert_string_equal(route_of(state, OPP_METHOD_GET, "/drafts/export"), "/drafts/export");
    assert_string_equal(route_of(state, OPP_METHOD_GET, "/drafts/exports"), "/drafts/{id}");
}

static void a_literal_that_leads_nowhere_gives_way_to_a_parameter(void **state)
{
    struct opp_match match;

    opp_router_match(*state, OPP_METHOD_POST, "/drafts/export/cancel", NULL, &match);
    assert_non_null(match.route);
    assert_string_equal(match.route->path, "/drafts/{id}/cancel");
    assert_int_equal(match.count, 1);
}

static void an_unknown_path_has_no_allow(void **state)
{
    static const char *const paths[] = { "/draft",        "/drafts/",  "/Drafts",   "/drafts/a/b",       "/apps",
                                         "/apps/a/keys",  "/console",  "/apps/",    "/drafts/a/",        "/x",
                                         "/apps/a/keys/", "/apps/a/b", "/%64rafts", "/drafts/a/cancel/b" };
    struct opp_match match;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        opp_router_match(*state, OPP_METHOD_GET, paths[i], NULL, &match);
        assert_null(match.route);
        assert_null(match.allow);
    }
}

static void a_wrong_method_has_the_right_ones_in_allow(void **state)
{
    struct opp_match match;

    opp_router_match(*state, OPP_METHOD_DELETE, "/drafts/a", NULL, &match);
    assert_null(match.route);
    assert_string_equal(match.allow, "GET, HEAD, POST");
    opp_router_match(*state, OPP_METHOD_GET, "/drafts/a/cancel", NULL, &match);
    assert_string_equal(match.allow, "POST");
    opp_router_match(*state, OPP_METHOD_OPTIONS, "/apps/a/keys/b", NULL, &match);
    assert_null(match.route);
    assert_string_equal(match.allow, "GET, HEAD, DELETE");
    opp_router_match(*state, OPP_METHOD_UNKNOWN, "/drafts", NULL, &match);
    assert_null(match.route);
}

static void head_is_answered_by_get(void **state)
{
    assert_string_equal(route_of(state, OPP_METHOD_HEAD, "/drafts/a"), "/drafts/{id}");
    assert_null(route_of(state, OPP_METHOD_HEAD, "/drafts/a/cancel"));
}

static void a_route_is_added_once(void **state)
{
    assert_int_equal(add(*state, "GET", "/drafts"), OPP_E_EXISTS);
    assert_int_equal(add(*state, "GET", "/drafts/{id}"), OPP_E_EXISTS);
    assert_int_equal(add(*state, "GET", "/drafts/{draft}"), OPP_E_EXISTS);
    assert_int_equal(add(*state, "PUT", "/drafts/{draft}"), OPP_E_EXISTS);
    assert_int_equal(add(*state, "PUT", "/drafts/{id}"), OPP_OK);
}

static void what_no_request_can_reach_is_no_route(void **state)
{
    static const char *const paths[] = {
        "",       "drafts", "/a//b",  "/a/{}",   "/a/x{id}", "/a/{id}x", "/a/{id",
        "/a/id}", "/a?b",   "/a%20b", "/{a}{b}", "/a b",     "//",       "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"
    };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(add(*state, "GET", paths[i]), OPP_E_VALIDATION);
    assert_int_equal(add(*state, "HEAD", "/new"), OPP_E_VALIDATION);
    assert_int_equal(add(*state, "OPTIONS", "/new"), OPP_E_VALIDATION);
    assert_int_equal(add(*state, "get", "/new"), OPP_E_VALIDATION);
}

static void a_hundred_siblings_are_all_found(void **state)
{
    static char paths[100][16];

    for (size_t i = 0; i < 100; i++) {
        snprintf(paths[i], sizeof paths[i], "/n/%zu", (i * 37) % 100);
        assert_int_equal(add(*state, "GET", paths[i]), OPP_OK);
    }
    for (size_t i = 0; i < 100; i++)
        assert_ptr_equal(route_of(state, OPP_METHOD_GET, paths[i]), paths[i]);
}

static bool is_open_now(void *worker, const char *path)
{
    return strcmp(path, worker) == 0;
}

static const char *open_route_of(void **state, enum opp_method method, const char *path, char *now,
                                 struct opp_match *match)
{
    opp_router_match(*state, method, path, now, match);
    return match->route != NULL ? match->route->arg : NULL;
}

static void an_open_route_is_for_the_paths_of_now_that_nobody_else_has(void **state)
{
    struct opp_route open = { .method = "GET", .path = "/open/", .handle = handle, .arg = "open" };
    char here[] = "/open/here", drafts[] = "/drafts/a", out[] = "/opening";
    struct opp_match match;

    assert_int_equal(opp_router_open(*state, &open, is_open_now, NULL), OPP_OK);
    assert_int_equal(opp_router_open(*state, &open, is_open_now, NULL), OPP_E_EXISTS);
    assert_string_equal(open_route_of(state, OPP_METHOD_GET, here, here, &match), "open");
    assert_string_equal(open_route_of(state, OPP_METHOD_HEAD, here, here, &match), "open");
    assert_null(open_route_of(state, OPP_METHOD_POST, here, here, &match));
    assert_string_equal(match.allow, "GET, HEAD");
    assert_null(open_route_of(state, OPP_METHOD_GET, "/open/there", here, &match));
    assert_null(match.allow);
    assert_null(open_route_of(state, OPP_METHOD_GET, out, out, &match)); /* not below its path */
    assert_string_equal(open_route_of(state, OPP_METHOD_GET, drafts, drafts, &match), "/drafts/{id}");
}

#define WITH_ROUTES(test) cmocka_unit_test_setup_teardown(test, make, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROUTES(a_path_leads_to_its_route),
        WITH_ROUTES(parameters_are_the_segments_as_they_were_sent),
        WITH_ROUTES(a_literal_segment_goes_before_a_parameter),
        WITH_ROUTES(a_literal_that_leads_nowhere_gives_way_to_a_parameter),
        WITH_ROUTES(an_unknown_path_has_no_allow),
        WITH_ROUTES(a_wrong_method_has_the_right_ones_in_allow),
        WITH_ROUTES(head_is_answered_by_get),
        WITH_ROUTES(a_route_is_added_once),
        WITH_ROUTES(what_no_request_can_reach_is_no_route),
        WITH_ROUTES(a_hundred_siblings_are_all_found),
        WITH_ROUTES(an_open_route_is_for_the_paths_of_now_that_nobody_else_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
