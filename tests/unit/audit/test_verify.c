/* SPDX-License-Identifier: MIT */
#include "audit/trail_kit.h"

#include "audit/archive.h"
#include "audit/trail_file.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct trail_kit trail;

static int set_up(void **state)
{
    (void)state;
    trail_make(&trail);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    trail_remove(&trail);
    return 0;
}

static void assert_bad(struct verdict verdict, int64_t row, const char *why)
{
    assert_int_equal(verdict.first_bad, row);
    if (strstr(verdict.why, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", verdict.why, why);
}

static void a_trail_with_its_checkpoints_holds_in_pieces_of_any_size(void **state)
{
    static const size_t pieces[] = { 0, 1, 3, 10, 11, 1000 };

    (void)state;
    assert_int_equal(trail_verify(&trail, NULL, 1).first_bad, 0);
    for (int i = 0; i < 3; i++) {
        trail_append(&trail, 10, 1000);
        opp_record_free(&OPP_CHECKPOINT, trail_sign(&trail, 2000));
    }
    trail_append(&trail, 3, 1000);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct verdict verdict = trail_verify(&trail, NULL, pieces[i]);

        assert_int_equal(verdict.first_bad, 0);
        assert_int_equal(verdict.rows, 33);
        assert_int_equal(verdict.checkpoints, 3);
    }
}

/* The control: what the document says cannot be seen. */
static void a_cut_tail_shows_by_a_checkpoint_that_was_kept_elsewhere(void **state)
{
    struct opp_checkpoint *kept;

    (void)state;
    trail_append(&trail, 20, 1000);
    kept = trail_sign(&trail, 2000);
    trail_append(&trail, 5, 1000);
    assert_int_equal(trail_verify(&trail, kept, 4).first_bad, 0);
    trail_damage(&trail, "DELETE FROM audit WHERE seq>15");
    assert_bad(trail_verify(&trail, NULL, 4), 16, "missing"); /* the stored one still tells */
    trail_damage(&trail, "DELETE FROM checkpoints");
    assert_int_equal(trail_verify(&trail, NULL, 4).first_bad, 0);
    assert_bad(trail_verify(&trail, kept, 4), 16, "up to row 20 are missing: that row was signed on 1970-01-01");
    trail_damage(&trail, "DELETE FROM audit");
    assert_bad(trail_verify(&trail, kept, 4), 1, "missing");
    opp_record_free(&OPP_CHECKPOINT, kept);
}

static void a_trail_that_was_written_anew_shows_by_a_checkpoint_that_was_kept_elsewhere(void **state)
{
    struct opp_checkpoint *kept;

    (void)state;
    trail_append(&trail, 20, 1000);
    kept = trail_sign(&trail, 2000);
    trail_damage(&trail, "DELETE FROM audit; DELETE FROM checkpoints");
    trail_append(&trail, 30, 5000);
    opp_record_free(&OPP_CHECKPOINT, trail_sign(&trail, 2000));
    assert_int_equal(trail_verify(&trail, NULL, 4).first_bad, 0);
    assert_bad(trail_verify(&trail, kept, 4), 20, "not the row that was signed");
    opp_record_free(&OPP_CHECKPOINT, kept);
}

static void a_checkpoint_of_another_key_or_with_another_signature_is_bad(void **state)
{
    struct opp_sign_key *own = trail.key;

    (void)state;
    trail_append(&trail, 5, 1000);
    opp_record_free(&OPP_CHECKPOINT, trail_sign(&trail, 2000));
    assert_int_equal(opp_sign_key_make(&trail.key, NULL), OPP_OK);
    assert_bad(trail_verify(&trail, NULL, 0), 5, "no signature");
    opp_sign_key_free(trail.key);
    trail.key = own;
    assert_int_equal(trail_verify(&trail, NULL, 0).first_bad, 0);
    trail_damage(&trail, "UPDATE checkpoints SET time=time+1");
    assert_bad(trail_verify(&trail, NULL, 0), 5, "no signature");
}

static char *read_trail(size_t *length)
{
    char *text = NULL;

    assert_int_equal(opp_file_read(trail.file, 1 << 24, &text, length, NULL), OPP_OK);
    return text;
}

static struct verdict verify_file(void)
{
    const char *const files[] = { trail.file, NULL };

    return trail_verify_files(&trail, trail.key, files, false);
}

static void write_trail(const char *text, size_t length)
{
    FILE *file = fopen(trail.file, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Without a file, for there are many. */
static struct verdict verify_text(char *text, size_t length)
{
    struct opp_verify verify = { .done = false };
    FILE *stream = fmemopen(text, length, "r");
    struct verdict verdict;

    assert_non_null(stream);
    assert_int_equal(opp_trail_file_check(&verify, stream, "text", NULL), OPP_OK);
    opp_verify_end(&verify);
    verdict = (struct verdict){ .rows = verify.chain.rows, .first_bad = verify.chain.first_bad };
    opp_verify_clear(&verify);
    fclose(stream);
    return verdict;
}

static void a_file_holds_by_itself_and_so_does_a_part_of_it(void **state)
{
    const char *const files[] = { trail.file, NULL };

    (void)state;
    trail_export(&trail, 0, 0);
    assert_int_equal(verify_file().first_bad, 0);
    trail_append(&trail, 30, 1000);
    opp_record_free(&OPP_CHECKPOINT, trail_sign(&trail, 2000));
    trail_append(&trail, 10, 1000);
    trail_export(&trail, 0, 0);
    assert_int_equal(verify_file().first_bad, 0);
    assert_int_equal(verify_file().rows, 40);
    assert_int_equal(verify_file().checkpoints, 1);
    trail_export(&trail, 11, 20);
    assert_int_equal(verify_file().rows, 10);
    assert_int_equal(verify_file().first_bad, 0);
    assert_int_equal(trail_verify_files(&trail, trail.key, files, true).rows, 30); /* and what the store has after it */
    assert_int_equal(trail_verify_files(&trail, trail.key, files, true).first_bad, 0);
}

#define ROWS 20
#define DAMAGES 10000

struct lines {
    const char *at[ROWS + 2]; /* the head, the rows, the end */
};

static int pick(int below)
{
    return rand() % below;
}

static void add_line(struct opp_buf *out, const struct lines *lines, int line)
{
    opp_buf_add(out, lines->at[line], (size_t)(lines->at[line + 1] - lines->at[line]));
}

/* Line 0 is the head, line n row n. Gives the row at which it must be found. */
static int damage(const struct lines *lines, struct opp_buf *out)
{
    int kind = pick(5), row = 1 + pick(ROWS), other = 1 + pick(ROWS), found = row;
    size_t at;

    if (kind == 1 && other == row)
        kind = 0;
    for (int line = 0; line <= ROWS; line++) {
        if (kind == 0 && line == row)
            continue; /* deleted */
        if (kind == 2 && line == row)
            add_line(out, lines, other); /* put in before it */
        add_line(out, lines, kind == 1 && line == row ? other : kind == 1 && line == other ? row : line);
    }
    if (kind == 1)
        found = row < other ? row : other;
    if (kind == 2 && other == row)
        found = row + 1;
    if (kind >= 3) {
        at = (size_t)(lines->at[row] - lines->at[0]) + (size_t)pick((int)(lines->at[row + 1] - lines->at[row]));
        out->bytes[at] = (char)(out->bytes[at] ^ (1 << pick(8)));
    }
    return found;
}

static void ten_thousand_random_damages_of_a_file_are_found_where_they_are(void **state)
{
    struct lines lines;
    struct opp_buf out = { 0 };
    size_t length = 0;
    char *text;

    (void)state;
    srand(11);
    trail_append(&trail, ROWS, 1000);
    trail_export(&trail, 0, 0);
    text = read_trail(&length);
    lines.at[0] = text;
    for (int i = 1; i <= ROWS + 1; i++)
        lines.at[i] = strchr(lines.at[i - 1], '\n') + 1;
    assert_ptr_equal(lines.at[ROWS + 1], text + length);
    for (int i = 0; i < DAMAGES; i++) {
        int expected;

        opp_buf_reset(&out);
        expected = damage(&lines, &out);
        assert_int_equal(verify_text(out.bytes, out.length).first_bad, expected);
    }
    opp_buf_free(&out);
    free(text);
}

static void a_file_whose_end_is_cut_off_is_bad(void **state)
{
    size_t length = 0;
    char *text;

    (void)state;
    trail_append(&trail, 10, 1000);
    trail_export(&trail, 0, 0);
    text = read_trail(&length);
    for (size_t cut = length - 2; cut > 0; cut -= cut > 101 ? 101 : cut) {
        write_trail(text, cut);
        assert_int_not_equal(verify_file().first_bad, 0);
    }
    free(text);
}

static void archive(const char *name, int64_t before_ms, int64_t from, int64_t to)
{
    char path[KIT_PATH_MAX];
    struct opp_archive moved = { .store = trail.kit.store,
                                 .dir = trail.kit.dir,
                                 .key = trail.key,
                                 .path = path,
                                 .before_ms = before_ms,
                                 .now_ms = 9000,
                                 .by = "cli" };
    struct opp_err err = { 0 };

    kit_path(&trail.kit, name, path);
    if (opp_audit_archive(&moved, &err) != OPP_OK)
        fail_msg("%s", err.message);
    assert_int_equal(moved.from, from);
    assert_int_equal(moved.to, to);
}

static void make_archives(void)
{
    for (int i = 1; i <= 3; i++) {
        trail_append(&trail, 10, 1000);
        opp_record_free(&OPP_CHECKPOINT, trail_sign(&trail, 2000 * i));
    }
    trail_append(&trail, 5, 1000);
    archive("one", 4000, 1, 10); /* what was signed at 4000 is not before it */
    archive("two", 5000, 11, 20);
}

static void archives_and_what_is_left_hold_apart_and_together(void **state)
{
    char one[KIT_PATH_MAX], two[KIT_PATH_MAX];
    const char *const all[] = { one, two, NULL }, *const gap[] = { one, NULL }, *const last[] = { two, NULL };

    (void)state;
    make_archives();
    kit_path(&trail.kit, "one", one);
    kit_path(&trail.kit, "two", two);
    assert_int_equal(trail_verify(&trail, NULL, 4).first_bad, 0);
    assert_int_equal(trail_verify(&trail, NULL, 4).rows, 17); /* 15, and two that say what was archived */
    assert_int_equal(trail_verify_files(&trail, trail.key, all, true).first_bad, 0);
    assert_int_equal(trail_verify_files(&trail, trail.key, all, true).rows, 37);
    assert_int_equal(trail_verify_files(&trail, trail.key, all, false).rows, 20);
    assert_int_equal(trail_verify_files(&trail, trail.key, last, true).first_bad, 0);
    assert_int_equal(trail_verify_files(&trail, trail.key, last, false).first_bad, 0);
    assert_int_not_equal(trail_verify_files(&trail, trail.key, gap, true).first_bad, 0);
    kit_close(&trail.kit);
    kit_open(&trail.kit);
    trail_append(&trail, 5, 1000);
    assert_int_equal(trail_verify(&trail, NULL, 4).first_bad, 0);
    archive("three", 4000, 0, 0);
}

static struct opp_archive long_archive(const char *path, const atomic_bool *cancel)
{
    return (struct opp_archive){ .store = trail.kit.store,
                                 .dir = trail.kit.dir,
                                 .key = trail.key,
                                 .path = path,
                                 .before_ms = 9000,
                                 .now_ms = 9000,
                                 .by = "cli",
                                 .cancel = cancel };
}

/* 1,200, 2,400 and 2,500 rows are gone in turn, and a row says so each time. */
static void a_long_beginning_is_removed_in_pieces_each_of_which_leaves_a_trail_that_holds(void **state)
{
    char path[KIT_PATH_MAX];
    const char *const files[] = { path, NULL };
    atomic_bool cancel = true;
    struct opp_archive archive;

    (void)state;
    for (int i = 0; i < 6; i++) {
        trail_append(&trail, i == 5 ? 100 : i == 4 ? 0 : 600, 1000);
        opp_record_free(&OPP_CHECKPOINT, i == 4 ? NULL : trail_sign(&trail, 2000));
    }
    kit_path(&trail.kit, "long", path);
    archive = long_archive(path, &cancel);
    assert_int_equal(opp_audit_archive(&archive, NULL), OPP_E_UNAVAILABLE);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(trail_verify(&trail, NULL, 1000).rows, 2500);
    archive = long_archive(path, NULL);
    assert_int_equal(opp_audit_archive(&archive, NULL), OPP_OK);
    assert_int_equal(archive.from, 1);
    assert_int_equal(archive.to, 2500);
    assert_int_equal(trail_verify(&trail, NULL, 1000).first_bad, 0);
    assert_int_equal(trail_verify(&trail, NULL, 1000).rows, 3);
    assert_int_equal(trail_verify_files(&trail, trail.key, files, true).first_bad, 0);
    assert_int_equal(trail_verify_files(&trail, trail.key, files, true).rows, 2503);
}

static void a_beginning_that_nobody_archived_is_missed(void **state)
{
    (void)state;
    make_archives();
    trail_damage(&trail, "DELETE FROM audit WHERE seq<=30"); /* there is a checkpoint of 30 */
    assert_bad(trail_verify(&trail, NULL, 4), 1, "no row says where they went");
    trail_damage(&trail, "DELETE FROM audit WHERE seq<=31");
    assert_bad(trail_verify(&trail, NULL, 4), 1, "");
}

static void a_trail_that_does_not_hold_is_not_archived(void **state)
{
    char path[KIT_PATH_MAX];
    struct opp_archive moved = {
        .dir = trail.kit.dir, .key = trail.key, .path = path, .before_ms = 9000, .now_ms = 9000, .by = "cli"
    };

    (void)state;
    trail_append(&trail, 10, 1000);
    opp_record_free(&OPP_CHECKPOINT, trail_sign(&trail, 2000));
    trail_append(&trail, 10, 1000);
    trail_damage(&trail, "UPDATE audit SET row=replace(row,'127.0.0.1','127.0.0.2') WHERE seq=15");
    kit_path(&trail.kit, "archive", path);
    moved.store = trail.kit.store;
    assert_int_equal(opp_audit_archive(&moved, NULL), OPP_E_VALIDATION);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(trail_verify(&trail, NULL, 4).rows, 20);
}

static void a_file_that_is_there_is_not_written_over(void **state)
{
    struct opp_archive moved = {
        .store = trail.kit.store, .dir = trail.kit.dir, .key = trail.key, .path = trail.file, .before_ms = 9000
    };

    (void)state;
    trail_append(&trail, 10, 1000);
    opp_record_free(&OPP_CHECKPOINT, trail_sign(&trail, 2000));
    write_trail("mine", 4);
    assert_int_equal(opp_audit_archive(&moved, NULL), OPP_E_EXISTS);
    assert_int_equal(trail_verify(&trail, NULL, 4).rows, 10);
}

static void behind_a_checkpoint_only_what_follows_is_looked_at(void **state)
{
    struct opp_checkpoint *checkpoint;

    (void)state;
    trail_append(&trail, 20, 1000);
    checkpoint = trail_sign(&trail, 2000);
    trail_append(&trail, 7, 1000);
    assert_int_equal(trail_verify_from(&trail, checkpoint).rows, 7);
    trail_damage(&trail, "UPDATE audit SET status='denied' WHERE seq=10");
    assert_int_equal(trail_verify_from(&trail, checkpoint).first_bad, 0);
    trail_damage(&trail, "UPDATE audit SET status='denied' WHERE seq=25");
    assert_bad(trail_verify_from(&trail, checkpoint), 25, "stands beside");
    trail_damage(&trail, "UPDATE audit SET row=replace(row,'127.0.0.1','127.0.0.2') WHERE seq=20");
    assert_bad(trail_verify_from(&trail, checkpoint), 20, "not the row that was signed");
    trail_damage(&trail, "DELETE FROM audit WHERE seq>19");
    trail_damage(&trail, "DELETE FROM checkpoints");
    assert_bad(trail_verify_from(&trail, checkpoint), 20, "missing with all behind it");
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
}

static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A million rows in 10 s of a core, which is checked only where it is asked for; that few instructions are spent on a
 * row is what a short run can show. */
static void a_million_rows_are_verified_in_ten_seconds(void **state)
{
    struct opp_checkpoint *newest = NULL;
    double began;

    (void)state;
    if (getenv("OPP_LONG") == NULL)
        skip();
    for (int i = 0; i < 1000; i++) {
        opp_record_free(&OPP_CHECKPOINT, newest);
        trail_append(&trail, 1000, 1000);
        newest = trail_sign(&trail, 2000);
    }
    trail_append(&trail, 1000, 1000);
    began = cpu_s();
    assert_int_equal(trail_verify(&trail, NULL, 10000).rows, 1001000);
    print_message("a million rows: %.2f s\n", cpu_s() - began);
    assert_true(cpu_s() - began < 10);
    began = cpu_s();
    assert_int_equal(trail_verify_from(&trail, newest).rows, 1000);
    assert_true(cpu_s() - began < 1);
    opp_record_free(&OPP_CHECKPOINT, newest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_trail_with_its_checkpoints_holds_in_pieces_of_any_size),
        TEST(a_cut_tail_shows_by_a_checkpoint_that_was_kept_elsewhere),
        TEST(a_trail_that_was_written_anew_shows_by_a_checkpoint_that_was_kept_elsewhere),
        TEST(a_checkpoint_of_another_key_or_with_another_signature_is_bad),
        TEST(a_file_holds_by_itself_and_so_does_a_part_of_it),
        TEST(ten_thousand_random_damages_of_a_file_are_found_where_they_are),
        TEST(a_file_whose_end_is_cut_off_is_bad),
        TEST(archives_and_what_is_left_hold_apart_and_together),
        TEST(a_long_beginning_is_removed_in_pieces_each_of_which_leaves_a_trail_that_holds),
        TEST(a_beginning_that_nobody_archived_is_missed),
        TEST(a_trail_that_does_not_hold_is_not_archived),
        TEST(a_file_that_is_there_is_not_written_over),
        TEST(behind_a_checkpoint_only_what_follows_is_looked_at),
        TEST(a_million_rows_are_verified_in_ten_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
