-- Times are milliseconds since 1970, ids are UUIDv7 text, hashes and salts are blobs. The values of `state` and similar columns are
-- the names used in `domain`. An `email` is the address as it was written, an `email_key` its comparison key (`Address::key`): two
-- addresses are the same exactly if their keys are equal.

CREATE TABLE customers (
    account_id TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('active', 'left')),
    import_id  TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- In the order in which retention looks for them: by time, it would walk all customers to get that order.
CREATE INDEX customers_left ON customers (account_id, updated_at) WHERE status = 'left';

-- The words that customers are found by: those of the name, folded, and of an account id in mixed case (`domain::sought`).
-- A row has the `n` accounts from `account_id` to `last` that share a word; `others` are all but the first.
CREATE TABLE customer_words (
    word       TEXT NOT NULL,
    account_id TEXT NOT NULL,
    last       TEXT NOT NULL,
    others     TEXT NOT NULL,
    n          INTEGER NOT NULL,
    PRIMARY KEY (word, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE customer_attributes (
    account_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    position   INTEGER NOT NULL,
    import_id  TEXT NOT NULL,
    PRIMARY KEY (account_id, name, value)
) STRICT, WITHOUT ROWID;

-- Finds the customers with given attribute values without reading all customers.
CREATE INDEX customer_attributes_by_value ON customer_attributes (name, value, account_id);

CREATE TABLE contacts (
    account_id     TEXT NOT NULL,
    email          TEXT NOT NULL,
    email_key      TEXT NOT NULL,
    role           TEXT NOT NULL CHECK (role IN ('service', 'security', 'technical', 'legal', 'billing')),
    name           TEXT NOT NULL,
    locale         TEXT,
    time_zone      TEXT,
    position       INTEGER NOT NULL,
    import_id      TEXT NOT NULL,
    deactivated_at INTEGER,
    PRIMARY KEY (account_id, email_key, role)
) STRICT, WITHOUT ROWID;

CREATE INDEX contacts_by_key ON contacts (email_key);
CREATE INDEX contacts_deactivated ON contacts (deactivated_at) WHERE deactivated_at IS NOT NULL;

-- `audience_salt` is the salt of the manifest's commitments to customers with nobody to address.
-- `informed_at` and `deadline` are what counts as informed, and until when, as they were at the release.
-- `approved_recipients` is the number of recipients at the approval, `approved_audience` what they are compared by until the release,
-- `approved_revision` the revision of the customers then.
-- `resent_at` is set while deliveries of a closed notice are being sent again on an operator's decision.
-- `contacts_revision` is the revision of the customers that its queue was compared with last.
-- `standing` is set at the release of a notice to which recipients are added: `open` as long as they may be.
-- `matter_id` is the id of the first of the notices that follow each other; `sequence` its place among the released ones of them.
-- `phase` (also status or stage), `window_start`, `window_end` and `next_update_at` are what its text says of the matter.
-- `speaks` is 1 once it is released with a phase, unless it is a reminder, or was cancelled before anybody got it. The last one that
-- speaks says how far the matter is.
CREATE TABLE notices (
    id              TEXT NOT NULL PRIMARY KEY,
    category        TEXT NOT NULL CHECK (category IN ('security_breach', 'disruption', 'maintenance', 'agreement_change',
                        'security_measures_change', 'billing', 'news', 'survey')),
    state           TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'approved', 'scheduled', 'releasing', 'released',
                        'closed', 'declined', 'cancelled')),
    reference       TEXT,
    subject         TEXT NOT NULL,
    follows_id      TEXT,
    digest          BLOB NOT NULL,
    author          TEXT NOT NULL,
    approved_digest BLOB,
    approved_by     TEXT,
    approved_recipients INTEGER,
    approved_audience BLOB,
    approved_revision INTEGER,
    send_at         INTEGER,
    created_at      INTEGER NOT NULL,
    released_at     INTEGER,
    informed_at     TEXT CHECK (informed_at IN ('relayed', 'accepted_by_mx', 'dsn_delivered')),
    deadline        INTEGER,
    paused_at       INTEGER,
    closed_at       INTEGER,
    resent_at       INTEGER,
    purged_at       INTEGER,
    attempts_purged_at INTEGER,
    lane            INTEGER NOT NULL,
    release_owner   TEXT,
    release_by      TEXT,
    release_reason  TEXT,
    release_until   INTEGER,
    contacts_revision INTEGER NOT NULL DEFAULT 0,
    customers       INTEGER NOT NULL DEFAULT 0,
    recipients      INTEGER NOT NULL DEFAULT 0,
    message_domain  TEXT NOT NULL DEFAULT '',
    standing        TEXT CHECK (standing IN ('open', 'ended')),
    audience_salt   BLOB,
    matter_id       TEXT NOT NULL,
    sequence        INTEGER,
    phase           TEXT CHECK (phase IN ('announced', 'rescheduled', 'cancelled', 'started', 'completed', 'possible',
                        'investigating', 'identified', 'monitoring', 'resolved', 'suspected', 'confirmed', 'update', 'final')),
    window_start    INTEGER,
    window_end      INTEGER,
    next_update_at  INTEGER,
    speaks          INTEGER NOT NULL DEFAULT 0 CHECK (speaks IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX notices_by_reference ON notices (reference, released_at);
CREATE INDEX notices_by_category ON notices (category, released_at);
CREATE INDEX notices_open ON notices (lane, released_at) WHERE state IN ('released', 'scheduled', 'releasing', 'cancelled') AND closed_at IS NULL;
CREATE INDEX notices_submitted ON notices (id) WHERE state = 'submitted';
CREATE INDEX notices_scheduled ON notices (send_at, id) WHERE state IN ('approved', 'scheduled') AND send_at IS NOT NULL;
CREATE UNIQUE INDEX notices_of_matter ON notices (matter_id, sequence);
CREATE INDEX notices_by_window ON notices (window_end) WHERE window_end IS NOT NULL;
CREATE INDEX notices_resent ON notices (id) WHERE resent_at IS NOT NULL;

-- The file of each notice as written, in a table with row ids: the rows of notices are found by id for each delivery that is claimed,
-- and SQLite copies a row that does not fit into its page to compare its id.
CREATE TABLE notice_sources (
    notice_id TEXT NOT NULL PRIMARY KEY,
    source    TEXT NOT NULL
) STRICT;

-- The rows of audience files, one for each customer, and those that were added to a standing notice: these have the key by which
-- their sender knows them, so that the same row is taken once.
CREATE TABLE notice_rows (
    notice_id  TEXT NOT NULL,
    account_id TEXT NOT NULL,
    data       TEXT NOT NULL,
    key        TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (notice_id, account_id, key)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX notice_rows_by_key ON notice_rows (notice_id, key) WHERE key <> '';

CREATE TABLE notice_steps (
    id        TEXT NOT NULL PRIMARY KEY,
    notice_id TEXT NOT NULL,
    step      TEXT NOT NULL CHECK (step IN ('create', 'edit', 'submit', 'approve', 'decline', 'release', 'pause', 'resume',
                  'cancel', 'close')),
    operator  TEXT NOT NULL,
    reason    TEXT,
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_steps_by_notice ON notice_steps (notice_id, id);

-- What persons read of a notice when they last decided about it, until its release; with an empty operator what was submitted and
-- replaced before anybody had decided.
CREATE TABLE notice_reviews (
    notice_id TEXT NOT NULL,
    operator  TEXT NOT NULL,
    step      TEXT NOT NULL,
    source    TEXT NOT NULL,
    digest    BLOB NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (notice_id, operator)
) STRICT, WITHOUT ROWID;

-- `first_at` is that of the queue while the delivery is uncertain and no entry has its message: it may have been sent.
-- `thread` has the Message-IDs of the messages of the matter that its recipient had before, the last one last.
-- `row_key` is the key of the row that it was added with to a standing notice.
-- `not_before` is when its notice's schedule has it sent, if that was later than the release.
-- `commitment` is set when the salt is deleted: the Merkle proofs of the other recipients still need this recipient's hash.
CREATE TABLE deliveries (
    id            TEXT NOT NULL PRIMARY KEY,
    notice_id     TEXT NOT NULL,
    ordinal       INTEGER NOT NULL,
    account_id    TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    email         TEXT NOT NULL,
    email_key     TEXT NOT NULL,
    contact_name  TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('service', 'security', 'technical', 'legal', 'billing')),
    locale        TEXT,
    time_zone     TEXT,
    merged        TEXT,
    salt          BLOB,
    commitment    BLOB,
    thread        TEXT,
    row_key       TEXT,
    not_before    INTEGER,
    state         TEXT NOT NULL CHECK (state IN ('queued', 'deferred', 'accepted', 'delivered', 'bounced', 'rejected',
                      'expired', 'uncertain', 'suppressed', 'opted_out', 'cancelled')),
    level         TEXT CHECK (level IN ('relayed', 'operator_found', 'accepted_by_mx', 'dsn_delivered', 'attested', 'acknowledged')),
    attempts      INTEGER NOT NULL,
    reason        TEXT CHECK (reason IN ('not_carried', 'not_composed')),
    reply         TEXT,
    changed_at    INTEGER NOT NULL,
    first_at      INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX deliveries_by_notice ON deliveries (notice_id, ordinal);
CREATE INDEX deliveries_by_account ON deliveries (account_id, notice_id);
CREATE INDEX deliveries_by_key ON deliveries (email_key) WHERE email_key <> '';

-- The deliveries in state `uncertain`. This is a table and not an index over `deliveries.state`: with such an index, every change
-- of a state would update all indexes of `deliveries` on PostgreSQL.
CREATE TABLE doubts (
    notice_id   TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    PRIMARY KEY (notice_id, delivery_id)
) STRICT, WITHOUT ROWID;

-- Triggers maintain it, so that every statement that changes a state is covered.
CREATE TRIGGER deliveries_doubted AFTER UPDATE OF state ON deliveries
WHEN NEW.state = 'uncertain' AND OLD.state <> 'uncertain'
BEGIN
    INSERT INTO doubts (notice_id, delivery_id) VALUES (NEW.notice_id, NEW.id);
END;

CREATE TRIGGER deliveries_settled AFTER UPDATE OF state ON deliveries
WHEN OLD.state = 'uncertain' AND NEW.state <> 'uncertain'
BEGIN
    DELETE FROM doubts WHERE notice_id = OLD.notice_id AND delivery_id = OLD.id;
END;

CREATE TRIGGER deliveries_gone AFTER DELETE ON deliveries WHEN OLD.state = 'uncertain'
BEGIN
    DELETE FROM doubts WHERE notice_id = OLD.notice_id AND delivery_id = OLD.id;
END;

-- How many deliveries of a notice are in each state other than `queued`; the rest of its recipients are queued. Triggers maintain
-- it, so that every statement that changes a state is covered.
CREATE TABLE delivery_counts (
    notice_id TEXT NOT NULL,
    state     TEXT NOT NULL,
    n         INTEGER NOT NULL,
    PRIMARY KEY (notice_id, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER deliveries_counted_out AFTER UPDATE OF state ON deliveries WHEN NEW.state <> OLD.state AND OLD.state <> 'queued'
BEGIN
    UPDATE delivery_counts SET n = n - 1 WHERE notice_id = OLD.notice_id AND state = OLD.state;
END;

CREATE TRIGGER deliveries_counted_in AFTER UPDATE OF state ON deliveries WHEN NEW.state <> OLD.state AND NEW.state <> 'queued'
BEGIN
    INSERT INTO delivery_counts (notice_id, state, n) VALUES (NEW.notice_id, NEW.state, 1)
    ON CONFLICT (notice_id, state) DO UPDATE SET n = n + 1;
END;

-- Of the tree over the recipients that one entry commits to, whose first has the ordinal `first`: the roots of the complete subtrees
-- with 256^n recipients, n >= 1. With them the proof of one recipient reads few others.
CREATE TABLE recipient_nodes (
    notice_id TEXT NOT NULL,
    first     INTEGER NOT NULL,
    level     INTEGER NOT NULL CHECK (level > 0 AND level % 8 = 0),
    idx       INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    PRIMARY KEY (notice_id, first, level, idx)
) STRICT, WITHOUT ROWID;

-- Customers in the audience who have no contact to write to; the coverage of the notice includes them.
CREATE TABLE unaddressed (
    notice_id     TEXT NOT NULL,
    account_id    TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    PRIMARY KEY (notice_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX unaddressed_by_account ON unaddressed (account_id);

-- Unfinished work only: the row is deleted when its delivery is final.
--
-- `aside` is 1 for a delivery that a claim stepped over because nothing could be sent to its domain at that moment; it is found by
-- its domain later. Only such rows are in `queue_by_domain`: if all were, each release and each claim would write an index page
-- for nearly every delivery.
--
-- `first_at` is when it was claimed for its first attempt: the Date of its message, whoever sends it at last. A claim that is
-- returned untried takes it away again.
--
-- `not_before` is when its schedule, or the end of quiet hours, has it sent. As long as `due_at` is the same time, it waits for nothing
-- else, and no clock that differs makes it due.
--
-- `refused_token` is the token of a claim whose delivery a relay refused, while it is not clear whose fault that is.
CREATE TABLE queue (
    delivery_id TEXT NOT NULL PRIMARY KEY,
    notice_id   TEXT NOT NULL,
    lane        INTEGER NOT NULL,
    domain      TEXT NOT NULL,
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    waited      INTEGER NOT NULL,
    token       INTEGER NOT NULL,
    aside       INTEGER NOT NULL DEFAULT 0 CHECK (aside IN (0, 1)),
    lease_owner TEXT,
    lease_until INTEGER,
    first_at    INTEGER,
    refused_token INTEGER,
    not_before  INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_by_notice ON queue (notice_id, aside, due_at, delivery_id);
CREATE INDEX queue_by_domain ON queue (notice_id, domain, due_at, delivery_id) WHERE aside = 1;
CREATE INDEX queue_scheduled ON queue (notice_id, not_before) WHERE not_before IS NOT NULL;
CREATE INDEX queue_leased ON queue (lease_owner, lease_until) WHERE lease_owner IS NOT NULL;

-- `dsn` tells whether the server was asked for delivery status notifications (RFC 3461).
CREATE TABLE attempts (
    delivery_id TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    relay       TEXT NOT NULL,
    host        TEXT NOT NULL,
    tls         TEXT NOT NULL,
    dsn         INTEGER NOT NULL DEFAULT 0 CHECK (dsn IN (0, 1)),
    stage       TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    code        INTEGER,
    reply       TEXT NOT NULL,
    PRIMARY KEY (delivery_id, attempt)
) STRICT, WITHOUT ROWID;

-- What the messages of a notice to recipients of one language, zone and role have in common; `id` is the SHA-256 of `body`.
-- It is stored before the first of them is sent, and names nobody.
CREATE TABLE moulds (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    id        BLOB NOT NULL,
    notice_id TEXT NOT NULL,
    locale    TEXT NOT NULL,
    zone      TEXT NOT NULL,
    role      TEXT NOT NULL,
    body      BLOB NOT NULL,
    UNIQUE (notice_id, locale, zone, role)
) STRICT;

CREATE TABLE preferences (
    email_key    TEXT NOT NULL,
    email        TEXT NOT NULL,
    category     TEXT NOT NULL CHECK (category IN ('news', 'survey')),
    opted_out_at INTEGER NOT NULL,
    source       TEXT NOT NULL,
    contact_ended_at INTEGER,
    PRIMARY KEY (email_key, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE suppressions (
    email_key TEXT NOT NULL,
    email     TEXT NOT NULL,
    reason    TEXT NOT NULL CHECK (reason IN ('dead', 'complaint', 'restricted', 'manual')),
    since     INTEGER NOT NULL,
    contact_ended_at INTEGER,
    PRIMARY KEY (email_key, reason)
) STRICT, WITHOUT ROWID;

-- Lists mask the addresses whose data is restricted.
CREATE INDEX suppressions_restricted ON suppressions (email_key) WHERE reason = 'restricted';

-- `told_at` is when the customer was informed, `at` when that was recorded. One that was withdrawn does not count.
CREATE TABLE attestations (
    id         TEXT NOT NULL PRIMARY KEY,
    notice_id  TEXT NOT NULL,
    account_id TEXT NOT NULL,
    channel    TEXT NOT NULL CHECK (channel IN ('phone', 'letter', 'in-person', 'other')),
    witness    TEXT NOT NULL,
    note       TEXT NOT NULL,
    operator   TEXT NOT NULL,
    at         INTEGER NOT NULL,
    told_at    INTEGER NOT NULL,
    withdrawn_at  INTEGER,
    withdrawn_by  TEXT,
    withdrawn_why TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX attestations_by_notice ON attestations (notice_id, account_id);

-- The addresses at which customers' calendars are: each is made of `id`, and ends with the row.
CREATE TABLE feeds (
    account_id TEXT NOT NULL PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which entries of the ledger are objections to mandatory notices, and which of these wait for a decision.
CREATE TABLE objections (
    id       TEXT NOT NULL PRIMARY KEY,
    entry_id TEXT NOT NULL UNIQUE,
    decided  INTEGER NOT NULL CHECK (decided IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX objections_waiting ON objections (entry_id) WHERE decided = 0;

-- Legal holds: as long as one is on a notice or an account, nothing of it may be erased or purged.
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
    id        TEXT NOT NULL PRIMARY KEY,
    email_key TEXT NOT NULL,
    operator  TEXT NOT NULL,
    what      TEXT NOT NULL,
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reads_by_key ON reads (email_key);

-- What persons ask for (GDPR Art. 15 to 21), and by when they are answered. A petition of an erased person names nobody any more.
CREATE TABLE petitions (
    id          TEXT NOT NULL PRIMARY KEY,
    email       TEXT NOT NULL,
    email_key   TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('access', 'rectification', 'erasure', 'restriction', 'portability', 'objection')),
    received_at INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    extension   TEXT,
    answered_at INTEGER,
    answer      TEXT CHECK (answer IN ('done', 'refused', 'withdrawn')),
    answered_by TEXT,
    note        TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX petitions_open ON petitions (due_at, id) WHERE answered_at IS NULL;
CREATE INDEX petitions_by_key ON petitions (email_key) WHERE email_key <> '';

-- The directory that customers are fetched from, for all nodes. `etag` and `modified` are by what the server knows the file that was
-- imported last, which was at `url`. `due_at` is when a node looks next; who looks moves it.
CREATE TABLE directory (
    id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    url          TEXT NOT NULL,
    etag         TEXT,
    modified     TEXT,
    due_at       INTEGER NOT NULL,
    checked_at   INTEGER,
    imported_at  INTEGER,
    failed_since INTEGER
) STRICT;

INSERT INTO directory (id, url, due_at) VALUES (1, '', 0);

-- Corrected addresses (GDPR Art. 16): an import that still has the old one stores the new one.
CREATE TABLE rectifications (
    old_key   TEXT NOT NULL PRIMARY KEY,
    old_email TEXT NOT NULL,
    new_key   TEXT NOT NULL,
    new_email TEXT NOT NULL,
    at        INTEGER NOT NULL,
    contact_ended_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX rectifications_by_new ON rectifications (new_key);

-- An opt-out, a suppression and a correction count from the end of the last contact that had the address, if that is later than they
-- are: an import that brings the address back must not bring mail. A trigger notes it, so that every statement that deletes a
-- contact is covered.
CREATE TRIGGER contacts_ended AFTER DELETE ON contacts WHEN OLD.deactivated_at IS NOT NULL
BEGIN
    UPDATE preferences SET contact_ended_at = MAX(COALESCE(contact_ended_at, 0), OLD.deactivated_at) WHERE email_key = OLD.email_key;
    UPDATE suppressions SET contact_ended_at = MAX(COALESCE(contact_ended_at, 0), OLD.deactivated_at) WHERE email_key = OLD.email_key;
    UPDATE rectifications SET contact_ended_at = MAX(COALESCE(contact_ended_at, 0), OLD.deactivated_at) WHERE new_key = OLD.email_key;
END;

-- Erasures, as keyed hashes of addresses; the key is in `secrets`. Journal files outside the database hold the same tombstones: a
-- database that lacks some of them was restored from an older copy.
CREATE TABLE tombstones (
    id   TEXT NOT NULL PRIMARY KEY,
    mark TEXT NOT NULL CHECK (mark IN ('erased', 'revived')),
    hash BLOB NOT NULL,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What came back by mail, stored before anything is made of it. `digest` is the SHA-256 of the envelope recipient and the bytes: the
-- same message again is not stored again. `raw` is compressed, and cleared with the person or when its time is over.
-- A message that cannot be recorded yet, for its delivery is being sent, is read again at `due_at`. `kind` is what it is, `tie` what
-- ties it to the delivery. `forward` says what became of a person's reply, `forward_at` since when; one that waits is sent to support
-- from `forward_due_at` on, which is also until when a node has claimed it, and its bytes go once it was forwarded.
CREATE TABLE inbound (
    id          TEXT NOT NULL PRIMARY KEY,
    digest      BLOB NOT NULL UNIQUE,
    route       TEXT NOT NULL CHECK (route IN ('lmtp', 'pipe', 'file', 'maildir', 'imap')),
    recipient   TEXT,
    sender      TEXT,
    at          INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    raw         BLOB,
    disposition TEXT NOT NULL CHECK (disposition IN ('waiting', 'recorded', 'unmatched')),
    kind        TEXT,
    tie         TEXT,
    delivery_id TEXT,
    forward        TEXT CHECK (forward IN ('waiting', 'forwarded', 'withheld', 'failed')),
    forward_reason TEXT,
    forward_at     INTEGER,
    forward_due_at INTEGER,
    forward_claims INTEGER NOT NULL DEFAULT 0,
    CHECK ((forward IS NULL) = (forward_at IS NULL)),
    CHECK (forward IS NULL OR forward <> 'waiting' OR forward_due_at IS NOT NULL)
) STRICT;

CREATE INDEX inbound_waiting ON inbound (due_at, id) WHERE disposition = 'waiting';
CREATE INDEX inbound_unmatched ON inbound (id) WHERE disposition = 'unmatched';
CREATE INDEX inbound_to_forward ON inbound (forward_due_at, id) WHERE forward = 'waiting';
CREATE INDEX inbound_by_delivery ON inbound (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX inbound_raw ON inbound (at, id) WHERE raw IS NOT NULL;

-- What those messages say of a delivery. `fingerprint` is the same in each copy of a report: it is recorded once. The last three are
-- words from outside, cleared with the person.
CREATE TABLE reports (
    delivery_id TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    inbound_id  TEXT NOT NULL,
    at          INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    tie         TEXT NOT NULL,
    action      TEXT NOT NULL,
    status      TEXT,
    verdict     TEXT NOT NULL,
    dkim        TEXT NOT NULL,
    outcome     TEXT,
    recipient   TEXT,
    diagnostic  TEXT,
    remote      TEXT,
    PRIMARY KEY (delivery_id, fingerprint)
) STRICT, WITHOUT ROWID;

-- The released notices whose customers must be informed. `due_at` is when all customers are looked at next: at the release those with
-- nobody to address, later at times when an answer changes though nothing happens. `seen` is what the last look depended on,
-- `overdue` how many customers it found past the deadline.
CREATE TABLE watched_notices (
    notice_id TEXT NOT NULL PRIMARY KEY,
    due_at    INTEGER,
    seen      TEXT,
    overdue   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX watched_notices_due ON watched_notices (due_at, notice_id) WHERE due_at IS NOT NULL;
CREATE INDEX watched_notices_overdue ON watched_notices (overdue) WHERE overdue > 0;

-- Customers of watched notices of whom a delivery failed, or one arrived while their case is open. A transaction that looks at a
-- customer deletes the events that it found.
CREATE TABLE escalation_events (
    seq        INTEGER PRIMARY KEY,
    notice_id  TEXT NOT NULL,
    account_id TEXT NOT NULL
) STRICT;

-- Customers who are or were not informed, and how far that is: `since` is when the last role was addressed, `turns` is how many
-- roles were.
CREATE TABLE escalations (
    notice_id  TEXT NOT NULL,
    account_id TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('addressing', 'task', 'informed', 'settled')),
    since      INTEGER NOT NULL,
    due_at     INTEGER,
    turns      INTEGER NOT NULL,
    PRIMARY KEY (notice_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX escalations_due ON escalations (due_at, notice_id, account_id) WHERE due_at IS NOT NULL;

-- The node that works at them.
CREATE TABLE escalation_hold (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    owner TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;

INSERT INTO escalation_hold (id, owner, until) VALUES (1, '', 0);

CREATE TRIGGER deliveries_failed AFTER UPDATE OF state ON deliveries
WHEN NEW.state <> OLD.state AND NEW.state IN ('rejected', 'expired', 'bounced', 'suppressed', 'opted_out', 'cancelled')
BEGIN
    INSERT INTO escalation_events (notice_id, account_id) SELECT NEW.notice_id, NEW.account_id
    WHERE EXISTS (SELECT 1 FROM watched_notices w WHERE w.notice_id = NEW.notice_id);
END;

CREATE TRIGGER deliveries_arrived AFTER UPDATE OF state ON deliveries
WHEN NEW.state <> OLD.state AND NEW.state IN ('accepted', 'delivered')
BEGIN
    INSERT INTO escalation_events (notice_id, account_id) SELECT NEW.notice_id, NEW.account_id
    WHERE EXISTS (SELECT 1 FROM escalations e WHERE e.notice_id = NEW.notice_id AND e.account_id = NEW.account_id
      AND e.state IN ('addressing', 'task'));
END;

-- What a person must do, why, and by when. `reason` names no address. There is one open task for the same kind and the same objects,
-- whichever node opens it. `done_by` is the person who closed it with a note; a task that a fact closed has neither.
CREATE TABLE tasks (
    id          TEXT NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('not_informed', 'overdue', 'weak_match', 'contradiction', 'left_company',
                    'new_address', 'unread', 'unforwarded', 'stale_directory', 'webhook_failed', 'promise', 'draft')),
    notice_id   TEXT,
    account_id  TEXT,
    delivery_id TEXT,
    inbound_id  TEXT,
    reason      TEXT NOT NULL,
    opened_at   INTEGER NOT NULL,
    deadline    INTEGER,
    state       TEXT NOT NULL CHECK (state IN ('open', 'done')),
    done_at     INTEGER,
    done_by     TEXT,
    note        TEXT,
    CHECK ((state = 'done') = (done_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX tasks_open ON tasks (kind, COALESCE(notice_id, ''), COALESCE(account_id, ''), COALESCE(delivery_id, ''),
    COALESCE(inbound_id, ''), COALESCE(deadline, 0)) WHERE state = 'open';
CREATE INDEX tasks_to_do ON tasks (id) WHERE state = 'open';
CREATE INDEX tasks_next_due ON tasks (COALESCE(deadline, 9223372036854775807), id) WHERE state = 'open';
CREATE INDEX tasks_done ON tasks (done_at) WHERE notice_id IS NULL;
CREATE INDEX tasks_by_notice ON tasks (notice_id, account_id) WHERE notice_id IS NOT NULL;
CREATE INDEX tasks_by_account ON tasks (account_id) WHERE account_id IS NOT NULL AND state = 'open';

-- The reminders of maintenances. A planned one is looked at when it is due, a made one (`reminder_id` is its notice) when the window
-- begins: `look_at`.
CREATE TABLE reminders (
    matter_id    TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    before_ms    INTEGER NOT NULL,
    notice_id    TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('planned', 'made', 'done', 'dropped')),
    look_at      INTEGER,
    reminder_id  TEXT,
    PRIMARY KEY (matter_id, window_start, before_ms),
    CHECK ((state IN ('planned', 'made')) = (look_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX reminders_due ON reminders (look_at) WHERE look_at IS NOT NULL;
CREATE UNIQUE INDEX reminders_made ON reminders (reminder_id) WHERE reminder_id IS NOT NULL;

-- When customers are to hear of a matter again, by the notice that promised it. `look_at` is when a person is warned, then when its
-- time comes.
CREATE TABLE promises (
    matter_id TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('update', 'completion', 'stage')),
    due_at    INTEGER NOT NULL,
    notice_id TEXT NOT NULL,
    state     TEXT NOT NULL CHECK (state IN ('open', 'overdue', 'kept', 'settled')),
    look_at   INTEGER,
    PRIMARY KEY (matter_id, kind, due_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX promises_due ON promises (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX promises_overdue ON promises (due_at) WHERE state = 'overdue';
CREATE INDEX promises_ahead ON promises (due_at) WHERE state IN ('open', 'overdue');

-- The matters that were announced and have not ended.
CREATE TABLE open_matters (
    matter_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Series of maintenances: `notice_id` is what the next draft is copied from, `next_start` its window, `look_at` when it is made;
-- neither once the series is over.
CREATE TABLE series (
    id         TEXT NOT NULL PRIMARY KEY,
    notice_id  TEXT NOT NULL,
    next_start INTEGER,
    look_at    INTEGER,
    CHECK ((next_start IS NULL) = (look_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX series_due ON series (look_at) WHERE look_at IS NOT NULL;

-- The notices of a series: one for each window.
CREATE TABLE series_notices (
    notice_id    TEXT NOT NULL PRIMARY KEY,
    series_id    TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    UNIQUE (series_id, window_start)
) STRICT, WITHOUT ROWID;

-- Entries that were committed together with what they record, and have no index in the tree yet.
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

-- What the entries commit to. `subject` is the comparison key of the address that an entry about no delivery
-- is about; it finds a person's entries.
-- `mould_values` are the values of the recipient's message in the mould of this number, with the first entry about the message.
CREATE TABLE ledger_openings (
    entry_id    TEXT NOT NULL PRIMARY KEY,
    notice_id   TEXT,
    delivery_id TEXT,
    subject     TEXT,
    event       TEXT NOT NULL,
    at          INTEGER NOT NULL,
    fact        BLOB NOT NULL,
    fact_salt   BLOB NOT NULL,
    person      BLOB,
    person_salt BLOB,
    mould        INTEGER,
    mould_values BLOB
) STRICT;

-- Entries about a delivery are found by the delivery, not by the notice.
CREATE INDEX ledger_openings_by_notice ON ledger_openings (notice_id) WHERE delivery_id IS NULL;
CREATE INDEX ledger_openings_by_delivery ON ledger_openings (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX ledger_openings_by_subject ON ledger_openings (subject) WHERE subject IS NOT NULL;
-- Who did what, as long as that is stored: retention looks for the oldest.
CREATE INDEX ledger_openings_operated ON ledger_openings (at, entry_id)
    WHERE event = 'operated' AND delivery_id IS NULL AND person_salt IS NOT NULL;
-- The words of operators are searched for a person's addresses, among entries of which nearly all are about deliveries.
CREATE INDEX ledger_openings_with_words ON ledger_openings (entry_id) WHERE event IN ('attested', 'operated') AND person IS NOT NULL;

-- The opening of a person, the message and the subject may be cleared, and nothing else may change.
CREATE TRIGGER ledger_openings_stay BEFORE UPDATE ON ledger_openings
WHEN NEW.entry_id IS NOT OLD.entry_id OR NEW.notice_id IS NOT OLD.notice_id OR NEW.delivery_id IS NOT OLD.delivery_id
    OR NEW.event IS NOT OLD.event OR NEW.at IS NOT OLD.at OR NEW.fact IS NOT OLD.fact
    OR NEW.fact_salt IS NOT OLD.fact_salt OR NEW.person IS NOT NULL OR NEW.person_salt IS NOT NULL
    OR NEW.subject IS NOT NULL OR NEW.mould IS NOT NULL OR NEW.mould_values IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'ledger_openings: only person, message and subject may be cleared'); END;
CREATE TRIGGER ledger_openings_remain BEFORE DELETE ON ledger_openings
BEGIN SELECT RAISE(ABORT, 'ledger_openings is append-only'); END;

-- Roots of the complete subtrees with 256^n leaves, n >= 1. Proofs need only these and the leaves (C2SP tlog-tiles).
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

-- Every signed checkpoint, numbered in the order of signing: times can go back when a clock is set, and sizes after a restore.
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

-- One row, the state of the ledger and of what belongs to it:
-- `size`, `root` and `peaks` are those of the tree; it grows from the peaks.
-- `stopped` is why sealing stopped, until an operator lets it continue.
-- `mailed_at` is when a checkpoint was mailed last.
-- `customers_revision` counts the imports and corrections of addresses that changed customers and contacts; an import compares its
-- file with them before it takes locks, and sees by this number whether they changed in between.
-- `erasures` counts the persons that were erased: an answer to a request that began before one is not kept.
-- `unscrubbed` counts the transactions that deleted persons since the file was scrubbed last, the first of them at
-- `unscrubbed_since`.
CREATE TABLE ledger_head (
    id                 INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    size               INTEGER NOT NULL,
    root               BLOB NOT NULL,
    peaks              BLOB NOT NULL,
    stopped            TEXT,
    mailed_at          INTEGER,
    customers_revision INTEGER NOT NULL DEFAULT 0,
    erasures           INTEGER NOT NULL DEFAULT 0,
    unscrubbed         INTEGER NOT NULL DEFAULT 0,
    unscrubbed_since   INTEGER
) STRICT;

INSERT INTO ledger_head (id, size, root, peaks)
VALUES (1, 0, X'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', X'');

-- Running dispatchers, and the state of each relay as each of them sees it. A node that was not seen for a while is taken for gone
-- and deleted together with its relay states.
CREATE TABLE nodes (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    joined_at  INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE relay_states (
    node_id TEXT NOT NULL,
    relay   TEXT NOT NULL,
    state   TEXT NOT NULL,
    PRIMARY KEY (node_id, relay)
) STRICT;

CREATE TABLE secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who uses Besked. `folded` and `seen` are what a name looks like without and with its case: no two operators may be taken for each
-- other. `roles` are the names of the roles, separated by commas. An operator is never deleted: the record names them.
CREATE TABLE operators (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    folded      TEXT NOT NULL UNIQUE,
    seen        TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL CHECK (kind IN ('person', 'machine')),
    roles       TEXT NOT NULL,
    email       TEXT,
    locale      TEXT,
    time_zone   TEXT,
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT, WITHOUT ROWID;

-- Keys of programs: of the key itself only the SHA-256 is stored. `last_used_at` is written once a minute at most.
CREATE TABLE keys (
    id           TEXT NOT NULL PRIMARY KEY,
    operator_id  TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    roles        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_by_operator ON keys (operator_id);

-- Sessions of operators in the console: of the token itself only the SHA-256 is stored. `seen_at` is written once a minute at most;
-- `proof` is what was proved at the begin. `pending` is the secret of a second factor that is being set up in this session: nobody who
-- saw it has it after the session. A session that has ended is deleted.
CREATE TABLE sessions (
    id          TEXT NOT NULL PRIMARY KEY,
    operator_id TEXT NOT NULL,
    hash        BLOB NOT NULL UNIQUE,
    proof       TEXT NOT NULL CHECK (proof IN ('password', 'second_factor', 'provider')),
    address     TEXT NOT NULL,
    agent       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    pending     BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_operator ON sessions (operator_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- Customers files that were uploaded and not imported yet: kept for an hour. `sha256` is that of the file, `revision` the one of the
-- customers that it was compared with.
CREATE TABLE uploads (
    id          TEXT NOT NULL PRIMARY KEY,
    operator_id TEXT NOT NULL,
    name        TEXT NOT NULL,
    options     TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('arriving', 'waiting', 'taken', 'imported')),
    size        INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_by_operator ON uploads (operator_id, created_at);
CREATE INDEX uploads_by_time ON uploads (created_at);

-- Their parts, from 0.
CREATE TABLE upload_parts (
    upload_id TEXT NOT NULL,
    part      INTEGER NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (upload_id, part)
) STRICT;

-- What operators have typed into forms that they have not sent yet: kept for some days.
CREATE TABLE begun_forms (
    operator_id TEXT NOT NULL,
    form        TEXT NOT NULL,
    fields      TEXT NOT NULL,
    kept_at     INTEGER NOT NULL,
    PRIMARY KEY (operator_id, form)
) STRICT, WITHOUT ROWID;

CREATE INDEX begun_forms_by_time ON begun_forms (kept_at);

-- How operators sign in. `password` is argon2id; `secret` makes the codes of the second factor since `secret_at`. A code of
-- a step of time counts once: `last_step` is the last one.
CREATE TABLE sign_ins (
    operator_id TEXT NOT NULL PRIMARY KEY,
    password    TEXT,
    secret      BLOB,
    secret_at   INTEGER,
    last_step   INTEGER
) STRICT, WITHOUT ROWID;

-- Recovery codes, by their SHA-256. Each counts once.
CREATE TABLE recovery_codes (
    operator_id TEXT NOT NULL,
    hash        BLOB NOT NULL,
    used_at     INTEGER,
    PRIMARY KEY (operator_id, hash)
) STRICT, WITHOUT ROWID;

-- Invitations to set a password, by the SHA-256 of their token: the last one of an operator counts, and once. With `resets` it takes the
-- second factor off, too.
CREATE TABLE invitations (
    operator_id TEXT NOT NULL PRIMARY KEY,
    hash        BLOB NOT NULL UNIQUE,
    resets      INTEGER NOT NULL CHECK (resets IN (0, 1)),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER
) STRICT, WITHOUT ROWID;

-- Who operators are at an identity provider. Once an identity has signed in as an operator, no other one of the provider does.
CREATE TABLE identities (
    issuer      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (issuer, operator_id)
) STRICT, WITHOUT ROWID;

-- The audit log: each command and request, by whom, and how it ended. It has no addresses of recipients.
CREATE TABLE audit (
    id       TEXT NOT NULL PRIMARY KEY,
    at       INTEGER NOT NULL,
    operator TEXT NOT NULL,
    via      TEXT NOT NULL,
    action   TEXT NOT NULL,
    object   TEXT,
    result   TEXT NOT NULL CHECK (result IN ('ok', 'invalid', 'not_found', 'conflict', 'unauthenticated', 'forbidden', 'refused',
                 'later', 'failed'))
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_object ON audit (object, id) WHERE object IS NOT NULL;
CREATE INDEX audit_by_operator ON audit (operator, id);

-- Addresses of other systems that are called when something happens. `events` are the names of the events, separated by commas.
-- `secret` signs, and until `former_until` so does `former_secret`. `failures` counts the calls that failed since one succeeded, the first
-- of them at `failing_since`; nothing is sent before `retry_at`.
CREATE TABLE webhooks (
    id            TEXT NOT NULL PRIMARY KEY,
    url           TEXT NOT NULL,
    secret        BLOB NOT NULL,
    former_secret BLOB,
    former_until  INTEGER,
    events        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER,
    disabled      TEXT CHECK (disabled IN ('operator', 'gone', 'failed')),
    failures      INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    retry_at      INTEGER,
    succeeded_at  INTEGER,
    CHECK ((disabled_at IS NULL) = (disabled IS NULL))
) STRICT, WITHOUT ROWID;

-- The events of webhooks that are not disabled.
CREATE TABLE webhook_wants (
    event      TEXT NOT NULL CHECK (event IN ('notice.submitted', 'notice.approved', 'notice.released', 'notice.closed', 'delivery.final',
                    'delivery.bounced', 'coverage.overdue', 'task.opened', 'task.done', 'relay.down', 'relay.up', 'ledger.stopped', 'ping')),
    webhook_id TEXT NOT NULL,
    PRIMARY KEY (event, webhook_id)
) STRICT, WITHOUT ROWID;

-- What has happened that a webhook wants to know, written in the transaction in which it happens; nothing while none wants it. A
-- transaction that makes calls of such facts deletes them.
CREATE TABLE webhook_facts (
    seq        INTEGER PRIMARY KEY,
    event      TEXT NOT NULL,
    object     TEXT NOT NULL,
    notice_id  TEXT,
    account_id TEXT,
    state      TEXT,
    at         INTEGER NOT NULL
) STRICT;

-- Calls that have not succeeded yet.
CREATE TABLE webhook_calls (
    id         TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL,
    event      TEXT NOT NULL,
    body       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    first_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_calls_due ON webhook_calls (webhook_id, due_at, id);

-- The last attempts of each webhook. `status` is what the receiver answered, `problem` why an attempt did not succeed.
CREATE TABLE webhook_attempts (
    id         TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL,
    call_id    TEXT NOT NULL,
    event      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    status     INTEGER,
    took_ms    INTEGER NOT NULL,
    problem    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_attempts_by_webhook ON webhook_attempts (webhook_id, id);

-- The node that calls.
CREATE TABLE webhook_hold (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    owner TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;

INSERT INTO webhook_hold (id, owner, until) VALUES (1, '', 0);

-- The relays of which webhooks know that no dispatcher can use them.
CREATE TABLE webhook_relays_down (
    relay TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TRIGGER deliveries_ended AFTER UPDATE OF state ON deliveries
WHEN NEW.state <> OLD.state AND NEW.state NOT IN ('queued', 'deferred')
BEGIN
    INSERT INTO webhook_facts (event, object, notice_id, account_id, state, at)
    SELECT 'delivery.final', NEW.id, NEW.notice_id, NEW.account_id, NEW.state, NEW.changed_at
    WHERE EXISTS (SELECT 1 FROM webhook_wants WHERE event = 'delivery.final')
    UNION ALL SELECT 'delivery.bounced', NEW.id, NEW.notice_id, NEW.account_id, NEW.state, NEW.changed_at
    WHERE NEW.state = 'bounced' AND EXISTS (SELECT 1 FROM webhook_wants WHERE event = 'delivery.bounced');
END;

CREATE TRIGGER tasks_opened AFTER INSERT ON tasks
BEGIN
    INSERT INTO webhook_facts (event, object, notice_id, at) SELECT 'task.opened', NEW.id, NEW.notice_id, NEW.opened_at
    WHERE EXISTS (SELECT 1 FROM webhook_wants WHERE event = 'task.opened');
END;

CREATE TRIGGER tasks_closed AFTER UPDATE OF state ON tasks WHEN NEW.state = 'done' AND OLD.state <> 'done'
BEGIN
    INSERT INTO webhook_facts (event, object, notice_id, at) SELECT 'task.done', NEW.id, NEW.notice_id, NEW.done_at
    WHERE EXISTS (SELECT 1 FROM webhook_wants WHERE event = 'task.done');
END;

-- Requests with an `Idempotency-Key`, for a day: `scope` is a digest of operator, method, path and key, `digest` that of the body.
-- The row is written in the transaction that carries the request out; `token` is the try that did. Then comes the answer.
CREATE TABLE requests (
    scope   BLOB NOT NULL PRIMARY KEY,
    digest  BLOB NOT NULL,
    token   TEXT NOT NULL,
    at      INTEGER NOT NULL,
    object  TEXT,
    status  INTEGER,
    headers TEXT,
    body    BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_time ON requests (at);
CREATE INDEX requests_answered ON requests (scope) WHERE status IS NOT NULL;
