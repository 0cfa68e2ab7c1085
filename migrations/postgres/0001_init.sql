-- SQLite has this function; here it lets both engines share one text for blobs that travel in JSON.
CREATE FUNCTION unhex(digits text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN decode(digits, 'hex');

-- Times are milliseconds since 1970, ids are UUIDv7 text, hashes and salts are blobs; states repeat the words of `domain`.

CREATE TABLE customers (
    account_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    status     TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'left')),
    import_id  TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE customer_attributes (
    account_id TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    value      TEXT COLLATE "C" NOT NULL,
    position   BIGINT NOT NULL,
    import_id  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, name, value)
);

CREATE TABLE contacts (
    account_id     TEXT COLLATE "C" NOT NULL,
    email          TEXT COLLATE "C" NOT NULL,
    role           TEXT COLLATE "C" NOT NULL CHECK (role IN ('service', 'security', 'technical', 'legal', 'billing')),
    name           TEXT COLLATE "C" NOT NULL,
    locale         TEXT COLLATE "C",
    time_zone      TEXT COLLATE "C",
    position       BIGINT NOT NULL,
    import_id      TEXT COLLATE "C" NOT NULL,
    deactivated_at BIGINT,
    PRIMARY KEY (account_id, email, role)
);

CREATE INDEX contacts_by_email ON contacts (email);

CREATE TABLE notices (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    category        TEXT COLLATE "C" NOT NULL CHECK (category IN ('security_breach', 'disruption', 'maintenance', 'agreement_change',
                        'security_measures_change', 'billing', 'news', 'survey')),
    state           TEXT COLLATE "C" NOT NULL CHECK (state IN ('draft', 'submitted', 'approved', 'scheduled', 'releasing', 'released',
                        'closed', 'declined', 'cancelled')),
    reference       TEXT COLLATE "C",
    subject         TEXT COLLATE "C" NOT NULL,
    follows_id      TEXT COLLATE "C",
    source          TEXT COLLATE "C" NOT NULL,
    digest          BYTEA NOT NULL,
    author          TEXT COLLATE "C" NOT NULL,
    approved_digest BYTEA,
    approved_by     TEXT COLLATE "C",
    send_at         BIGINT,
    created_at      BIGINT NOT NULL,
    released_at     BIGINT,
    paused_at       BIGINT,
    closed_at       BIGINT,
    lane            BIGINT NOT NULL,
    release_owner   TEXT COLLATE "C",
    release_until   BIGINT,
    customers       BIGINT NOT NULL DEFAULT 0,
    recipients      BIGINT NOT NULL DEFAULT 0,
    message_domain  TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE INDEX notices_by_reference ON notices (reference);
CREATE INDEX notices_open ON notices (lane, released_at) WHERE state IN ('released', 'scheduled', 'releasing', 'cancelled') AND closed_at IS NULL;

CREATE TABLE notice_rows (
    notice_id  TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    data       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (notice_id, account_id)
);

CREATE TABLE notice_steps (
    id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    notice_id TEXT COLLATE "C" NOT NULL,
    step      TEXT COLLATE "C" NOT NULL CHECK (step IN ('create', 'edit', 'submit', 'approve', 'decline', 'release', 'pause', 'resume',
                  'cancel')),
    operator  TEXT COLLATE "C" NOT NULL,
    reason    TEXT COLLATE "C",
    at        BIGINT NOT NULL
);

CREATE INDEX notice_steps_by_notice ON notice_steps (notice_id, id);

CREATE TABLE deliveries (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    notice_id     TEXT COLLATE "C" NOT NULL,
    ordinal       BIGINT NOT NULL,
    account_id    TEXT COLLATE "C" NOT NULL,
    customer_name TEXT COLLATE "C" NOT NULL,
    email         TEXT COLLATE "C" NOT NULL,
    contact_name  TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL CHECK (role IN ('service', 'security', 'technical', 'legal', 'billing')),
    locale        TEXT COLLATE "C",
    time_zone     TEXT COLLATE "C",
    merged        TEXT COLLATE "C",
    salt          BYTEA,
    follows_id    TEXT COLLATE "C",
    state         TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'deferred', 'accepted', 'delivered', 'bounced', 'rejected',
                      'expired', 'uncertain', 'suppressed', 'opted_out', 'cancelled')),
    level         TEXT COLLATE "C" CHECK (level IN ('relayed', 'accepted_by_mx', 'dsn_delivered', 'attested', 'acknowledged')),
    attempts      BIGINT NOT NULL,
    reply         TEXT COLLATE "C",
    changed_at    BIGINT NOT NULL
);

CREATE UNIQUE INDEX deliveries_by_notice ON deliveries (notice_id, ordinal);
CREATE INDEX deliveries_by_account ON deliveries (account_id, notice_id);

-- Customers in an audience with nobody to address: they stay in the coverage.
CREATE TABLE unaddressed (
    notice_id     TEXT COLLATE "C" NOT NULL,
    account_id    TEXT COLLATE "C" NOT NULL,
    customer_name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (notice_id, account_id)
);

