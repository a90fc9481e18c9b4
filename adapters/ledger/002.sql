-- SPDX-License-Identifier: MIT
-- How many transactions a list shows that no date narrows: looked up, however many there are. The database keeps it
-- itself, for every row by the columns of that row.

CREATE TABLE totals (
  ledger_id    TEXT NOT NULL,
  org_id       TEXT,
  user_id      TEXT,
  transactions INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX totals_by_ledger ON totals (ledger_id, coalesce(org_id, ''), coalesce(user_id, ''));
CREATE INDEX totals_by_org ON totals (org_id) WHERE org_id IS NOT NULL;
CREATE INDEX totals_by_user ON totals (user_id) WHERE user_id IS NOT NULL;

INSERT INTO totals
SELECT ledger_id, org_id, user_id, count(*) FROM transactions WHERE is_deleted = 0 GROUP BY ledger_id, org_id, user_id;

CREATE TRIGGER transactions_inserted AFTER INSERT ON transactions WHEN new.is_deleted = 0 BEGIN
  INSERT INTO totals VALUES (new.ledger_id, new.org_id, new.user_id, 1)
    ON CONFLICT DO UPDATE SET transactions = transactions + 1;
END;

CREATE TRIGGER transactions_removed AFTER DELETE ON transactions WHEN old.is_deleted = 0 BEGIN
  INSERT INTO totals VALUES (old.ledger_id, old.org_id, old.user_id, -1)
    ON CONFLICT DO UPDATE SET transactions = transactions - 1;
END;

CREATE TRIGGER transactions_changed AFTER UPDATE OF ledger_id, org_id, user_id, is_deleted ON transactions BEGIN
  INSERT INTO totals VALUES (old.ledger_id, old.org_id, old.user_id, old.is_deleted - 1)
    ON CONFLICT DO UPDATE SET transactions = transactions + excluded.transactions;
  INSERT INTO totals VALUES (new.ledger_id, new.org_id, new.user_id, 1 - new.is_deleted)
    ON CONFLICT DO UPDATE SET transactions = transactions + excluded.transactions;
END;
