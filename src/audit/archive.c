/* SPDX-License-Identifier: MIT */
#include "audit/archive.h"

#include "audit/audit.h"
#include "audit/checkpoint.h"
#include "audit/trail_copy.h"
#include "audit/trail_file.h"
#include "audit/verify.h"
#include "base/crash.h"
#include "base/file.h"
#include "store/store.h"
#include "store/tx.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROWS_A_PIECE 5000   /* that are read in one transaction */
#define ROWS_A_REMOVAL 1000 /* that are removed in one, and what is left up to the next checkpoint */

/* An archiving, and how far it has come. */
struct work {
    struct opp_archive *archive;
    struct opp_session *session;
    struct opp_verify verify;
    struct opp_checkpoint *cut; /* up to where rows are removed next */
};

static enum opp_code check_piece(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_verify_rows(&((struct work *)arg)->verify, tx, ROWS_A_PIECE, err);
}

/* Between two pieces. */
static enum opp_code go_on(const struct work *work, struct opp_err *err)
{
    const atomic_bool *cancel = work->archive->cancel;

    return cancel != NULL && atomic_load(cancel) ? opp_fail(err, OPP_E_UNAVAILABLE, "the gateway is about to end")
                                                 : OPP_OK;
}

/* Gives OPP_E_VALIDATION where what was checked does not hold. */
static enum opp_code judge(const struct opp_verify *verify, const char *what, struct opp_err *err)
{
    if (verify->chain.first_bad == 0)
        return OPP_OK;
    return opp_fail(err, OPP_E_VALIDATION, "%s is bad from row %lld on: %s", what, (long long)verify->chain.first_bad,
                    verify->chain.why);
}

static enum opp_code verify_store(struct work *work, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    work->verify.terms.keys = &work->archive->key;
    work->verify.terms.key_count = 1;
    while (rc == OPP_OK && !work->verify.done) {
        rc = opp_session_now(work->session, check_piece, work, err);
        if (rc == OPP_OK)
            rc = go_on(work, err);
    }
    return rc == OPP_OK ? judge(&work->verify, "the trail", err) : rc;
}

static enum opp_code take_cut(void *arg, void *record, struct opp_err *err)
{
    const struct opp_checkpoint *checkpoint = record;
    struct opp_archive *archive = arg;

    (void)err;
    archive->to = checkpoint->seq;
    snprintf(archive->hash, sizeof archive->hash, "%s", checkpoint->hash);
    opp_record_free(&OPP_CHECKPOINT, record);
    return OPP_OK;
}

static enum opp_code take_first(void *arg, void *record, struct opp_err *err)
{
    struct opp_archive *archive = arg;

    (void)err;
    archive->from = ((const struct opp_audit_row *)record)->seq;
    opp_record_free(&OPP_AUDIT_ROW, record);
    return OPP_OK;
}

static enum opp_code find_cut(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_archive *archive = arg;
    struct opp_query cut = { .record = &OPP_CHECKPOINT, .order = "seq", .descending = true, .limit = 1 };
    struct opp_query first = { .record = &OPP_AUDIT_ROW, .order = "seq", .limit = 1 };
    enum opp_code rc;

    opp_query_number(&cut, "time", OPP_BELOW, archive->before_ms);
    rc = opp_tx_each(tx, &cut, take_cut, archive, err);
    if (rc == OPP_OK)
        rc = opp_tx_each(tx, &first, take_first, archive, err);
    if (archive->from == 0 || archive->to < archive->from)
        archive->from = archive->to = 0;
    return rc;
}

static enum opp_code copy_rows(const struct work *work, FILE *out, struct opp_err *err)
{
    struct opp_trail_copy copy = { .out = out, .from = work->archive->from, .to = work->archive->to };
    enum opp_code rc = OPP_OK;

    while (rc == OPP_OK && !copy.done) {
        rc = opp_session_now(work->session, opp_trail_copy_piece, &copy, err);
        if (rc == OPP_OK)
            rc = opp_trail_copy_write(&copy, err);
        if (rc == OPP_OK)
            rc = go_on(work, err);
    }
    opp_trail_copy_clear(&copy);
    return rc;
}

static enum opp_code verify_file(const struct opp_archive *archive, const char *path, struct opp_err *err)
{
    struct opp_verify verify = { .terms = { .keys = &archive->key, .key_count = 1 } };
    enum opp_code rc = opp_trail_file_verify(&verify, path, err);

    opp_verify_end(&verify);
    if (rc == OPP_OK)
        rc = judge(&verify, path, err);
    if (rc == OPP_OK && (verify.chain.seq != archive->to || verify.last_checkpoint != archive->to ||
                         strcmp(verify.chain.hash, archive->hash) != 0))
        rc = opp_fail(err, OPP_E_IO, "%s is not what was to be written", path);
    opp_verify_clear(&verify);
    return rc;
}

