/* SPDX-License-Identifier: MIT */
#include "store/migrations.h"

/* A compiler need not take a string of more than 4,095 bytes; those that we build with do. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* Columns carry the names of store/records.h. A script that has been merged is never edited: add to the last one that
 * no release has, or add the next. tests/fixtures has a database of each. */
static const char SCHEMA_1[] =
    "CREATE TABLE apps(id TEXT PRIMARY KEY, scope TEXT NOT NULL, status TEXT NOT NULL, name TEXT NOT NULL,"
    " description TEXT, user_id TEXT, org_id TEXT, service_user_id TEXT, created_by TEXT, scopes TEXT NOT NULL,"
    " policy TEXT NOT NULL, auto_execute TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
    " deleted_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE keys(id TEXT PRIMARY KEY, app_id TEXT NOT NULL REFERENCES apps(id), name TEXT,"
    " token_hash TEXT NOT NULL UNIQUE, token_prefix TEXT NOT NULL, created_by TEXT, created_at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL, revoked_at INTEGER NOT NULL, last_used_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX keys_app ON keys(app_id);"
    "CREATE TABLE admin_tokens(id TEXT PRIMARY KEY, user_id TEXT NOT NULL, name TEXT,"
    " token_hash TEXT NOT NULL UNIQUE, token_prefix TEXT NOT NULL, roles TEXT NOT NULL, org_ids TEXT,"
    " created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, revoked_at INTEGER NOT NULL,"
    " last_used_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE drafts(id TEXT PRIMARY KEY, app_id TEXT NOT NULL, key_id TEXT NOT NULL, actor_user_id TEXT NOT NULL,"
    " org_id TEXT, action TEXT NOT NULL, status TEXT NOT NULL, request_id TEXT, idempotency_key TEXT,"
    " intent_hash TEXT NOT NULL, justification TEXT, preflight_id TEXT, impact_hash TEXT, effect_hash TEXT,"
    " witness_hash TEXT, seal TEXT NOT NULL, confirmed_by TEXT, payload TEXT NOT NULL, resources TEXT, impact TEXT,"
    " state TEXT, effect TEXT, witness TEXT, policy TEXT, approvals TEXT, decisions TEXT, review TEXT, failure TEXT,"
    " requires_confirmation INTEGER NOT NULL, auto_execute_requested INTEGER NOT NULL,"
    " approvals_required INTEGER NOT NULL, expires_at INTEGER NOT NULL, created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL, confirmed_at INTEGER NOT NULL, canceled_at INTEGER NOT NULL);"
    "CREATE INDEX drafts_app ON drafts(app_id, id);"
    "CREATE INDEX drafts_pending ON drafts(expires_at) WHERE status='draft';"
    "CREATE INDEX drafts_pending_key ON drafts(key_id) WHERE status='draft';"
    "CREATE TABLE pending(app_id TEXT PRIMARY KEY, drafts INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE executions(id TEXT PRIMARY KEY, draft_id TEXT NOT NULL, app_id TEXT NOT NULL, key_id TEXT NOT NULL,"
    " actor_user_id TEXT NOT NULL, action TEXT NOT NULL, idempotency_key TEXT,"
    " effect_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, result TEXT, error TEXT, created_at INTEGER NOT NULL,"
    " finished_at INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX executions_draft ON executions(draft_id);"
    "CREATE INDEX executions_app ON executions(app_id, created_at);"
    "CREATE INDEX executions_pending ON executions(id) WHERE status='pending';"
    "CREATE INDEX executions_unknown ON executions(id) WHERE status='unknown';"
    "CREATE TABLE preflights(id TEXT PRIMARY KEY, app_id TEXT NOT NULL, key_id TEXT NOT NULL,"
    " actor_user_id TEXT NOT NULL, action TEXT NOT NULL, intent_hash TEXT NOT NULL, impact_hash TEXT NOT NULL,"
    " witness_hash TEXT, payload TEXT NOT NULL, impact TEXT NOT NULL, witness TEXT, created_at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL);"
    "CREATE INDEX preflights_expiry ON preflights(expires_at);"
    "CREATE TABLE idempotency(id TEXT PRIMARY KEY, intent_hash TEXT NOT NULL, draft_id TEXT NOT NULL,"
    " preflight_id TEXT, previous_execution_id TEXT, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX idempotency_expiry ON idempotency(expires_at);"
    "CREATE TABLE audit(seq INTEGER PRIMARY KEY, app_id TEXT, org_id TEXT, action TEXT NOT NULL, status TEXT NOT NULL,"
    " draft_id TEXT, row TEXT NOT NULL, event_hash TEXT NOT NULL, created_at INTEGER NOT NULL);"
    "CREATE INDEX audit_app ON audit(app_id, seq);"
    "CREATE INDEX audit_draft ON audit(draft_id, seq) WHERE draft_id IS NOT NULL;"
    "CREATE TABLE generations(id TEXT PRIMARY KEY, profile TEXT NOT NULL, sha256 TEXT NOT NULL, sources TEXT NOT NULL,"
    " loaded_at INTEGER NOT NULL);"
    "CREATE TABLE settings(id TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

