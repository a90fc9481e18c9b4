/* SPDX-License-Identifier: MIT */
#include "audit/trail_kit.h"

#include "audit/audit.h"
#include "audit/checkpoint.h"
#include "audit/trail_copy.h"
#include "audit/trail_file.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

void trail_make(struct trail_kit *trail)
{
    kit_make_dir(&trail->kit);
    kit_open(&trail->kit);
    kit_path(&trail->kit, "trail.jsonl", trail->file);
    assert_int_equal(opp_sign_key_make(&trail->key, NULL), OPP_OK);
}

void trail_remove(struct trail_kit *trail)
{
    kit_close(&trail->kit);
    kit_remove_dir(&trail->kit);
    opp_sign_key_free(trail->key);
}

struct appending {
    int count;
    int64_t first_ms;
};

static enum opp_code append_rows(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct appending *appending = arg;
    json_t *details = json_pack("{s:s, s:{s:[i,i]}}", "reason", "a \"quoted\" {\n\x01 \xc3\xa4", "count", "x", 7, 8);
    enum opp_code rc = OPP_OK;
    char draft[16];

    for (int i = 0; rc == OPP_OK && i < appending->count; i++) {
        snprintf(draft, sizeof draft, "drf_%d", i);
        rc = opp_audit_append(tx,
                              &(struct opp_audit_event){ .action = "agent.action.execute",
                                                         .status = "success",
                                                         .app_id = "app_1",
                                                         .key_id = "key_1",
                                                         .request_id = "req_1",
                                                         .draft_id = i % 3 == 0 ? NULL : draft,
                                                         .ip = "127.0.0.1",
                                                         .user_agent = "=\"an agent\", 1.0",
                                                         .details = i % 2 == 0 ? details : NULL,
                                                         .created_at = appending->first_ms + i },
                              err);
    }
    json_decref(details);
    return rc;
}

void trail_append(struct trail_kit *trail, int count, int64_t first_ms)
{
    struct appending appending = { count, first_ms };

    assert_int_equal(opp_store_now(trail->kit.store, append_rows, &appending, NULL), OPP_OK);
}

struct signing {
    struct opp_sign_key *key;
    int64_t time_ms;
    struct opp_checkpoint *made;
};

static enum opp_code sign_head(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct signing *signing = arg;
    struct opp_chain_point point = { .seq = 0 };
    enum opp_code rc = opp_checkpoint_reach(tx, &point, opp_tx_chain(tx)->seq, err);

    if (rc == OPP_OK)
        rc = opp_checkpoint_make(signing->key, &point, signing->time_ms, &signing->made, err);
    return rc == OPP_OK ? opp_tx_insert(tx, &OPP_CHECKPOINT, signing->made, err) : rc;
}

struct opp_checkpoint *trail_sign(struct trail_kit *trail, int64_t time_ms)
{
    struct signing signing = { .key = trail->key, .time_ms = time_ms };

    assert_int_equal(opp_store_now(trail->kit.store, sign_head, &signing, NULL), OPP_OK);
    return signing.made;
}

void trail_damage(struct trail_kit *trail, const char *sql)
{
    kit_close(&trail->kit);
    kit_sql(&trail->kit, "gateway.db", sql);
    kit_open(&trail->kit);
}

struct walk {
    struct opp_verify verify;
    size_t piece;
};

static enum opp_code verify_piece(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct walk *walk = arg;

    return opp_verify_rows(&walk->verify, tx, walk->piece, err);
}

static struct verdict verdict_of(struct opp_verify *verify)
{
    struct verdict verdict = { .rows = verify->chain.rows,
                               .first_bad = verify->chain.first_bad,
                               .checkpoints = verify->checkpoints };

    snprintf(verdict.why, sizeof verdict.why, "%s", verify->chain.why);
    opp_verify_clear(verify);
    return verdict;
}

/* As a reader, which may be another process. */
static void walk_store(const struct trail_kit *trail, struct walk *walk)
{
    struct opp_session *session = NULL;
    struct opp_err err = { 0 };

    if (opp_session_open_dir(trail->kit.dir, &session, &err) != OPP_OK)
        fail_msg("%s", err.message);
    while (!walk->verify.done)
        assert_int_equal(opp_session_now(session, verify_piece, walk, NULL), OPP_OK);
    opp_session_close(session);
}

struct verdict trail_verify(struct trail_kit *trail, struct opp_checkpoint *kept, size_t piece)
{
    const struct opp_sign_key *key = trail->key;
    struct walk walk = { .verify = { .terms = { .keys = &key,
                                                .key_count = 1,
                                                .strict = true,
                                                .checkpoints = &kept,
                                                .checkpoint_count = kept != NULL ? 1 : 0 } },
                         .piece = piece };

    walk_store(trail, &walk);
    return verdict_of(&walk.verify);
}

struct since {
    struct opp_verify verify;
    const struct opp_checkpoint *checkpoint;
};

static enum opp_code verify_since(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct since *since = arg;
    enum opp_code rc = opp_verify_from(&since->verify, tx, since->checkpoint, err);

    return rc == OPP_OK ? opp_verify_all(&since->verify, tx, err) : rc;
}

struct verdict trail_verify_from(struct trail_kit *trail, const struct opp_checkpoint *checkpoint)
{
    struct since since = { .checkpoint = checkpoint };

    assert_int_equal(opp_store_now(trail->kit.store, verify_since, &since, NULL), OPP_OK);
    return verdict_of(&since.verify);
}

struct verdict trail_verify_files(struct trail_kit *trail, const struct opp_sign_key *key, const char *const *files,
                                  bool store)
{
    struct walk walk = { .verify = { .terms = { .keys = &key, .key_count = key != NULL ? 1 : 0, .strict = true } },
                         .piece = 7 };
    struct opp_err err = { 0 };

    walk.verify.terms.strict = key != NULL;
    for (; *files != NULL; files++)
        if (opp_trail_file_verify(&walk.verify, *files, &err) != OPP_OK)
            opp_chain_blame(&walk.verify.chain, walk.verify.chain.seq + 1, "%s", err.message);
    if (store)
        walk_store(trail, &walk);
    else
        opp_verify_end(&walk.verify);
    return verdict_of(&walk.verify);
}

void trail_export(struct trail_kit *trail, int64_t from, int64_t to)
{
    struct opp_trail_copy copy = { .out = fopen(trail->file, "we"), .from = from, .to = to };

    assert_non_null(copy.out);
    while (!copy.done) {
        assert_int_equal(opp_store_now(trail->kit.store, opp_trail_copy_piece, &copy, NULL), OPP_OK);
        assert_int_equal(opp_trail_copy_write(&copy, NULL), OPP_OK);
    }
    opp_trail_copy_clear(&copy);
    assert_int_equal(fclose(copy.out), 0);
}
