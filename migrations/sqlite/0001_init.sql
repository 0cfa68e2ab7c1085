-- Times are milliseconds since 1970, ids are UUIDv7 text, hashes and salts are blobs; states repeat the words of `domain`.

CREATE TABLE customers (
    account_id TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('active', 'left')),
    import_id  TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE customer_attributes (
    account_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    position   INTEGER NOT NULL,
    import_id  TEXT NOT NULL,
    PRIMARY KEY (account_id, name, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    account_id     TEXT NOT NULL,
    email          TEXT NOT NULL,
    role           TEXT NOT NULL CHECK (role IN ('service', 'security', 'technical', 'legal', 'billing')),
    name           TEXT NOT NULL,
    locale         TEXT,
    time_zone      TEXT,
    position       INTEGER NOT NULL,
    import_id      TEXT NOT NULL,
    deactivated_at INTEGER,
    PRIMARY KEY (account_id, email, role)
) STRICT, WITHOUT ROWID;

CREATE INDEX contacts_by_email ON contacts (email);

CREATE TABLE notices (
    id              TEXT NOT NULL PRIMARY KEY,
    category        TEXT NOT NULL CHECK (category IN ('security_breach', 'disruption', 'maintenance', 'agreement_change',
                        'security_measures_change', 'billing', 'news', 'survey')),
    state           TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'approved', 'scheduled', 'releasing', 'released',
                        'closed', 'declined', 'cancelled')),
    reference       TEXT,
    subject         TEXT NOT NULL,
    follows_id      TEXT,
    source          TEXT NOT NULL,
    digest          BLOB NOT NULL,
    author          TEXT NOT NULL,
    approved_digest BLOB,
    approved_by     TEXT,
    send_at         INTEGER,
    created_at      INTEGER NOT NULL,
    released_at     INTEGER,
    paused_at       INTEGER,
    closed_at       INTEGER,
    lane            INTEGER NOT NULL,
    release_owner   TEXT,
    release_until   INTEGER,
    customers       INTEGER NOT NULL DEFAULT 0,
    recipients      INTEGER NOT NULL DEFAULT 0,
    message_domain  TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE INDEX notices_by_reference ON notices (reference);
CREATE INDEX notices_open ON notices (lane, released_at) WHERE state IN ('released', 'scheduled', 'releasing', 'cancelled') AND closed_at IS NULL;