/* What an execution of schema 1 was for is told by its draft. Its generations have no adapters of their own: those on
 * the disk counted. */
static const char SCHEMA_2[] =
    "ALTER TABLE executions ADD COLUMN intent_hash TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE executions ADD COLUMN database TEXT;"
    "ALTER TABLE executions ADD COLUMN database_id TEXT;"
    "ALTER TABLE executions ADD COLUMN receipt TEXT;"
    "ALTER TABLE executions ADD COLUMN resolution TEXT;"
    "ALTER TABLE drafts ADD COLUMN draft_hash TEXT;"
    "UPDATE executions SET intent_hash = (SELECT d.intent_hash FROM drafts d WHERE d.id = executions.draft_id),"
    " database = (SELECT json_extract(d.effect, '$.database') FROM drafts d WHERE d.id = executions.draft_id)"
    " WHERE draft_id IN (SELECT id FROM drafts);"
    "CREATE INDEX drafts_pending_id ON drafts(id) WHERE status='draft';"
    "CREATE INDEX executions_created ON executions(created_at);" /* a rule's limit can be over all apps */
    "CREATE INDEX executions_unknown_intent ON executions(app_id, intent_hash) WHERE status='unknown';"
    "CREATE TABLE checkpoints(seq INTEGER PRIMARY KEY, hash TEXT NOT NULL, link TEXT NOT NULL,"
    " key TEXT NOT NULL, signature TEXT NOT NULL, time INTEGER NOT NULL);"
    "ALTER TABLE generations ADD COLUMN adapters TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE generations ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE generations ADD COLUMN staged INTEGER NOT NULL DEFAULT 0;"
    "UPDATE generations SET turn = CAST(id AS INTEGER);"
    "CREATE TABLE adapter_files(id TEXT PRIMARY KEY, files TEXT NOT NULL);"
    "CREATE TABLE freezes(id TEXT PRIMARY KEY, scope TEXT NOT NULL, target TEXT, mode TEXT NOT NULL,"
    " reason TEXT NOT NULL, org_id TEXT, created_by TEXT NOT NULL, lifted_by TEXT, created_at INTEGER NOT NULL,"
    " lifted_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX freezes_lifted ON freezes(lifted_at);"
    "CREATE INDEX keys_revoked ON keys(revoked_at);"
    "CREATE INDEX admin_tokens_revoked ON admin_tokens(revoked_at);";

const char *const OPP_MIGRATIONS[] = { SCHEMA_1, SCHEMA_2 };
const size_t OPP_MIGRATION_COUNT = sizeof OPP_MIGRATIONS / sizeof OPP_MIGRATIONS[0];

/* The filters of a list each have an index, which holds the number too; requests are found one by one. */
static const char DECISIONS_1[] =
    "CREATE TABLE decisions(number INTEGER PRIMARY KEY, request_id TEXT NOT NULL, tool TEXT NOT NULL,"
    " phase TEXT NOT NULL, app_id TEXT NOT NULL, org_id TEXT, outcome TEXT NOT NULL, profile TEXT NOT NULL,"
    " sha256 TEXT NOT NULL, at INTEGER NOT NULL, generation INTEGER NOT NULL, took_ns INTEGER NOT NULL,"
    " sample INTEGER NOT NULL, replayable INTEGER NOT NULL, differs INTEGER NOT NULL, request TEXT NOT NULL,"
    " core TEXT NOT NULL, recent TEXT, hashed TEXT, ruling TEXT NOT NULL, verdict TEXT NOT NULL, staged TEXT);"
    "CREATE INDEX decisions_request ON decisions(request_id);"
    "CREATE INDEX decisions_app ON decisions(app_id);"
    "CREATE INDEX decisions_tool ON decisions(tool);"
    "CREATE INDEX decisions_outcome ON decisions(outcome);"
    "CREATE INDEX decisions_phase ON decisions(phase);"
    "CREATE INDEX decisions_differs ON decisions(differs);"
    "CREATE TABLE tally(id TEXT PRIMARY KEY, occasion TEXT NOT NULL, state TEXT NOT NULL);";

const char *const OPP_DECISIONS_MIGRATIONS[] = { DECISIONS_1 };
const size_t OPP_DECISIONS_MIGRATION_COUNT = sizeof OPP_DECISIONS_MIGRATIONS / sizeof OPP_DECISIONS_MIGRATIONS[0];
