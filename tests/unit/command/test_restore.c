/* SPDX-License-Identifier: MIT */
#include "command/restore.h"

#include "base/error.h"
#include "command/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char theirs[64];

enum opp_code __wrap_opp_lock_dir(const char *dir, int *fd, struct opp_err *err);

/* Somebody else was quicker, and has begun to fill the directory. */
enum opp_code __wrap_opp_lock_dir(const char *dir, int *fd, struct opp_err *err)
{
    (void)fd;
    snprintf(theirs, sizeof theirs, "%s/gateway.db", dir);
    fclose(fopen(theirs, "w"));
    return opp_fail(err, OPP_E_EXISTS, "another oppd uses the data directory %s", dir);
}

static void what_somebody_else_has_begun_to_fill_is_left_alone(void **state)
{
    char dir[] = "/tmp/opp-restore-XXXXXX";
    json_t *args;

    (void)state;
    assert_non_null(mkdtemp(dir));
    args = json_pack("{s:s, s:s}", "data", dir, "operand", "none.tar");
    assert_int_equal(OPP_COMMAND_RESTORE.run(args), OPP_EXIT_FAILED);
    assert_int_equal(unlink(theirs), 0);
    assert_int_equal(rmdir(dir), 0);
    json_decref(args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_somebody_else_has_begun_to_fill_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
