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
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum opp_code check_trail(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_verify_all(arg, tx, err);
}

/* Gives OPP_E_VALIDATION where what was checked does not hold. */
static enum opp_code judge(const struct opp_verify *verify, const char *what, struct opp_err *err)
{
    if (verify->chain.first_bad == 0)
        return OPP_OK;
    return opp_fail(err, OPP_E_VALIDATION, "%s is bad from row %lld on: %s", what, (long long)verify->chain.first_bad,
                    verify->chain.why);
}

static enum opp_code verify_store(const struct opp_archive *archive, struct opp_err *err)
{
    struct opp_verify verify = { .terms = { .keys = &archive->key, .key_count = 1 } };
    enum opp_code rc = opp_store_now(archive->store, check_trail, &verify, err);

    if (rc == OPP_OK)
        rc = judge(&verify, "the trail", err);
    opp_verify_clear(&verify);
    return rc;
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

static enum opp_code copy_rows(const struct opp_archive *archive, FILE *out, struct opp_err *err)
{
    struct opp_trail_copy copy = { .out = out, .from = archive->from, .to = archive->to };
    enum opp_code rc = OPP_OK;

    while (rc == OPP_OK && !copy.done)
        rc = opp_store_now(archive->store, opp_trail_copy_piece, &copy, err);
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
static enum opp_code write_file(const struct opp_archive *archive, struct opp_err *err)
{
    char partial[PATH_MAX];
    FILE *out;
    enum opp_code rc;

    if (snprintf(partial, sizeof partial, "%s.partial", archive->path) >= (int)sizeof partial)
        return opp_fail(err, OPP_E_IO, "the path of the archive is too long");
    out = fopen(partial, "we");
    if (out == NULL)
        return fail_file(partial, err);
    rc = copy_rows(archive, out, err);
    if (rc == OPP_OK && fsync(fileno(out)) != 0)
        rc = fail_file(partial, err);
    if (fclose(out) != 0 && rc == OPP_OK)
        rc = fail_file(partial, err);
    opp_crash_point("archive.copied");
    if (rc == OPP_OK)
        rc = verify_file(archive, partial, err);
    if (rc == OPP_OK && renameat2(AT_FDCWD, partial, AT_FDCWD, archive->path, RENAME_NOREPLACE) != 0)
        rc = fail_file(archive->path, err);
    if (rc == OPP_OK)
        rc = opp_file_sync_parent(archive->path, err);
    else
        unlink(partial);
    return rc;
}

static enum opp_code record_it(const struct opp_archive *archive, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_audit_event event = { .action = OPP_AUDIT_ARCHIVE_ACTION,
                                     .status = "success",
                                     .performed_by_user_id = archive->by,
                                     .created_at = archive->now_ms };
    json_t *details = json_pack("{s:I, s:s, s:I}", "from", (json_int_t)archive->from, "hash", archive->hash, "to",
                                (json_int_t)archive->to);
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
    const struct opp_archive *archive = arg;
    struct opp_query rows = { .record = &OPP_AUDIT_ROW }, checkpoints = { .record = &OPP_CHECKPOINT };
    enum opp_code rc = record_it(archive, tx, err);

    opp_query_number(&rows, "seq", OPP_BELOW, archive->to + 1);
    opp_query_number(&checkpoints, "seq", OPP_BELOW, archive->to);
    if (rc == OPP_OK)
        rc = opp_tx_remove(tx, &rows, NULL, err);
    if (rc == OPP_OK)
        rc = opp_tx_remove(tx, &checkpoints, NULL, err);
    opp_crash_point("archive.removed");
    return rc;
}

enum opp_code opp_audit_archive(struct opp_archive *archive, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    archive->from = archive->to = 0;
    if (access(archive->path, F_OK) == 0)
        return opp_fail(err, OPP_E_EXISTS, "%s is there already", archive->path);
    rc = verify_store(archive, err);
    if (rc == OPP_OK)
        rc = opp_store_now(archive->store, find_cut, archive, err);
    if (rc != OPP_OK || archive->to == 0)
        return rc;
    rc = write_file(archive, err);
    opp_crash_point("archive.written");
    if (rc == OPP_OK)
        rc = opp_store_now(archive->store, remove_rows, archive, err);
    return rc;
}
