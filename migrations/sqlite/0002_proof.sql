-- What sealing, proving and forgetting need.

-- Roots of the complete subtrees with 256^n leaves, n >= 1: proofs need no more than these and the leaves (C2SP tlog-tiles).
CREATE TABLE ledger_nodes (
    level INTEGER NOT NULL CHECK (level > 0 AND level % 8 = 0),
    idx   INTEGER NOT NULL,
    hash  BLOB NOT NULL,
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_nodes_stay BEFORE UPDATE ON ledger_nodes
BEGIN SELECT RAISE(ABORT, 'ledger_nodes is append-only'); END;
CREATE TRIGGER ledger_nodes_remain BEFORE DELETE ON ledger_nodes
BEGIN SELECT RAISE(ABORT, 'ledger_nodes is append-only'); END;

-- Every checkpoint that was signed, numbered as they were: clocks go back, and sizes after a restore.
CREATE TABLE ledger_checkpoints (
    number INTEGER NOT NULL PRIMARY KEY,
    size   INTEGER NOT NULL,
    note   TEXT NOT NULL,
    vkey   TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_checkpoints_by_size ON ledger_checkpoints (size);

CREATE TRIGGER ledger_checkpoints_stay BEFORE UPDATE ON ledger_checkpoints
BEGIN SELECT RAISE(ABORT, 'ledger_checkpoints is append-only'); END;
CREATE TRIGGER ledger_checkpoints_remain BEFORE DELETE ON ledger_checkpoints
BEGIN SELECT RAISE(ABORT, 'ledger_checkpoints is append-only'); END;

-- Why sealing stopped, until a person lets it go on; when the checkpoint was mailed last.
ALTER TABLE ledger_head ADD COLUMN stopped TEXT;
ALTER TABLE ledger_head ADD COLUMN mailed_at INTEGER;

-- Tombstones of the journal outside the database that were carried out here: fewer than it has tells a restored copy.
ALTER TABLE ledger_head ADD COLUMN tombstones INTEGER NOT NULL DEFAULT 0;

-- The address that an entry about no delivery is about: how a person's entries are found.
ALTER TABLE ledger_openings ADD COLUMN subject TEXT;
CREATE INDEX ledger_openings_by_subject ON ledger_openings (subject) WHERE subject IS NOT NULL;

DROP TRIGGER ledger_openings_stay;
CREATE TRIGGER ledger_openings_stay BEFORE UPDATE ON ledger_openings
WHEN NEW.entry_id IS NOT OLD.entry_id OR NEW.notice_id IS NOT OLD.notice_id OR NEW.delivery_id IS NOT OLD.delivery_id
    OR NEW.event IS NOT OLD.event OR NEW.at IS NOT OLD.at OR NEW.fact IS NOT OLD.fact
    OR NEW.fact_salt IS NOT OLD.fact_salt OR NEW.person IS NOT NULL OR NEW.person_salt IS NOT NULL
    OR NEW.subject IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'ledger_openings: only person, person_salt and subject may be cleared'); END;

-- What stays of a recipient whose salt was deleted: the way from others' commitments to the manifest's root leads past it.
ALTER TABLE deliveries ADD COLUMN commitment BLOB;
CREATE INDEX deliveries_by_email ON deliveries (email) WHERE email <> '';

ALTER TABLE notices ADD COLUMN purged_at INTEGER;

-- What must not be erased or purged for as long as a legal hold is on it.
CREATE TABLE holds (
    id         TEXT NOT NULL PRIMARY KEY,
    notice_id  TEXT,
    account_id TEXT,
    reason     TEXT NOT NULL,
    operator   TEXT NOT NULL,
    since      INTEGER NOT NULL,
    CHECK ((notice_id IS NULL) <> (account_id IS NULL))
) STRICT, WITHOUT ROWID;

-- Who looked at the record of a person whose data is restricted (GDPR Art. 18).
CREATE TABLE reads (
    id       TEXT NOT NULL PRIMARY KEY,
    email    TEXT NOT NULL,
    operator TEXT NOT NULL,
    what     TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reads_by_email ON reads (email);
