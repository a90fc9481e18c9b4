/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char dir[64];
    char path[128]; /* of at */
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    if (place == NULL)
        return -1;
    snprintf(place->dir, sizeof place->dir, "/tmp/opp_test_file.XXXXXX");
    *state = place;
    return mkdtemp(place->dir) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int remove_place(void **state)
{
    struct place *place = *state;
    int rc = nftw(place->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);

    free(place);
    return rc;
}

static const char *at(struct place *place, const char *name)
{
    snprintf(place->path, sizeof place->path, "%s/%s", place->dir, name);
    return place->path;
}

static void write_text(struct place *place, const char *name, const char *text)
{
    assert_int_equal(opp_file_write(at(place, name), 0600, text, strlen(text), NULL), OPP_OK);
}

static void what_is_written_is_read(void **state)
{
    struct place *place = *state;
    size_t length = 0, large = 100000;
    char *bytes = malloc(large), *read_back = NULL;

    assert_non_null(bytes);
    for (size_t i = 0; i < large; i++)
        bytes[i] = (char)(i % 256);
    assert_int_equal(opp_file_write(at(place, "a"), 0640, bytes, large, NULL), OPP_OK);
    assert_int_equal(opp_file_read(at(place, "a"), large, &read_back, &length, NULL), OPP_OK);
    assert_int_equal(length, large);
    assert_memory_equal(read_back, bytes, large);
    assert_int_equal(read_back[large], '\0');
    free(read_back);
    free(bytes);
}

static void an_empty_file_is_an_empty_text(void **state)
{
    struct place *place = *state;
    char *text = NULL;
    size_t length = 7;

    write_text(place, "a", "");
    assert_int_equal(opp_file_read(at(place, "a"), 0, &text, &length, NULL), OPP_OK);
    assert_int_equal(length, 0);
    assert_string_equal(text, "");
    free(text);
}

