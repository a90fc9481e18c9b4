/* SPDX-License-Identifier: MIT */
#include "audit/audit.h"

#include "base/buf.h"
#include "base/date.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/jcs.h"
#include "base/utf8.h"
#include "store/tx.h"

#include <string.h>

/* A stranger's header holds any bytes, and a row is JSON: text that is no UTF-8 is kept with ? for what is not ASCII.
 */
static void add_header(struct opp_buf *row, const char *name, const char *value)
{
    struct opp_buf plain = { 0 };

    if (value == NULL || opp_utf8_valid(value, strlen(value))) {
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