CREATE TABLE notice_rows (
    notice_id  TEXT NOT NULL,
    account_id TEXT NOT NULL,
    data       TEXT NOT NULL,
    PRIMARY KEY (notice_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE notice_steps (
    id        TEXT NOT NULL PRIMARY KEY,
    notice_id TEXT NOT NULL,
    step      TEXT NOT NULL CHECK (step IN ('create', 'edit', 'submit', 'approve', 'decline', 'release', 'pause', 'resume',
                  'cancel')),
    operator  TEXT NOT NULL,
    reason    TEXT,
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_steps_by_notice ON notice_steps (notice_id, id);

CREATE TABLE deliveries (
    id            TEXT NOT NULL PRIMARY KEY,
    notice_id     TEXT NOT NULL,
    ordinal       INTEGER NOT NULL,
    account_id    TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    email         TEXT NOT NULL,
    contact_name  TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('service', 'security', 'technical', 'legal', 'billing')),
    locale        TEXT,
    time_zone     TEXT,
    merged        TEXT,
    salt          BLOB,
    follows_id    TEXT,
    state         TEXT NOT NULL CHECK (state IN ('queued', 'deferred', 'accepted', 'delivered', 'bounced', 'rejected',
                      'expired', 'uncertain', 'suppressed', 'opted_out', 'cancelled')),
    level         TEXT CHECK (level IN ('relayed', 'accepted_by_mx', 'dsn_delivered', 'attested', 'acknowledged')),
    attempts      INTEGER NOT NULL,
    reply         TEXT,
    changed_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX deliveries_by_notice ON deliveries (notice_id, ordinal);
CREATE INDEX deliveries_by_account ON deliveries (account_id, notice_id);

-- Customers in an audience with nobody to address: they stay in the coverage.
CREATE TABLE unaddressed (
    notice_id     TEXT NOT NULL,
    account_id    TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    PRIMARY KEY (notice_id, account_id)
) STRICT, WITHOUT ROWID;

-- Unfinished work only: a row leaves when its delivery is final.
CREATE TABLE queue (
    delivery_id TEXT NOT NULL PRIMARY KEY,
    notice_id   TEXT NOT NULL,
    lane        INTEGER NOT NULL,
    domain      TEXT NOT NULL,
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    waited      INTEGER NOT NULL,
    token       INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_by_notice ON queue (notice_id, due_at, delivery_id);
CREATE INDEX queue_leased ON queue (lease_owner, lease_until) WHERE lease_owner IS NOT NULL;

CREATE TABLE attempts (
    delivery_id TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    relay       TEXT NOT NULL,
    host        TEXT NOT NULL,
    tls         TEXT NOT NULL,
    stage       TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    code        INTEGER,
    reply       TEXT NOT NULL,
    PRIMARY KEY (delivery_id, attempt)
) STRICT, WITHOUT ROWID;

-- The exact bytes, compressed with the dictionary named, if any.
CREATE TABLE messages (
    delivery_id TEXT NOT NULL PRIMARY KEY,
    sha256      BLOB NOT NULL,
    size        INTEGER NOT NULL,
    dictionary  BLOB,
    body        BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE message_dictionaries (
    sha256    BLOB NOT NULL PRIMARY KEY,
    notice_id TEXT NOT NULL,
    body      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE preferences (
    email        TEXT NOT NULL,
    category     TEXT NOT NULL CHECK (category IN ('news', 'survey')),
    opted_out_at INTEGER NOT NULL,
    source       TEXT NOT NULL,
    PRIMARY KEY (email, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE suppressions (
    email  TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('dead', 'complaint', 'restricted', 'manual')),
    since  INTEGER NOT NULL,
    PRIMARY KEY (email, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE attestations (
    id         TEXT NOT NULL PRIMARY KEY,
    notice_id  TEXT NOT NULL,
    account_id TEXT NOT NULL,
    channel    TEXT NOT NULL CHECK (channel IN ('phone', 'letter', 'in-person', 'other')),
    witness    TEXT NOT NULL,
    note       TEXT NOT NULL,
    operator   TEXT NOT NULL,
    at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attestations_by_notice ON attestations (notice_id, account_id);

-- Entries that have committed with what they record and wait for their index.
CREATE TABLE ledger_pending (
    seq      INTEGER PRIMARY KEY,
    entry_id TEXT NOT NULL,
    leaf     BLOB NOT NULL
) STRICT;

CREATE TABLE ledger_entries (
    idx      INTEGER NOT NULL PRIMARY KEY,
    entry_id TEXT NOT NULL UNIQUE,
    leaf     BLOB NOT NULL
) STRICT;

CREATE TRIGGER ledger_entries_stay BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END;
CREATE TRIGGER ledger_entries_remain BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END;

CREATE TABLE ledger_openings (
    entry_id    TEXT NOT NULL PRIMARY KEY,
    notice_id   TEXT,
    delivery_id TEXT,
    event       TEXT NOT NULL,
    at          INTEGER NOT NULL,
    fact        BLOB NOT NULL,
    fact_salt   BLOB NOT NULL,
    person      BLOB,
    person_salt BLOB
) STRICT, WITHOUT ROWID;

-- Entries about deliveries are found through them.
CREATE INDEX ledger_openings_by_notice ON ledger_openings (notice_id) WHERE delivery_id IS NULL;
CREATE INDEX ledger_openings_by_delivery ON ledger_openings (delivery_id) WHERE delivery_id IS NOT NULL;

-- Only the opening of a person may be cleared, never filled again or exchanged.
CREATE TRIGGER ledger_openings_stay BEFORE UPDATE ON ledger_openings
WHEN NEW.entry_id IS NOT OLD.entry_id OR NEW.notice_id IS NOT OLD.notice_id OR NEW.delivery_id IS NOT OLD.delivery_id
    OR NEW.event IS NOT OLD.event OR NEW.at IS NOT OLD.at OR NEW.fact IS NOT OLD.fact
    OR NEW.fact_salt IS NOT OLD.fact_salt OR NEW.person IS NOT NULL OR NEW.person_salt IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'ledger_openings: only person and person_salt may be cleared'); END;
CREATE TRIGGER ledger_openings_remain BEFORE DELETE ON ledger_openings
BEGIN SELECT RAISE(ABORT, 'ledger_openings is append-only'); END;

-- One row: size and root of the tree, and its peaks, from which it grows.
CREATE TABLE ledger_head (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    size  INTEGER NOT NULL,
    root  BLOB NOT NULL,
    peaks BLOB NOT NULL
) STRICT;

INSERT INTO ledger_head (id, size, root, peaks)
VALUES (1, 0, X'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', X'');

CREATE TABLE secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
