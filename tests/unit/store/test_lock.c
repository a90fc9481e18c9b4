/* SPDX-License-Identifier: MIT */
#include "store/lock.h"

#include "store/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_directory_has_one_holder_at_a_time(void **state)
{
    struct opp_err err = { 0 };
    struct kit kit;
    int first = -1, second = -1;

    (void)state;
    kit_make_dir(&kit);
    assert_int_equal(opp_lock_dir(kit.dir, &first, NULL), OPP_OK);
    assert_int_equal(opp_lock_dir(kit.dir, &second, &err), OPP_E_EXISTS);
    assert_int_equal(second, -1);
    assert_non_null(strstr(err.message, kit.dir));
    close(first);
    assert_int_equal(opp_lock_dir(kit.dir, &second, NULL), OPP_OK);
    close(second);
    kit_remove_dir(&kit);
}

static void a_new_directory_is_its_owners_alone(void **state)
{
    struct kit kit;
    char path[KIT_PATH_MAX], file[KIT_PATH_MAX + 8];
    struct stat info;
    int fd = -1;

    (void)state;
    kit_make_dir(&kit);
    kit_path(&kit, "data", path);
    assert_int_equal(opp_lock_dir(path, &fd, NULL), OPP_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    close(fd);
    snprintf(file, sizeof file, "%s/lock", path);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(path), 0);
    kit_remove_dir(&kit);
}

static void a_place_that_cannot_be_made_is_an_io_error(void **state)
{
    struct opp_err err = { 0 };
    int fd = -1;

    (void)state;
    assert_int_equal(opp_lock_dir("/dev/null/data", &fd, &err), OPP_E_IO);
    assert_int_equal(fd, -1);
    assert_true(err.message[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_has_one_holder_at_a_time),
        cmocka_unit_test(a_new_directory_is_its_owners_alone),
        cmocka_unit_test(a_place_that_cannot_be_made_is_an_io_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