static enum opp_code fail_file(const char *path, struct opp_err *err)
{
    return opp_fail(err, errno == EEXIST ? OPP_E_EXISTS : OPP_E_IO, "cannot write %s: %s", path,
                    strerrordesc_np(errno));
}

/* Under another name until it is whole and was verified. */
static enum opp_code write_file(const struct work *work, struct opp_err *err)
{
    const struct opp_archive *archive = work->archive;
    char partial[PATH_MAX];
    FILE *out;
    enum opp_code rc;

    if (snprintf(partial, sizeof partial, "%s.partial", archive->path) >= (int)sizeof partial)
        return opp_fail(err, OPP_E_IO, "the path of the archive is too long");
    out = fopen(partial, "we");
    if (out == NULL)
        return fail_file(partial, err);
    rc = copy_rows(work, out, err);
    if (rc == OPP_OK && fsync(fileno(out)) != 0)
        rc = fail_file(partial, err);
    if (fclose(out) != 0 && rc == OPP_OK)
        rc = fail_file(partial, err);
    opp_crash_point("archive.copied");
    if (rc == OPP_OK)
        rc = verify_file(archive, partial, err);
    if (rc == OPP_OK)
        rc = opp_file_rename_new(partial, archive->path, err);
    if (rc != OPP_OK)
        unlink(partial);
    return rc;
}

static enum opp_code record_it(const struct work *work, struct opp_tx *tx, struct opp_err *err)
{
    const struct opp_archive *archive = work->archive;
    struct opp_audit_event event = { .action = OPP_AUDIT_ARCHIVE_ACTION,
                                     .status = "success",
                                     .performed_by_user_id = archive->by,
                                     .request_id = archive->request_id,
                                     .created_at = archive->now_ms };
    json_t *details = json_pack("{s:I, s:s, s:s, s:I}", "from", (json_int_t)archive->from, "hash", work->cut->hash,
                                "path", archive->path, "to", (json_int_t)work->cut->seq);
    enum opp_code rc;

    if (details == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an audit row");
    event.details = details;
    rc = opp_audit_append(tx, &event, err);
    json_decref(details);
    return rc;
}

static enum opp_code remove_rows(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct work *work = arg;
    struct opp_query rows = { .record = &OPP_AUDIT_ROW }, checkpoints = { .record = &OPP_CHECKPOINT };
    enum opp_code rc = record_it(work, tx, err);

    opp_query_number(&rows, "seq", OPP_BELOW, work->cut->seq + 1);
    opp_query_number(&checkpoints, "seq", OPP_BELOW, work->cut->seq);
    if (rc == OPP_OK)
        rc = opp_tx_remove(tx, &rows, NULL, err);
    if (rc == OPP_OK)
        rc = opp_tx_remove(tx, &checkpoints, NULL, err);
    opp_crash_point("archive.removed");
    return rc;
}

/* The checkpoint that the archive ends with is the last that is found, if none before it is. */
static enum opp_code find_next_cut(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct work *work = arg;
    int64_t from = work->cut != NULL ? work->cut->seq + 1 : work->archive->from;
    int64_t last = from + ROWS_A_REMOVAL - 1;

    opp_record_free(&OPP_CHECKPOINT, work->cut);
    work->cut = NULL;
    return opp_checkpoint_from(tx, last < work->archive->to ? last : work->archive->to, &work->cut, err);
}

/* A trail always begins behind a checkpoint of which a row says that it was archived up to there. */
static enum opp_code remove_all(struct work *work, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    while (rc == OPP_OK && (work->cut == NULL || work->cut->seq < work->archive->to)) {
        rc = opp_session_now(work->session, find_next_cut, work, err);
        if (rc == OPP_OK)
            rc = opp_store_now(work->archive->store, remove_rows, work, err);
        if (rc == OPP_OK && work->cut->seq < work->archive->to)
            rc = go_on(work, err);
    }
    return rc;
}

static enum opp_code archive_all(struct work *work, struct opp_err *err)
{
    struct opp_archive *archive = work->archive;
    enum opp_code rc = verify_store(work, err);

    if (rc == OPP_OK)
        rc = opp_session_now(work->session, find_cut, archive, err);
    if (rc != OPP_OK || archive->to == 0)
        return rc;
    rc = write_file(work, err);
    opp_crash_point("archive.written");
    return rc == OPP_OK ? remove_all(work, err) : rc;
}

enum opp_code opp_audit_archive(struct opp_archive *archive, struct opp_err *err)
{
    struct work work = { .archive = archive };
    enum opp_code rc;

    archive->from = archive->to = 0;
    if (access(archive->path, F_OK) == 0)
        return opp_fail(err, OPP_E_EXISTS, "%s is there already", archive->path);
    rc = opp_session_open_dir(archive->dir, &work.session, err);
    if (rc == OPP_OK)
        rc = archive_all(&work, err);
    opp_verify_clear(&work.verify);
    opp_record_free(&OPP_CHECKPOINT, work.cut);
    opp_session_close(work.session);
    return rc;
}
