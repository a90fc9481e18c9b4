/* SPDX-License-Identifier: MIT */
#include "command/profile.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64], own[96], rules[96];

static int make_profile(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/opp-profile-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(own, sizeof own, "%s/p", dir);
    if (opp_file_make_dir(own, 0700, NULL) != OPP_OK)
        return -1;
    snprintf(own, sizeof own, "%s/p/profile.lua", dir);
    snprintf(rules, sizeof rules, "%s/p/10-rules.lua", dir);
    return 0;
}

static int remove_profile(void **state)
{
    char path[96];

    (void)state;
    unlink(own);
    unlink(rules);
    snprintf(path, sizeof path, "%s/p", dir);
    return rmdir(path) == 0 ? rmdir(dir) : -1;
}

static void write_file(const char *path, const char *text)
{
    assert_int_equal(opp_file_write(path, 0600, text, strlen(text), NULL), OPP_OK);
}

static void assert_refused(const char *name, const char *part)
{
    struct opp_err err = { 0 };

    assert_int_equal(opp_profile_check(dir, name, &err), OPP_E_CONFIG);
    if (strstr(err.message, part) == NULL)
        fail_msg("%s", err.message);
}

static void a_profile_without_rules_is_taken(void **state)
{
    (void)state;
    write_file(own, "return { description = 'x' }");
    assert_int_equal(opp_profile_check(dir, "p", NULL), OPP_OK);
}

static void the_shipped_default_is_taken(void **state)
{
    (void)state;
    assert_int_equal(opp_profile_check(OPP_SOURCE_DIR "/policies", "default", NULL), OPP_OK);
}

static void a_profile_that_is_not_there_is_refused(void **state)
{
    (void)state;
    assert_refused("q", "no policy profile");
    assert_refused("p", "no profile.lua");
}

static void rules_that_would_be_ignored_are_refused(void **state)
{
    (void)state;
    write_file(own, "return { description = 'x' }");
    write_file(rules, "return {}");
    assert_refused("p", "10-rules.lua");
}

static void another_profile_s_rules_that_would_be_ignored_are_refused(void **state)
{
    (void)state;
    write_file(own, "return { extends = 'strict' }");
    assert_refused("p", "extends");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_profile_without_rules_is_taken, make_profile, remove_profile),
        cmocka_unit_test(the_shipped_default_is_taken),
        cmocka_unit_test_setup_teardown(a_profile_that_is_not_there_is_refused, make_profile, remove_profile),
        cmocka_unit_test_setup_teardown(rules_that_would_be_ignored_are_refused, make_profile, remove_profile),
        cmocka_unit_test_setup_teardown(another_profile_s_rules_that_would_be_ignored_are_refused, make_profile,
                                        remove_profile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
