/* SPDX-License-Identifier: MIT */
#include "audit/audit.h"

#include "base/buf.h"
#include "base/date.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/jcs.h"
#include "base/json.h"
#include "store/tx.h"

#include <string.h>

static bool is_ascii(const char *text)
{
    while (*text != '\0' && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

static bool is_utf8(const char *text)
{
    json_t *string = json_string(text);

    json_decref(string);
    return string != NULL;
}

/* A stranger's header holds any bytes, and a row is JSON: text that is no UTF-8 is kept with ? for what is not ASCII.
 */
static void add_header(struct opp_buf *row, const char *name, const char *value)
{
    struct opp_buf plain = { 0 };

    if (value == NULL || is_ascii(value) || is_utf8(value)) {
        opp_jcs_member_text(row, name, value);
        return;
    }
    for (const char *at = value; *at != '\0'; at++)
        opp_buf_char(&plain, (char)((unsigned char)*at < 0x80 ? *at : '?'));
    opp_buf_char(&plain, '\0');
    row->failed = row->failed || plain.failed;
    if (!plain.failed)
        opp_jcs_member_text(row, name, plain.bytes);
    opp_buf_free(&plain);
}

/* What the event tells, and the rules that spoke under it. */
static void add_details(struct opp_buf *row, const struct opp_audit_event *event)
{
    json_t *joined;

    if (event->rules == NULL) {
        opp_jcs_member_json(row, "details", event->details);
        return;
    }
    joined = event->details != NULL ? json_copy((json_t *)(uintptr_t)event->details) : json_object();
    if (json_object_set(joined, "rules", (json_t *)(uintptr_t)event->rules) == 0)
        opp_jcs_member_json(row, "details", joined);
    else
        row->failed = true;
    json_decref(joined);
}

/* In the order of the names, as RFC 8785 wants them. */
static void write_row(struct opp_buf *row, const struct opp_audit_event *event, const struct opp_chain_head *head)
{
    char created_at[OPP_DATE_MAX], id[OPP_ID_MAX];

    opp_date_format(event->created_at, created_at);
    opp_id_make(id, "aud_", event->created_at);
    opp_buf_char(row, '{');
    opp_jcs_member_text(row, "action", event->action);
    opp_jcs_member_text(row, "actor_user_id", event->actor_user_id);
    opp_jcs_member_text(row, "app_id", event->app_id);
    opp_jcs_member_text(row, "client_request_id", event->client_request_id);
    opp_jcs_member_text(row, "code", opp_code_name(event->code));
    opp_jcs_member_text(row, "created_at", created_at);
    add_details(row, event);
    opp_jcs_member_text(row, "draft_id", event->draft_id);
    opp_jcs_member_text(row, "execution_id", event->execution_id);
    opp_jcs_member_text(row, "id", id);
    opp_jcs_member_text(row, "ip", event->ip);
    opp_jcs_member_text(row, "key_id", event->key_id);
    opp_jcs_member_text(row, "performed_by_user_id", event->performed_by_user_id);
    opp_jcs_member_text(row, "policy_generation", event->policy_generation);
    opp_jcs_member_text(row, "prev_event_hash", head->hash);
    opp_jcs_member_text(row, "request_id", event->request_id);
    opp_jcs_member_integer(row, "seq", head->seq + 1);
    opp_jcs_member_text(row, "status", event->status);
    add_header(row, "user_agent", event->user_agent);
    opp_buf_char(row, '}');
}

/* The record lends the event's strings for the insert: const is cast away and nothing is freed. */
static char *lent(const char *text)
{
    union {
        const char *in;
        char *out;
    } cast = { .in = text };

    return cast.out;
}

enum opp_code opp_audit_append(struct opp_tx *tx, const struct opp_audit_event *event, struct opp_err *err)
{
    const struct opp_chain_head *head = opp_tx_chain(tx);
    struct opp_audit_row record = { .seq = head->seq + 1, .created_at = event->created_at };
    char event_hash[OPP_HASH_HEX];
    struct opp_buf row = { 0 };
    enum opp_code rc;

    write_row(&row, event, head);
    rc = opp_buf_check(&row, err);
    if (rc == OPP_OK) {
        opp_hash_hex(row.bytes, row.length, event_hash);
        opp_buf_char(&row, '\0');
        rc = opp_buf_check(&row, err);
    }
    if (rc == OPP_OK) {
        record.app_id = lent(event->app_id);
        record.org_id = lent(event->org_id);
        record.action = lent(event->action);
        record.status = lent(event->status);
        record.draft_id = lent(event->draft_id);
        record.row = row.bytes;
        record.event_hash = event_hash;
        rc = opp_tx_chain_append(tx, &record, err);
    }
    opp_buf_free(&row);
    return rc;
}

static bool says(const json_t *value, const char *name, const char *text)
{
    const char *said = json_string_value(json_object_get(value, name));

    return said == NULL || text == NULL ? said == text : strcmp(said, text) == 0;
}

/* What lists are filtered by stands beside the row as well; the organisation stands only there. */
static bool columns_agree(const json_t *value, const struct opp_audit_row *row)
{
    char created_at[OPP_DATE_MAX];

    opp_date_format(row->created_at, created_at);
    return json_integer_value(json_object_get(value, "seq")) == row->seq && says(value, "action", row->action) &&
           says(value, "status", row->status) && says(value, "app_id", row->app_id) &&
           says(value, "draft_id", row->draft_id) && says(value, "created_at", created_at);
}

static bool row_holds(const struct opp_audit_row *row, const char *previous, int64_t expected_seq)
{
    char hash[OPP_HASH_HEX];
    json_t *value = NULL;
    bool holds;

    opp_hash_hex(row->row, strlen(row->row), hash);
    if (row->seq != expected_seq || strcmp(hash, row->event_hash) != 0)
        return false;
    holds = opp_json_read(row->row, strlen(row->row), &value) == OPP_OK && columns_agree(value, row) &&
            says(value, "prev_event_hash", previous);
    json_decref(value);
    return holds;
}

static enum opp_code walk_row(void *arg, void *record, struct opp_err *err)
{
    struct opp_audit_walk *walk = arg;
    struct opp_audit_row *row = record;

    (void)err;
    walk->verdict.rows++;
    walk->last_seq = row->seq;
    if (walk->verdict.first_bad == 0 && !row_holds(row, walk->previous, walk->verdict.rows))
        walk->verdict.first_bad = walk->verdict.rows;
    memcpy(walk->previous, row->event_hash, strnlen(row->event_hash, OPP_HASH_HEX - 1));
    opp_record_free(&OPP_AUDIT_ROW, row);
    return OPP_OK;
}

enum opp_code opp_audit_walk(struct opp_tx *tx, struct opp_audit_walk *walk, size_t rows, struct opp_err *err)
{
    struct opp_query next = { .record = &OPP_AUDIT_ROW, .order = "seq", .limit = rows };
    int64_t before = walk->verdict.rows;
    enum opp_code rc;

    if (walk->previous[0] == '\0')
        memset(walk->previous, '0', OPP_HASH_HEX - 1);
    if (before > 0) /* from the very first, whatever number a forger gave it */
        opp_query_number(&next, "seq", OPP_ABOVE, walk->last_seq);
    rc = opp_tx_each(tx, &next, walk_row, walk, err);
    walk->done = rows == 0 || walk->verdict.rows - before < (int64_t)rows;
    return rc;
}

enum opp_code opp_audit_verify(struct opp_tx *tx, struct opp_audit_verdict *out, struct opp_err *err)
{
    struct opp_audit_walk walk = { 0 };
    enum opp_code rc = opp_audit_walk(tx, &walk, 0, err);

    if (rc == OPP_OK)
        *out = walk.verdict;
    return rc;
}
