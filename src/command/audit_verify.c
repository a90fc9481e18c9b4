/* SPDX-License-Identifier: MIT */
#include "audit/checkpoint.h"
#include "audit/trail_file.h"
#include "base/date.h"
#include "base/json.h"
#include "command/audit.h"
#include "command/audit_terms.h"
#include "command/command.h"
#include "command/data_dir.h"
#include "command/offline.h"
#include "store/store.h"

#include <stdio.h>

#define ROWS_A_PIECE 10000

static int run(const json_t *args);

static const struct opp_flag FLAGS[] = {
    { "data", OPP_FLAG_TEXT, "DIR", "data", "The data directory; \"var\" if neither a FILE nor anything else says." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for its data directory." },
    { "checkpoint", OPP_FLAG_LIST, "FILE", "checkpoint",
      "Checkpoints that were kept elsewhere: what audit.checkpoint_file got, the log, or GET audit/checkpoints." },
    { "key", OPP_FLAG_LIST, "FILE", "key",
      "The public key in PEM, as GET audit/key gave it; every checkpoint must be signed by it, or by one of several." },
    { "since-checkpoint", OPP_FLAG_SWITCH, NULL, "since",
      "Begin behind the newest checkpoint of --checkpoint, or else of the data directory, instead of at the first "
      "row." },
};

const struct opp_command OPP_COMMAND_AUDIT_VERIFY = {
    .name = "audit verify",
    .summary = "Check the audit trail of a data directory, also while it is in use, or of files; FILEs before --data.",
    .flags = FLAGS,
    .flag_count = sizeof FLAGS / sizeof *FLAGS,
    .operand = "FILE",
    .operands = true,
    .run = run,
};

struct checking {
    struct opp_verify verify;
    const struct opp_audit_terms *terms;
    bool since;
};

/* Where --since-checkpoint begins: the newest that was given, or the newest that is stored. */
static enum opp_code begin(struct checking *checking, struct opp_tx *tx, struct opp_err *err)
{
    const struct opp_verify_terms *terms = &checking->terms->terms;
    struct opp_checkpoint *stored = NULL;
    enum opp_code rc;

    if (terms->checkpoint_count > 0)
        return opp_verify_from(&checking->verify, tx, terms->checkpoints[terms->checkpoint_count - 1], err);
    rc = opp_checkpoint_before(tx, 0, &stored, err);
    if (rc == OPP_OK)
        rc = opp_verify_from(&checking->verify, tx, stored, err);
    opp_record_free(&OPP_CHECKPOINT, stored);
    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

static enum opp_code check_piece(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct checking *checking = arg;
    enum opp_code rc = OPP_OK;

    if (checking->since && !checking->verify.begun)
        rc = begin(checking, tx, err);
    return rc == OPP_OK ? opp_verify_rows(&checking->verify, tx, ROWS_A_PIECE, err) : rc;
}

static enum opp_code check_store(struct checking *checking, const char *data_dir, struct opp_err *err)
{
    struct opp_session *session = NULL;
    enum opp_code rc = opp_session_open_dir(data_dir, &session, err);

    while (rc == OPP_OK && !checking->verify.done)
        rc = opp_session_now(session, check_piece, checking, err);
    opp_session_close(session);
    if (rc != OPP_OK)
        opp_data_dir_blame(data_dir, err);
    return rc;
}

/* data_dir NULL: files alone. */
static enum opp_code check(struct checking *checking, const json_t *files, const char *data_dir, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    checking->verify.terms = checking->terms->terms;
    for (size_t i = 0; rc == OPP_OK && i < json_array_size(files); i++)
        rc = opp_trail_file_verify(&checking->verify, json_string_value(json_array_get(files, i)), err);
    if (rc == OPP_OK && data_dir != NULL)
        return check_store(checking, data_dir, err);
    if (rc == OPP_OK)
        opp_verify_end(&checking->verify);
    return rc;
}

static void print_checkpoints(const struct opp_verify *verify)
{
    char time[OPP_DATE_MAX];

    opp_date_format(verify->last_checkpoint_time, time);
    if (verify->checkpoints > 0)
        printf("%lld checkpoints lie on it, the newest of row %lld, signed on %s.\n", (long long)verify->checkpoints,
               (long long)verify->last_checkpoint, time);
    if (verify->foreign > 0)
        printf("The signatures of %lld of them were not checked: their key is not here (--key).\n",
               (long long)verify->foreign);
    if (verify->kept > 0)
        printf("Of those that were kept elsewhere, the newest is of row %lld; what is behind it rests on what lies "
               "beside it.\n",
               (long long)verify->last_kept);
    if (verify->terms.checkpoint_count == 0)
        printf("No checkpoint from elsewhere was given (--checkpoint): that its end is there, and that it was not "
               "written anew, is not shown.\n");
}

/* Who gave checkpoints wants to know that they were held against the rows. */
static bool none_was_of_use(const struct opp_verify *verify)
{
    return verify->terms.checkpoint_count > 0 && verify->kept == 0;
}

static int print_verdict(const struct opp_verify *verify)
{
    const struct opp_chain *chain = &verify->chain;

    if (chain->first_bad != 0) {
        printf("The trail does not hold. Row %lld: %s.\n", (long long)chain->first_bad, chain->why);
        return OPP_EXIT_FAILED;
    }
    if (chain->rows > 0)
        printf("The trail holds: %lld rows, %lld to %lld.\n", (long long)chain->rows, (long long)verify->first,
               (long long)chain->seq);
    else
        printf("The trail holds: no rows after row %lld.\n", (long long)chain->seq);
    print_checkpoints(verify);
    if (!none_was_of_use(verify))
        return OPP_EXIT_OK;
    printf("None of the checkpoints from elsewhere is of one of these rows: they show nothing. Name newer ones, or the "
           "files of what was archived as well.\n");
    return OPP_EXIT_FAILED;
}

static int tell(const struct checking *checking)
{
    if (checking->terms->unreadable > 0)
        printf("%zu lines of the files of checkpoints are none, and were passed over.\n", checking->terms->unreadable);
    return print_verdict(&checking->verify);
}

static int run(const json_t *args)
{
    const json_t *files = json_object_get(args, "operands");
    bool store = files == NULL || json_object_get(args, "data") != NULL || json_object_get(args, "config") != NULL;
    struct opp_config config = { .workers = 0 };
    struct opp_audit_terms terms = { .checkpoints = NULL };
    struct checking checking = { .terms = &terms, .since = opp_json_true(args, "since") };
    struct opp_err err = { 0 };
    enum opp_code rc = opp_offline_data(&OPP_COMMAND_AUDIT_VERIFY, args, &config, &err);
    const char *data_dir = store ? config.data_dir : NULL;
    int code;

    if (rc == OPP_OK)
        rc = opp_audit_terms_load(json_object_get(args, "key"), json_object_get(args, "checkpoint"), data_dir, &terms,
                                  &err);
    if (rc == OPP_OK) {
        rc = check(&checking, files, data_dir, &err);
        if (rc == OPP_E_VALIDATION) /* a file that is no trail is a trail that does not hold */
            err.code = OPP_E_IO;
    }
    code = rc == OPP_OK ? tell(&checking) : opp_command_failed(&err);
    opp_verify_clear(&checking.verify);
    opp_audit_terms_clear(&terms);
    opp_config_clear(&config);
    return opp_command_printed(code);
}