static void writing_replaces_the_whole_and_sets_the_mode(void **state)
{
    struct place *place = *state;
    struct stat status;
    char *text = NULL, **names = NULL;
    size_t length;

    write_text(place, "a", "a long first text");
    assert_int_equal(opp_file_write(at(place, "a"), 0644, "b", 1, NULL), OPP_OK);
    assert_int_equal(opp_file_read(at(place, "a"), 100, &text, &length, NULL), OPP_OK);
    assert_string_equal(text, "b");
    assert_int_equal(stat(at(place, "a"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_int_equal(opp_file_list(place->dir, "", &names, NULL), OPP_OK);
    assert_string_equal(names[0], "a");
    assert_null(names[1]); /* the temporary is gone */
    opp_names_free(names);
    free(text);
}

static void a_failed_write_leaves_the_old_and_no_temporary(void **state)
{
    struct place *place = *state;
    struct opp_err err = { 0 };
    char **names = NULL;

    assert_int_equal(opp_file_make_dir(at(place, "taken/inside"), 0700, NULL), OPP_OK);
    assert_int_equal(opp_file_write(at(place, "taken"), 0600, "x", 1, &err), OPP_E_IO);
    assert_non_null(strstr(err.message, at(place, "taken")));
    assert_int_equal(opp_file_list(place->dir, "", &names, NULL), OPP_OK);
    assert_string_equal(names[0], "taken");
    assert_null(names[1]);
    opp_names_free(names);
    assert_int_equal(opp_file_write(at(place, "no/such/dir"), 0600, "x", 1, NULL), OPP_E_IO);
}

static void reading_says_why_it_cannot(void **state)
{
    struct place *place = *state;
    struct opp_err err = { 0 };
    char *text = NULL;
    size_t length = 7;

    write_text(place, "a", "12345");
    assert_int_equal(opp_file_read(at(place, "none"), 10, &text, &length, &err), OPP_E_ABSENT);
    assert_non_null(strstr(err.message, at(place, "none")));
    assert_int_equal(opp_file_read(at(place, "a/none"), 10, &text, &length, NULL), OPP_E_ABSENT);
    err = (struct opp_err){ 0 };
    assert_int_equal(opp_file_read(at(place, "a"), 4, &text, &length, &err), OPP_E_LIMIT);
    assert_non_null(strstr(err.message, at(place, "a")));
    assert_int_equal(opp_file_read(place->dir, 10, &text, &length, NULL), OPP_E_IO);
    assert_int_equal(mkfifo(at(place, "fifo"), 0600), 0);
    assert_int_equal(opp_file_read(at(place, "fifo"), 10, &text, &length, NULL), OPP_E_IO);
    assert_null(text);
    assert_int_equal(length, 7);
}

static void a_path_is_hidden_from_those_who_are_told_a_name(void **state)
{
    struct place *place = *state;
    char *text = NULL, deep[300];
    struct opp_err err = { 0 };
    size_t length = 0;

    opp_file_read(at(place, "none"), 10, &text, &length, &err);
    opp_file_hide_path(&err, at(place, "none"), "mine/none");
    assert_string_equal(err.message, "cannot open mine/none: No such file or directory");
    assert_int_equal(err.code, OPP_E_ABSENT);
    opp_file_hide_path(&err, place->dir, "elsewhere");
    assert_string_equal(err.message, "cannot open mine/none: No such file or directory");
    memset(deep, 'x', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    err = (struct opp_err){ 0 };
    opp_file_read(deep, 10, &text, &length, &err);
    opp_file_hide_path(&err, deep, "mine/deep");
    assert_string_equal(err.message, "mine/deep cannot be read");
}

static void names_are_sorted_and_filtered(void **state)
{
    struct place *place = *state;
    char **names = NULL;

    write_text(place, "b.lua", "");
    write_text(place, "a.lua", "");
    write_text(place, ".hidden.lua", "");
    write_text(place, "a.txt", "");
    write_text(place, "lua", "");
    assert_int_equal(opp_file_list(place->dir, ".lua", &names, NULL), OPP_OK);
    assert_string_equal(names[0], ".hidden.lua");
    assert_string_equal(names[1], "a.lua");
    assert_string_equal(names[2], "b.lua");
    assert_null(names[3]);
    opp_names_free(names);
    assert_int_equal(opp_file_list(place->dir, ".none", &names, NULL), OPP_OK);
    assert_null(names[0]);
    opp_names_free(names);
    opp_names_free(NULL);
}

static void what_is_no_directory_is_not_listed(void **state)
{
    struct place *place = *state;
    char **names = NULL;

    assert_int_equal(opp_file_list(at(place, "none"), "", &names, NULL), OPP_E_ABSENT);
    assert_null(names);
}

static void parents_are_made_with_the_mode(void **state)
{
    struct place *place = *state;
    struct stat status;

    assert_int_equal(opp_file_make_dir(at(place, "x/y//z/"), 0700, NULL), OPP_OK);
    assert_int_equal(stat(at(place, "x/y/z"), &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    assert_int_equal(stat(at(place, "x"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(opp_file_make_dir(at(place, "x/y/z"), 0700, NULL), OPP_OK);
}

static void a_file_in_the_way_stops_a_directory(void **state)
{
    struct place *place = *state;
    struct opp_err err = { 0 };

    write_text(place, "f", "");
    assert_int_equal(opp_file_make_dir(at(place, "f"), 0700, &err), OPP_E_IO);
    assert_non_null(strstr(err.message, at(place, "f")));
    assert_int_equal(opp_file_make_dir(at(place, "f/g"), 0700, NULL), OPP_E_IO);
    assert_int_equal(opp_file_make_dir("", 0700, NULL), OPP_E_IO);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(what_is_written_is_read),
        IN_PLACE(an_empty_file_is_an_empty_text),
        IN_PLACE(writing_replaces_the_whole_and_sets_the_mode),
        IN_PLACE(a_failed_write_leaves_the_old_and_no_temporary),
        IN_PLACE(reading_says_why_it_cannot),
        IN_PLACE(a_path_is_hidden_from_those_who_are_told_a_name),
        IN_PLACE(names_are_sorted_and_filtered),
        IN_PLACE(what_is_no_directory_is_not_listed),
        IN_PLACE(parents_are_made_with_the_mode),
        IN_PLACE(a_file_in_the_way_stops_a_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