-- Unfinished work only: a row leaves when its delivery is final.
CREATE TABLE queue (
    delivery_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    notice_id   TEXT COLLATE "C" NOT NULL,
    lane        BIGINT NOT NULL,
    domain      TEXT COLLATE "C" NOT NULL,
    due_at      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    waited      BIGINT NOT NULL,
    token       BIGINT NOT NULL,
    lease_owner TEXT COLLATE "C",
    lease_until BIGINT
);

CREATE INDEX queue_by_notice ON queue (notice_id, due_at, delivery_id);
CREATE INDEX queue_leased ON queue (lease_owner, lease_until) WHERE lease_owner IS NOT NULL;

CREATE TABLE attempts (
    delivery_id TEXT COLLATE "C" NOT NULL,
    attempt     BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    relay       TEXT COLLATE "C" NOT NULL,
    host        TEXT COLLATE "C" NOT NULL,
    tls         TEXT COLLATE "C" NOT NULL,
    stage       TEXT COLLATE "C" NOT NULL,
    outcome     TEXT COLLATE "C" NOT NULL,
    code        BIGINT,
    reply       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (delivery_id, attempt)
);

-- The exact bytes, compressed with the dictionary named, if any.
CREATE TABLE messages (
    delivery_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sha256      BYTEA NOT NULL,
    size        BIGINT NOT NULL,
    dictionary  BYTEA,
    body        BYTEA NOT NULL
);

CREATE TABLE message_dictionaries (
    sha256    BYTEA NOT NULL PRIMARY KEY,
    notice_id TEXT COLLATE "C" NOT NULL,
    body      BYTEA NOT NULL
);

CREATE TABLE preferences (
    email        TEXT COLLATE "C" NOT NULL,
    category     TEXT COLLATE "C" NOT NULL CHECK (category IN ('news', 'survey')),
    opted_out_at BIGINT NOT NULL,
    source       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (email, category)
);

CREATE TABLE suppressions (
    email  TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL CHECK (reason IN ('dead', 'complaint', 'restricted', 'manual')),
    since  BIGINT NOT NULL,
    PRIMARY KEY (email, reason)
);

CREATE TABLE attestations (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    notice_id  TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    channel    TEXT COLLATE "C" NOT NULL CHECK (channel IN ('phone', 'letter', 'in-person', 'other')),
    witness    TEXT COLLATE "C" NOT NULL,
    note       TEXT COLLATE "C" NOT NULL,
    operator   TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL
);

CREATE INDEX attestations_by_notice ON attestations (notice_id, account_id);

-- Entries that have committed with what they record and wait for their index.
CREATE TABLE ledger_pending (
    seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id TEXT COLLATE "C" NOT NULL,
    leaf     BYTEA NOT NULL
);

CREATE TABLE ledger_entries (
    idx      BIGINT NOT NULL PRIMARY KEY,
    entry_id TEXT COLLATE "C" NOT NULL UNIQUE,
    leaf     BYTEA NOT NULL
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE TRIGGER ledger_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
EXECUTE FUNCTION refuse_change();

CREATE TABLE ledger_openings (
    entry_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    notice_id   TEXT COLLATE "C",
    delivery_id TEXT COLLATE "C",
    event       TEXT COLLATE "C" NOT NULL,
    at          BIGINT NOT NULL,
    fact        BYTEA NOT NULL,
    fact_salt   BYTEA NOT NULL,
    person      BYTEA,
    person_salt BYTEA
);

-- Entries about deliveries are found through them.
CREATE INDEX ledger_openings_by_notice ON ledger_openings (notice_id) WHERE delivery_id IS NULL;
CREATE INDEX ledger_openings_by_delivery ON ledger_openings (delivery_id) WHERE delivery_id IS NOT NULL;

-- Only the opening of a person may be cleared, never filled again or exchanged.
CREATE FUNCTION only_clear_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.entry_id, NEW.notice_id, NEW.delivery_id, NEW.event, NEW.at, NEW.fact, NEW.fact_salt)
        IS DISTINCT FROM (OLD.entry_id, OLD.notice_id, OLD.delivery_id, OLD.event, OLD.at, OLD.fact, OLD.fact_salt)
        OR NEW.person IS NOT NULL OR NEW.person_salt IS NOT NULL THEN
        RAISE EXCEPTION 'ledger_openings: only person and person_salt may be cleared';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_openings_stay BEFORE UPDATE ON ledger_openings
FOR EACH ROW EXECUTE FUNCTION only_clear_person();
CREATE TRIGGER ledger_openings_remain BEFORE DELETE OR TRUNCATE ON ledger_openings
EXECUTE FUNCTION refuse_change();

-- One row: size and root of the tree, and its peaks, from which it grows.
CREATE TABLE ledger_head (
    id    BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    size  BIGINT NOT NULL,
    root  BYTEA NOT NULL,
    peaks BYTEA NOT NULL
);

INSERT INTO ledger_head (id, size, root, peaks)
VALUES (1, 0, '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '\x');

CREATE TABLE secrets (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
