-- SPDX-License-Identifier: MIT
-- Demo data: two ledgers of org_demo, one of another organisation, one of a person. Ids and dates are fixed.

INSERT INTO ledgers (id, name, currency_home, tz, org_id, user_id) VALUES
  ('ledger_main', 'Main', 'USD', 'America/New_York', 'org_demo', NULL),
  ('ledger_ops', 'Operations', 'USD', 'Europe/Berlin', 'org_demo', NULL),
  ('ledger_other', 'Other', 'USD', 'UTC', 'org_other', NULL),
  ('ledger_home', 'Household', 'USD', 'Europe/Berlin', NULL, 'user_demo');

INSERT INTO transactions
  (id, ledger_id, kind, title, amount_home, currency_home, date, notes, created_at, updated_at, org_id, user_id)
VALUES
  ('txn_1', 'ledger_main', 'expense', 'Coffee beans', 42.5, 'USD', '2026-11-19T08:30:00.000Z', 'For the kitchen',
    '2026-11-19T08:31:00.000Z', '2026-11-19T08:31:00.000Z', 'org_demo', NULL),
  ('txn_2', 'ledger_main', 'income', 'Invoice 2026-114', 1800, 'USD', '2026-11-18T14:00:00.000Z', NULL,
    '2026-11-18T14:05:00.000Z', '2026-11-18T14:05:00.000Z', 'org_demo', NULL),
  ('txn_3', 'ledger_main', 'expense', 'Paper, pens and "sticky" notes', 23.99, 'USD', '2026-11-17T10:15:00.000Z', NULL,
    '2026-11-17T10:16:00.000Z', '2026-11-17T10:16:00.000Z', 'org_demo', NULL),
  ('txn_4', 'ledger_main', 'adjustment', '=SUM(A1:A9)', -0.01, 'USD', '2026-11-16T23:59:59.999Z', 'Rounding',
    '2026-11-17T00:00:00.000Z', '2026-11-17T00:00:00.000Z', 'org_demo', NULL),
  ('txn_other', 'ledger_other', 'expense', 'Confidential of another tenant', 99, 'USD', '2026-11-15T12:00:00.000Z',
    'Not for org_demo', '2026-11-15T12:00:00.000Z', '2026-11-15T12:00:00.000Z', 'org_other', NULL),
  ('txn_home', 'ledger_home', 'expense', 'Groceries', 61.2, 'USD', '2026-11-14T17:45:00.000Z', NULL,
    '2026-11-14T17:50:00.000Z', '2026-11-14T17:50:00.000Z', NULL, 'user_demo');

-- txn_main_01 … txn_main_60: one every six days, back from 2026-11-13.
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60),
titles (k, kind, title, amount) AS (
  VALUES (0, 'expense', 'Office rent', 2400.0), (1, 'expense', 'Electricity', 180.4),
    (2, 'income', 'Consulting', 3200.0), (3, 'expense', 'Train tickets', 89.9),
    (4, 'transfer', 'To the savings account', 500.0), (5, 'income', 'Licence fee', 750.0))
INSERT INTO transactions
  (id, ledger_id, kind, title, amount_home, currency_home, date, notes, created_at, updated_at, org_id, user_id)
SELECT printf('txn_main_%02d', i), 'ledger_main', kind, title, amount + i, 'USD',
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-11-19 09:00:00', printf('-%d days', i * 6)), NULL,
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-11-19 09:05:00', printf('-%d days', i * 6)),
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-11-19 09:05:00', printf('-%d days', i * 6)), 'org_demo', NULL
FROM n JOIN titles ON k = i % 6;

-- txn_ops_001 … txn_ops_120: one every three days, back from 2026-11-16.
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
INSERT INTO transactions
  (id, ledger_id, kind, title, amount_home, currency_home, date, notes, created_at, updated_at, org_id, user_id)
SELECT printf('txn_ops_%03d', i), 'ledger_ops', 'expense', printf('Server hosting, part %d', i), 9.5 + i % 7, 'USD',
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-11-19 06:00:00', printf('-%d days', i * 3)), NULL,
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-11-19 06:00:00', printf('-%d days', i * 3)),
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-11-19 06:00:00', printf('-%d days', i * 3)), 'org_demo', NULL
FROM n;
