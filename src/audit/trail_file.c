/* SPDX-License-Identifier: MIT */
#include "audit/trail_file.h"

#include "audit/checkpoint.h"
#include "audit/verify.h"
#include "base/jcs.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE_HASH "{\"event_hash\":\""
#define BEFORE_ROW "\",\"row\":"
#define BEFORE_CHECKPOINT "{\"checkpoint\":"
#define LENGTH(text) (sizeof(text) - 1)

void opp_trail_file_head(struct opp_buf *out, int64_t from, int64_t to, const char *previous)
{
    opp_buf_char(out, '{');
    opp_jcs_member_integer(out, "from", from);
    opp_jcs_member_text(out, "previous", previous);
    opp_jcs_member_integer(out, "to", to);
    opp_jcs_member_text(out, "trail", "oppd");
    opp_buf_text(out, "}\n");
}

void opp_trail_file_row(struct opp_buf *out, const struct opp_audit_row *row)
{
    opp_buf_text(out, BEFORE_HASH);
    opp_buf_text(out, row->event_hash);
    opp_buf_text(out, BEFORE_ROW);
    opp_buf_text(out, row->row);
    opp_buf_text(out, "}\n");
}

void opp_trail_file_checkpoint(struct opp_buf *out, const struct opp_checkpoint *checkpoint)
{
    json_t *shown = opp_checkpoint_show(checkpoint);

    out->failed = out->failed || shown == NULL;
    opp_buf_text(out, BEFORE_CHECKPOINT);
    opp_jcs_write(out, shown);
    opp_buf_text(out, "}\n");
    json_decref(shown);
}

struct reading {
    struct opp_verify *verify;
    const char *path;
    FILE *file;
    char *line;
    size_t capacity, length; /* of the line, without its end */
    int64_t to;
    struct opp_err *err;
};

/* False: there is none. The last one's end may be missing: where more is, that shows in what it says. */
static bool next_line(struct reading *reading)
{
    ssize_t got = getline(&reading->line, &reading->capacity, reading->file);

    if (got <= 0)
        return false;
    reading->length = (size_t)got;
    if (reading->line[reading->length - 1] != '\n')
        return true;
    reading->line[--reading->length] = '\0';
    return true;
}

static enum opp_code read_head(struct reading *reading)
{
    json_t *head = next_line(reading) ? json_loadb(reading->line, reading->length, 0, NULL) : NULL;
    const char *previous = opp_json_text(head, "previous"), *trail = opp_json_text(head, "trail");
    json_int_t from = json_integer_value(json_object_get(head, "from"));
    enum opp_code rc = OPP_OK;

    reading->to = json_integer_value(json_object_get(head, "to"));
    if (previous == NULL || strlen(previous) != OPP_HASH_HEX - 1 || trail == NULL || strcmp(trail, "oppd") != 0 ||
        from < 1 || reading->to < from - 1)
        rc = opp_fail(reading->err, OPP_E_VALIDATION, "%s does not begin as a part of an audit trail", reading->path);
    else
        opp_verify_go_on(reading->verify, from - 1, previous);
    json_decref(head);
    return rc;
}

static bool begins(const struct reading *reading, const char *text, size_t length)
{
    return reading->length > length && memcmp(reading->line, text, length) == 0;
}

/* The bytes of the row are taken as they stand there. */
static bool read_row(struct reading *reading)
{
    const size_t at_row = LENGTH(BEFORE_HASH) + OPP_HASH_HEX - 1 + LENGTH(BEFORE_ROW);
    char *line = reading->line;
    struct opp_chain_row row = { .bytes = line + at_row, .event_hash = line + LENGTH(BEFORE_HASH) };

    if (!begins(reading, BEFORE_HASH, LENGTH(BEFORE_HASH)) || reading->length < at_row + 2 ||
        memcmp(line + at_row - LENGTH(BEFORE_ROW), BEFORE_ROW, LENGTH(BEFORE_ROW)) != 0 ||
        line[reading->length - 1] != '}')
        return false;
    row.length = reading->length - at_row - 1;
    line[LENGTH(BEFORE_HASH) + OPP_HASH_HEX - 1] = '\0';
    opp_verify_row(reading->verify, &row);
    return true;
}

static bool read_checkpoint(struct reading *reading)
{
    struct opp_verify *verify = reading->verify;
    struct opp_checkpoint *checkpoint = NULL;
    json_t *value;
    bool taken;

    if (!begins(reading, BEFORE_CHECKPOINT, LENGTH(BEFORE_CHECKPOINT)))
        return false;
    value = json_loadb(reading->line, reading->length, JSON_REJECT_DUPLICATES, NULL);
    taken = opp_checkpoint_read(json_object_get(value, "checkpoint"), &checkpoint, NULL) == OPP_OK &&
            checkpoint->seq == verify->chain.seq;
    if (taken)
        opp_verify_checkpoint(verify, checkpoint);
    else
        opp_chain_blame(&verify->chain, verify->chain.seq, "behind it stands what is no checkpoint of it");
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
    json_decref(value);
    return true;
}

static void read_lines(struct reading *reading)
{
    struct opp_chain *chain = &reading->verify->chain;

    while (next_line(reading))
        if (!read_row(reading) && !read_checkpoint(reading))
            opp_chain_blame(chain, chain->seq + 1, "where it should be there is no row");
    if (chain->seq < reading->to)
        opp_chain_blame(chain, chain->seq + 1, "it is missing, and the file should go on up to row %lld",
                        (long long)reading->to);
    else if (chain->seq > reading->to)
        opp_chain_blame(chain, reading->to + 1, "the file should end before it");
}

enum opp_code opp_trail_file_check(struct opp_verify *verify, FILE *file, const char *name, struct opp_err *err)
{
    struct reading reading = { .verify = verify, .path = name, .file = file, .err = err };
    enum opp_code rc = read_head(&reading);

    if (rc == OPP_OK)
        read_lines(&reading);
    if (ferror(file))
        rc = opp_fail(err, OPP_E_IO, "cannot read %s", name);
    free(reading.line);
    return rc;
}

enum opp_code opp_trail_file_verify(struct opp_verify *verify, const char *path, struct opp_err *err)
{
    FILE *file = fopen(path, "re");
    enum opp_code rc;

    if (file == NULL)
        return opp_fail(err, errno == ENOENT ? OPP_E_ABSENT : OPP_E_IO, "cannot open %s: %s", path,
                        strerrordesc_np(errno));
    rc = opp_trail_file_check(verify, file, path, err);
    fclose(file);
    return rc;
}
