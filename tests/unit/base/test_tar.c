/* SPDX-License-Identifier: MIT */
#include "base/tar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK OPP_TAR_BLOCK_BYTES

/* An archive in memory: two files and the end. */
static char *make_archive(size_t *length)
{
    struct opp_tar_member first = { .name = "one", .bytes = "abc", .length = 3 }, second = { .name = "empty" };
    int fd = memfd_create("tar", MFD_CLOEXEC);
    char *bytes;

    assert_true(fd >= 0);
    assert_int_equal(opp_tar_add(fd, &first, 1700000000, NULL), OPP_OK);
    assert_int_equal(opp_tar_add(fd, &second, 1700000000, NULL), OPP_OK);
    assert_int_equal(opp_tar_end(fd, NULL), OPP_OK);
    *length = (size_t)lseek(fd, 0, SEEK_END);
    bytes = malloc(*length);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, *length, 0), *length);
    close(fd);
    return bytes;
}

static void what_is_added_is_read_again(void **state)
{
    struct opp_tar_member member;
    size_t length, at = 0;
    char *archive = make_archive(&length);

    (void)state;
    assert_int_equal(length, 5 * BLOCK);
    assert_int_equal(opp_tar_next(archive, length, &at, &member, NULL), OPP_OK);
    assert_string_equal(member.name, "one");
    assert_int_equal(member.length, 3);
    assert_memory_equal(member.bytes, "abc", 3);
    assert_int_equal(opp_tar_next(archive, length, &at, &member, NULL), OPP_OK);
    assert_string_equal(member.name, "empty");
    assert_int_equal(member.length, 0);
    assert_int_equal(opp_tar_next(archive, length, &at, &member, NULL), OPP_E_ABSENT);
    free(archive);
}

/* Reads to the end; gives what ended it. */
static enum opp_code read_all(const char *archive, size_t length)
{
    struct opp_tar_member member;
    enum opp_code rc = OPP_OK;
    size_t at = 0;

    while (rc == OPP_OK)
        rc = opp_tar_next(archive, length, &at, &member, NULL);
    return rc;
}

/* Copied each time to memory of just its length, so that a sanitizer sees any read beyond. */
static void a_cut_archive_is_refused_wherever_it_is_cut(void **state)
{
    size_t length;
    char *archive = make_archive(&length);

    (void)state;
    for (size_t cut = 0; cut < 4 * BLOCK; cut++) {
        char *part = malloc(cut + 1);

        assert_non_null(part);
        memcpy(part, archive, cut);
        assert_int_equal(read_all(part, cut), OPP_E_VALIDATION);
        free(part);
    }
    free(archive);
}

static void a_header_that_was_changed_is_refused(void **state)
{
    size_t length;
    char *archive = make_archive(&length);

    (void)state;
    for (size_t i = 0; i < BLOCK; i++) {
        archive[i] ^= 1;
        if (i != 154 && i != 155) /* what ends the sum */
            assert_int_equal(read_all(archive, length), OPP_E_VALIDATION);
        archive[i] ^= 1;
    }
    free(archive);
}

/* A header whose size is in binary, as for files over 8 GiB, with the right sum. */
static void a_size_larger_than_the_archive_is_refused_in_binary_too(void **state)
{
    size_t length;
    unsigned sum = 0;
    char *archive = make_archive(&length);

    (void)state;
    memset(archive + 124, 0xff, 12);
    memset(archive + 148, ' ', 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)archive[i];
    snprintf(archive + 148, 8, "%06o", sum);
    assert_int_equal(read_all(archive, length), OPP_E_VALIDATION);
    free(archive);
}

static void the_longest_name_fits_and_a_closed_file_does_not(void **state)
{
    struct opp_tar_member member = { .bytes = "x", .length = 1 };
    int fd = memfd_create("tar", MFD_CLOEXEC);
    struct opp_err err = { 0 };

    (void)state;
    memset(member.name, 'n', OPP_TAR_NAME_MAX);
    assert_int_equal(opp_tar_add(fd, &member, 0, &err), OPP_OK);
    close(fd);
    assert_int_equal(opp_tar_add(fd, &member, 0, &err), OPP_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_read_again),
        cmocka_unit_test(a_cut_archive_is_refused_wherever_it_is_cut),
        cmocka_unit_test(a_header_that_was_changed_is_refused),
        cmocka_unit_test(a_size_larger_than_the_archive_is_refused_in_binary_too),
        cmocka_unit_test(the_longest_name_fits_and_a_closed_file_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
