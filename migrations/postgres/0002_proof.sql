-- What sealing, proving and forgetting need.

-- Roots of the complete subtrees with 256^n leaves, n >= 1: proofs need no more than these and the leaves (C2SP tlog-tiles).
CREATE TABLE ledger_nodes (
    level BIGINT NOT NULL CHECK (level > 0 AND level % 8 = 0),
    idx   BIGINT NOT NULL,
    hash  BYTEA NOT NULL,
    PRIMARY KEY (level, idx)
);

CREATE TRIGGER ledger_nodes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_nodes
EXECUTE FUNCTION refuse_change();

-- Every checkpoint that was signed, numbered as they were: clocks go back, and sizes after a restore.
CREATE TABLE ledger_checkpoints (
    number BIGINT NOT NULL PRIMARY KEY,
    size   BIGINT NOT NULL,
    note   TEXT COLLATE "C" NOT NULL,
    vkey   TEXT COLLATE "C" NOT NULL,
    at     BIGINT NOT NULL
);

CREATE INDEX ledger_checkpoints_by_size ON ledger_checkpoints (size);

CREATE TRIGGER ledger_checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_checkpoints
EXECUTE FUNCTION refuse_change();

-- Why sealing stopped, until a person lets it go on; when the checkpoint was mailed last.
ALTER TABLE ledger_head ADD COLUMN stopped TEXT COLLATE "C";
ALTER TABLE ledger_head ADD COLUMN mailed_at BIGINT;

-- Tombstones of the journal outside the database that were carried out here: fewer than it has tells a restored copy.
ALTER TABLE ledger_head ADD COLUMN tombstones BIGINT NOT NULL DEFAULT 0;

-- The address that an entry about no delivery is about: how a person's entries are found.
ALTER TABLE ledger_openings ADD COLUMN subject TEXT COLLATE "C";
CREATE INDEX ledger_openings_by_subject ON ledger_openings (subject) WHERE subject IS NOT NULL;

CREATE OR REPLACE FUNCTION only_clear_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.entry_id, NEW.notice_id, NEW.delivery_id, NEW.event, NEW.at, NEW.fact, NEW.fact_salt)
        IS DISTINCT FROM (OLD.entry_id, OLD.notice_id, OLD.delivery_id, OLD.event, OLD.at, OLD.fact, OLD.fact_salt)
        OR NEW.person IS NOT NULL OR NEW.person_salt IS NOT NULL OR NEW.subject IS NOT NULL THEN
        RAISE EXCEPTION 'ledger_openings: only person, person_salt and subject may be cleared';
    END IF;
    RETURN NEW;
END $$;

-- What stays of a recipient whose salt was deleted: the way from others' commitments to the manifest's root leads past it.
ALTER TABLE deliveries ADD COLUMN commitment BYTEA;
CREATE INDEX deliveries_by_email ON deliveries (email) WHERE email <> '';

ALTER TABLE notices ADD COLUMN purged_at BIGINT;

-- What must not be erased or purged for as long as a legal hold is on it.
CREATE TABLE holds (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    notice_id  TEXT COLLATE "C",
    account_id TEXT COLLATE "C",
    reason     TEXT COLLATE "C" NOT NULL,
    operator   TEXT COLLATE "C" NOT NULL,
    since      BIGINT NOT NULL,
    CHECK ((notice_id IS NULL) <> (account_id IS NULL))
);

-- Who looked at the record of a person whose data is restricted (GDPR Art. 18).
CREATE TABLE reads (
    id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email    TEXT COLLATE "C" NOT NULL,
    operator TEXT COLLATE "C" NOT NULL,
    what     TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL
);

CREATE INDEX reads_by_email ON reads (email);
