/* SPDX-License-Identifier: MIT */
#include "audit/trail_kit.h"

#include "audit/archive.h"
#include "audit/trail_copy.h"
#include "audit/trail_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who walks through the stored trail a piece at a time is overtaken by an archiving between two of them. */
#define ARCHIVED 700

static struct trail_kit trail;
static struct opp_session *session;

static int set_up(void **state)
{
    (void)state;
    trail_make(&trail);
    trail_append(&trail, ARCHIVED, 1000);
    opp_record_free(&OPP_CHECKPOINT, trail_sign(&trail, 2000));
    trail_append(&trail, 10, 5000);
    assert_int_equal(opp_session_open_dir(trail.kit.dir, &session, NULL), OPP_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    opp_session_close(session);
    trail_remove(&trail);
    return 0;
}

static void archive(void)
{
    struct opp_archive archive = { .store = trail.kit.store,
                                   .dir = trail.kit.dir,
                                   .key = trail.key,
                                   .path = trail.file,
                                   .before_ms = 3000,
                                   .now_ms = 9000,
                                   .by = "cli" };

    assert_int_equal(opp_audit_archive(&archive, NULL), OPP_OK);
    assert_int_equal(archive.to, ARCHIVED);
}

static enum opp_code verify_some(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_verify_rows(arg, tx, 100, err);
}

static void verify_on(struct opp_verify *verify)
{
    while (!verify->done)
        assert_int_equal(opp_session_now(session, verify_some, verify, NULL), OPP_OK);
}

static void a_check_that_an_archiving_overtakes_holds_for_what_is_left(void **state)
{
    const struct opp_sign_key *key = trail.key;
    struct opp_verify verify = { .terms = { .keys = &key, .key_count = 1, .strict = true } };

    (void)state;
    assert_int_equal(opp_session_now(session, verify_some, &verify, NULL), OPP_OK);
    assert_int_equal(verify.chain.seq, 100);
    archive();
    verify_on(&verify);
    assert_string_equal(verify.chain.why, "");
    assert_int_equal(verify.first, ARCHIVED + 1);
    assert_int_equal(verify.chain.rows, 11); /* and the one that says what was archived */
    opp_verify_clear(&verify);
}

static void a_check_that_finds_its_next_rows_deleted_by_nobody_says_so(void **state)
{
    struct opp_verify verify = { .done = false };

    (void)state;
    assert_int_equal(opp_session_now(session, verify_some, &verify, NULL), OPP_OK);
    opp_session_close(session);
    trail_damage(&trail, "DELETE FROM audit WHERE seq <= 700");
    assert_int_equal(opp_session_open_dir(trail.kit.dir, &session, NULL), OPP_OK);
    verify_on(&verify);
    assert_int_equal(verify.chain.first_bad, 1);
    opp_verify_clear(&verify);
}

/* The first rows, which nobody has written yet. */
static void gather(struct opp_trail_copy *copy)
{
    while (copy->next <= 1)
        assert_int_equal(opp_session_now(session, opp_trail_copy_piece, copy, NULL), OPP_OK);
}

/* The stream may be a pipe to somebody who takes his time. */
static void a_copy_touches_its_stream_outside_of_the_transaction_alone(void **state)
{
    struct opp_trail_copy copy = { .out = NULL };
    char *text = NULL;
    size_t length = 0;

    (void)state;
    gather(&copy);
    copy.out = open_memstream(&text, &length);
    assert_non_null(copy.out);
    assert_int_equal(opp_trail_copy_write(&copy, NULL), OPP_OK);
    assert_int_equal(fclose(copy.out), 0);
    assert_non_null(strstr(text, "\"seq\":1,"));
    free(text);
    opp_trail_copy_clear(&copy);
}

static void copy_all(struct opp_trail_copy *copy)
{
    while (!copy->done) {
        assert_int_equal(opp_session_now(session, opp_trail_copy_piece, copy, NULL), OPP_OK);
        assert_int_equal(opp_trail_copy_write(copy, NULL), OPP_OK);
    }
    opp_trail_copy_clear(copy);
}

static void a_copy_that_an_archiving_overtakes_tells_what_it_has_not_got(void **state)
{
    struct opp_trail_copy copy = { .out = fopen("/dev/null", "we") };
    int64_t next;

    (void)state;
    assert_non_null(copy.out);
    gather(&copy);
    next = copy.next;
    assert_true(next < ARCHIVED);
    archive();
    copy_all(&copy);
    assert_int_equal(copy.missing, next);
    copy = (struct opp_trail_copy){ .out = copy.out };
    copy_all(&copy);
    assert_int_equal(copy.missing, 0);
    assert_int_equal(copy.from, ARCHIVED + 1);
    assert_true(copy.cut);
    fclose(copy.out);
}

static void a_copy_whose_end_is_gone_tells_so(void **state)
{
    struct opp_trail_copy copy = { .out = fopen("/dev/null", "we") };

    (void)state;
    assert_non_null(copy.out);
    gather(&copy);
    opp_session_close(session);
    trail_damage(&trail, "DELETE FROM audit WHERE seq > 600");
    assert_int_equal(opp_session_open_dir(trail.kit.dir, &session, NULL), OPP_OK);
    copy_all(&copy);
    assert_int_equal(copy.missing, 601);
    assert_false(copy.cut);
    fclose(copy.out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_check_that_an_archiving_overtakes_holds_for_what_is_left),
        TEST(a_check_that_finds_its_next_rows_deleted_by_nobody_says_so),
        TEST(a_copy_touches_its_stream_outside_of_the_transaction_alone),
        TEST(a_copy_that_an_archiving_overtakes_tells_what_it_has_not_got),
        TEST(a_copy_whose_end_is_gone_tells_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
