/* SPDX-License-Identifier: MIT */
#include "command/audit_terms.h"

#include "audit/checkpoint.h"
#include "base/file.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define POINTER_BYTES sizeof(void *)
#define FILE_MAX_BYTES ((size_t)64 * 1024 * 1024)

static enum opp_code load_keys(const json_t *files, const char *data_dir, struct opp_audit_terms *out,
                               struct opp_err *err)
{
    struct opp_err why = { 0 };
    enum opp_code rc = OPP_OK;
    size_t count = json_array_size(files);

    if (count > OPP_AUDIT_KEYS_MAX)
        return opp_fail(err, OPP_E_VALIDATION, "there are more than %d keys", OPP_AUDIT_KEYS_MAX);
    for (size_t i = 0; rc == OPP_OK && i < count; i++)
        rc = opp_audit_key_load(json_string_value(json_array_get(files, i)), &out->keys[i], err);
    if (count == 0 && data_dir != NULL) {
        rc = opp_audit_key_open(data_dir, false, &out->keys[0], NULL, &why);
        count = rc == OPP_OK ? 1 : 0;
        if (rc != OPP_OK)
            rc = rc == OPP_E_ABSENT ? OPP_OK : opp_fail(err, rc, "%s", why.message);
    }
    out->terms.keys = (const struct opp_sign_key *const *)out->keys;
    out->terms.key_count = count;
    out->terms.strict = json_array_size(files) > 0;
    return rc;
}

/* A line of the log says it in other words. */
static enum opp_code read_one(const json_t *value, struct opp_checkpoint **out, struct opp_err *err)
{
    const char *seq = opp_json_text(value, "seq");
    json_t *said;
    enum opp_code rc;

    if (json_object_get(value, "checkpoint") != NULL)
        return opp_checkpoint_read(json_object_get(value, "checkpoint"), out, err);
    if (seq == NULL)
        return opp_checkpoint_read(value, out, err);
    said = json_pack("{s:I, s:O?, s:O?, s:O?, s:O?, s:O?}", "seq", (json_int_t)atoll(seq), "hash",
                     json_object_get(value, "hash"), "link", json_object_get(value, "link"), "key",
                     json_object_get(value, "key"), "signature", json_object_get(value, "signature"), "time",
                     json_object_get(value, "signed_at"));
    rc = opp_checkpoint_read(said, out, err);
    json_decref(said);
    return rc;
}

static enum opp_code add_one(const json_t *value, struct opp_audit_terms *out, struct opp_err *err)
{
    size_t count = out->terms.checkpoint_count;
    struct opp_checkpoint **grown = realloc(out->checkpoints, (count + 1) * POINTER_BYTES);
    enum opp_code rc;

    if (grown == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the checkpoints");
    out->checkpoints = grown;
    rc = read_one(value, &grown[count], err);
    if (rc == OPP_OK)
        out->terms.checkpoint_count++;
    return rc;
}

static enum opp_code add_list(const json_t *list, struct opp_audit_terms *out, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < json_array_size(list); i++)
        rc = add_one(json_array_get(list, i), out, err);
    return rc;
}

/* Of a log, the lines that are about something else are passed over; and so is what is no JSON, which a write that
 * stopped in the middle leaves. Who reads the verdict is told how many. */
static enum opp_code add_lines(char *text, struct opp_audit_terms *out, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); rc == OPP_OK && line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        json_t *value = json_loads(line, 0, NULL);
        const char *event = opp_json_text(value, "event");

        if (value == NULL)
            out->unreadable++;
        else if (event == NULL || strcmp(event, "audit.checkpoint") == 0)
            rc = add_one(value, out, err);
        json_decref(value);
    }
    return rc;
}

static enum opp_code add_file(const char *path, struct opp_audit_terms *out, struct opp_err *err)
{
    struct opp_err why = { 0 };
    size_t length = 0, before = out->terms.checkpoint_count;
    char *text = NULL;
    json_t *whole, *list;
    enum opp_code rc = opp_file_read(path, FILE_MAX_BYTES, &text, &length, err);

    if (rc != OPP_OK)
        return rc;
    whole = json_loadb(text, length, 0, NULL);
    list = json_object_get(whole, "data") != NULL ? json_object_get(whole, "data") : whole;
    list = json_object_get(list, "items") != NULL ? json_object_get(list, "items") : list;
    rc = json_is_array(list) ? add_list(list, out, &why) : add_lines(text, out, &why);
    if (rc == OPP_OK && out->terms.checkpoint_count == before)
        rc = opp_fail(&why, OPP_E_VALIDATION, "there is no checkpoint in it");
    if (rc != OPP_OK)
        rc = opp_fail(err, rc == OPP_E_VALIDATION ? OPP_E_CONFIG : rc, "%s: %s", path, why.message);
    json_decref(whole);
    free(text);
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct opp_checkpoint *const *left = a, *const *right = b;

    return ((*left)->seq > (*right)->seq) - ((*left)->seq < (*right)->seq);
}

enum opp_code opp_audit_terms_load(const json_t *keys, const json_t *checkpoints, const char *data_dir,
                                   struct opp_audit_terms *out, struct opp_err *err)
{
    enum opp_code rc;

    *out = (struct opp_audit_terms){ .checkpoints = NULL };
    rc = load_keys(keys, data_dir, out, err);
    for (size_t i = 0; rc == OPP_OK && i < json_array_size(checkpoints); i++)
        rc = add_file(json_string_value(json_array_get(checkpoints, i)), out, err);
    if (out->terms.checkpoint_count > 0)
        qsort(out->checkpoints, out->terms.checkpoint_count, POINTER_BYTES, compare);
    out->terms.checkpoints = out->checkpoints;
    return rc;
}

void opp_audit_terms_clear(struct opp_audit_terms *terms)
{
    for (size_t i = 0; i < OPP_AUDIT_KEYS_MAX; i++)
        opp_sign_key_free(terms->keys[i]);
    for (size_t i = 0; i < terms->terms.checkpoint_count; i++)
        opp_record_free(&OPP_CHECKPOINT, terms->checkpoints[i]);
    free(terms->checkpoints);
    *terms = (struct opp_audit_terms){ .checkpoints = NULL };
}
