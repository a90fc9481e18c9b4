/* SPDX-License-Identifier: MIT */
#include "audit/audit.h"

#include "base/buf.h"
#include "base/date.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/jcs.h"
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
static void add_string(struct opp_buf *row, const char *value)
{
    struct opp_buf plain = { 0 };

    if (is_ascii(value) || is_utf8(value)) {
        opp_jcs_string(row, value, strlen(value));
        return;
    }
    for (const char *at = value; *at != '\0'; at++)
        opp_buf_char(&plain, (char)((unsigned char)*at < 0x80 ? *at : '?'));
    row->failed = row->failed || plain.failed;
    if (!plain.failed)
        opp_jcs_string(row, plain.bytes, plain.length);
    opp_buf_free(&plain);
}

/* A member of the row; the caller writes them in the order of their names, as RFC 8785 wants them. */
static void add_text(struct opp_buf *row, const char *name, const char *value)
{
    opp_buf_text(row, row->length == 1 ? "\"" : ",\"");
    opp_buf_text(row, name);
    opp_buf_text(row, "\":");
    if (value != NULL)
        add_string(row, value);
    else
        opp_buf_text(row, "null");
}

static void add_details(struct opp_buf *row, const struct opp_audit_event *event)
{
    json_t *joined = event->details != NULL ? json_copy((json_t *)(uintptr_t)event->details) : json_object();

    if (event->rules != NULL && json_object_set(joined, "rules", (json_t *)(uintptr_t)event->rules) != 0)
        row->failed = true;
    opp_buf_text(row, ",\"details\":");
    if (joined == NULL)
        row->failed = true;
    else if (event->details == NULL && event->rules == NULL)
        opp_buf_text(row, "null");
    else
        opp_jcs_write(row, joined);
    json_decref(joined);
}

static void write_row(struct opp_buf *row, const struct opp_audit_event *event, const struct opp_chain_head *head)
{
    char created_at[OPP_DATE_MAX], id[OPP_ID_MAX];

    opp_date_format(event->created_at, created_at);
    opp_id_make(id, "aud_", event->created_at);
    opp_buf_char(row, '{');
    add_text(row, "action", event->action);
    add_text(row, "actor_user_id", event->actor_user_id);
    add_text(row, "app_id", event->app_id);
    add_text(row, "client_request_id", event->client_request_id);
    add_text(row, "code", opp_code_name(event->code));
    add_text(row, "created_at", created_at);
    add_details(row, event);
    add_text(row, "draft_id", event->draft_id);
    add_text(row, "execution_id", event->execution_id);
    add_text(row, "id", id);
    add_text(row, "ip", event->ip);
    add_text(row, "key_id", event->key_id);
    add_text(row, "performed_by_user_id", event->performed_by_user_id);
    add_text(row, "policy_generation", event->policy_generation);
    add_text(row, "prev_event_hash", head->hash);
    add_text(row, "request_id", event->request_id);
    opp_buf_format(row, ",\"seq\":%lld", (long long)head->seq + 1);
    add_text(row, "status", event->status);
    add_text(row, "user_agent", event->user_agent);
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

struct walk {
    struct opp_audit_verdict verdict;
    char previous[OPP_HASH_HEX];
};

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
    json_t *value;
    bool holds;

    opp_hash_hex(row->row, strlen(row->row), hash);
    if (row->seq != expected_seq || strcmp(hash, row->event_hash) != 0)
        return false;
    value = json_loads(row->row, JSON_REJECT_DUPLICATES, NULL);
    holds = value != NULL && columns_agree(value, row) && says(value, "prev_event_hash", previous);
    json_decref(value);
    return holds;
}

static enum opp_code walk_row(void *arg, void *record, struct opp_err *err)
{
    struct walk *walk = arg;
    struct opp_audit_row *row = record;

    (void)err;
    walk->verdict.rows++;
    if (walk->verdict.first_bad == 0 && !row_holds(row, walk->previous, walk->verdict.rows))
        walk->verdict.first_bad = walk->verdict.rows;
    memcpy(walk->previous, row->event_hash, strnlen(row->event_hash, OPP_HASH_HEX - 1));
    opp_record_free(&OPP_AUDIT_ROW, row);
    return OPP_OK;
}

enum opp_code opp_audit_verify(struct opp_tx *tx, struct opp_audit_verdict *out, struct opp_err *err)
{
    struct opp_query all = { .record = &OPP_AUDIT_ROW, .order = "seq" };
    struct walk walk = { 0 };
    enum opp_code rc;

    memset(walk.previous, '0', OPP_HASH_HEX - 1);
    rc = opp_tx_each(tx, &all, walk_row, &walk, err);
    if (rc == OPP_OK)
        *out = walk.verdict;
    return rc;
}
