/* SPDX-License-Identifier: MIT */
#include "command/evidence.h"

#include "audit/checkpoint.h"
#include "base/file.h"
#include "base/jcs.h"
#include "base/json.h"
#include "command/command.h"
#include "command/data_dir.h"
#include "command/offline.h"
#include "core/evidence.h"
#include "store/store.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX_BYTES ((size_t)64 * 1024 * 1024)

static int run_make(const json_t *args);
static int run_verify(const json_t *args);

static const struct opp_flag MAKE_FLAGS[] = {
    { "data", OPP_FLAG_TEXT, "DIR", "data", "The gateway's data directory; \"var\" if nothing says otherwise." },
    { "config", OPP_FLAG_TEXT, "FILE", "config", "The gateway's oppd.yaml, for its data directory." },
};

const struct opp_command OPP_COMMAND_EVIDENCE = {
    .name = "evidence",
    .summary = "Write what shows, also to strangers, what was asked, decided and done about a draft, as JSON.",
    .flags = MAKE_FLAGS,
    .flag_count = sizeof MAKE_FLAGS / sizeof *MAKE_FLAGS,
    .operand = "DRAFT",
    .run = run_make,
};

static const struct opp_flag VERIFY_FLAGS[] = {
    { "key", OPP_FLAG_TEXT, "FILE", "key",
      "The gateway's public key in PEM, as GET audit/key gave it; without it the one in the file is taken." },
};

const struct opp_command OPP_COMMAND_EVIDENCE_VERIFY = {
    .name = "evidence verify",
    .summary = "Check such a FILE with nothing else.",
    .flags = VERIFY_FLAGS,
    .flag_count = sizeof VERIFY_FLAGS / sizeof *VERIFY_FLAGS,
    .operand = "FILE",
    .run = run_verify,
};

struct asking {
    const char *draft_id;
    const struct opp_sign_key *key;
    json_t *made;
};

static enum opp_code make(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct asking *asking = arg;
    void *draft = NULL, *execution = NULL;
    enum opp_code rc = opp_tx_get_any(tx, &OPP_DRAFT, "id", asking->draft_id, &draft, err);

    if (rc == OPP_E_ABSENT)
        return opp_fail(err, rc, "there is no draft %s", asking->draft_id);
    if (rc == OPP_OK)
        rc = opp_tx_get_any(tx, &OPP_EXECUTION, "draft_id", asking->draft_id, &execution, err);
    if (rc == OPP_OK || rc == OPP_E_ABSENT)
        rc = opp_evidence_make(tx, draft, execution, asking->key, &asking->made, err);
    opp_record_free(&OPP_DRAFT, draft);
    opp_record_free(&OPP_EXECUTION, execution);
    return rc;
}

static enum opp_code print(const json_t *evidence, struct opp_err *err)
{
    struct opp_buf text = { 0 };
    enum opp_code rc;

    opp_jcs_write(&text, evidence);
    opp_buf_char(&text, '\n');
    rc = opp_buf_check(&text, err);
    if (rc == OPP_OK && (fwrite(text.bytes, 1, text.length, stdout) != text.length || fflush(stdout) != 0))
        rc = opp_fail(err, OPP_E_IO, "cannot write the evidence");
    opp_buf_free(&text);
    return rc;
}

static enum opp_code make_from(const char *data_dir, struct asking *asking, struct opp_err *err)
{
    struct opp_session *session = NULL;
    struct opp_sign_key *key = NULL;
    enum opp_code rc = opp_audit_key_open(data_dir, false, &key, NULL, NULL);

    asking->key = key;
    if (rc == OPP_OK || rc == OPP_E_ABSENT)
        rc = opp_session_open_dir(data_dir, &session, err);
    else
        opp_fail(err, rc, "%s/" OPP_AUDIT_KEY_FILE " holds no key", data_dir);
    if (rc == OPP_OK)
        rc = opp_session_now(session, make, asking, err);
    opp_session_close(session);
    if (rc != OPP_OK)
        opp_data_dir_blame(data_dir, err);
    opp_sign_key_free(key);
    return rc;
}

static int tell_problem(const json_t *evidence)
{
    const char *problem = opp_json_text(evidence, "problem");

    if (problem == NULL)
        return OPP_EXIT_OK;
    fprintf(stderr, "oppd: the evidence does not hold: %s\n", problem);
    return OPP_EXIT_FAILED;
}

static int run_make(const json_t *args)
{
    struct asking asking = { .draft_id = opp_json_text(args, "operand") };
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };
    enum opp_code rc = opp_offline_data(&OPP_COMMAND_EVIDENCE, args, &config, &err);
    int code;

    if (rc == OPP_OK)
        rc = make_from(config.data_dir, &asking, &err);
    if (rc == OPP_OK)
        rc = print(asking.made, &err);
    if (rc == OPP_OK)
        code = tell_problem(asking.made);
    else
        code = opp_command_failed(&err);
    json_decref(asking.made);
    opp_config_clear(&config);
    return code;
}

/* As the command wrote it, or as the answer of GET drafts/{id}/evidence has it. */
static enum opp_code read_evidence(const char *path, json_t **out, struct opp_err *err)
{
    char *text = NULL;
    size_t length = 0;
    json_t *value, *data;
    enum opp_code rc = opp_file_read(path, FILE_MAX_BYTES, &text, &length, err);

    if (rc != OPP_OK)
        return rc;
    value = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    data = json_object_get(value, "data");
    *out = data != NULL ? json_incref(data) : json_incref(value);
    json_decref(value);
    return *out != NULL ? OPP_OK : opp_fail(err, OPP_E_IO, "%s is no JSON", path);
}

static int print_verdict(const json_t *evidence, const struct opp_evidence_verdict *verdict)
{
    printf("The evidence holds: %zu audit rows about draft %s, %lld to %lld.\n", verdict->rows,
           opp_json_text(json_object_get(evidence, "draft"), "id"), (long long)verdict->first,
           (long long)verdict->last);
    if (verdict->all_signed)
        return OPP_EXIT_OK;
    printf("Its last rows lie behind the newest checkpoint and are not signed yet: ask again in a minute.\n");
    return OPP_EXIT_FAILED;
}

static int run_verify(const json_t *args)
{
    const char *key_file = opp_json_text(args, "key");
    struct opp_evidence_verdict verdict;
    struct opp_sign_key *key = NULL;
    json_t *evidence = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc = key_file != NULL ? opp_audit_key_load(key_file, &key, &err) : OPP_OK;
    int code;

    if (rc == OPP_OK)
        rc = read_evidence(opp_json_text(args, "operand"), &evidence, &err);
    if (rc != OPP_OK) {
        code = opp_command_failed(&err);
    } else if (opp_evidence_verify(evidence, key, &verdict, &err) == OPP_OK) {
        code = print_verdict(evidence, &verdict);
        if (key == NULL)
            printf("It was held against the key that it has with it; only --key shows whose it is.\n");
    } else {
        printf("The evidence does not hold: %s.\n", err.message);
        code = OPP_EXIT_FAILED;
    }
    json_decref(evidence);
    opp_sign_key_free(key);
    return opp_command_printed(code);
}
