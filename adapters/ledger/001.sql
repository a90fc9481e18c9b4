-- SPDX-License-Identifier: MIT
-- Times are RFC 3339 UTC text with milliseconds: they sort as they are and need no formatting when read.
-- Every row says whose it is, so that no list needs a join to stay inside a tenant.

CREATE TABLE ledgers (
  id            TEXT NOT NULL PRIMARY KEY,
  name          TEXT NOT NULL,
  currency_home TEXT NOT NULL,
  tz            TEXT NOT NULL,
  org_id        TEXT,
  user_id       TEXT,
  CHECK ((org_id IS NULL) <> (user_id IS NULL))
) STRICT;

CREATE INDEX ledgers_by_org ON ledgers (org_id, id);
CREATE INDEX ledgers_by_user ON ledgers (user_id, id);

CREATE TABLE transactions (
  id            TEXT NOT NULL PRIMARY KEY,
  ledger_id     TEXT NOT NULL REFERENCES ledgers (id),
  kind          TEXT NOT NULL CHECK (kind IN ('income', 'expense', 'transfer', 'adjustment')),
  title         TEXT NOT NULL,
  amount_home   REAL NOT NULL,
  currency_home TEXT NOT NULL,
  date          TEXT NOT NULL,
  notes         TEXT,
  is_deleted    INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)),
  created_at    TEXT NOT NULL,
  updated_at    TEXT NOT NULL,
  org_id        TEXT,
  user_id       TEXT,
  CHECK ((org_id IS NULL) <> (user_id IS NULL))
) STRICT;

-- The last columns are what a count reads too: it then never leaves the index.
CREATE INDEX transactions_by_ledger ON transactions (ledger_id, date, id, is_deleted) WHERE is_deleted = 0;
CREATE INDEX transactions_by_org ON transactions (org_id, date, id, ledger_id, is_deleted) WHERE is_deleted = 0;
CREATE INDEX transactions_by_user ON transactions (user_id, date, id, ledger_id, is_deleted) WHERE is_deleted = 0;
