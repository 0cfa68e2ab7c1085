-- What dispatch under load and on many nodes needs.

-- Whether the server was asked for delivery status notifications (RFC 3461): 0 or 1.
ALTER TABLE attempts ADD COLUMN dsn BIGINT NOT NULL DEFAULT 0 CHECK (dsn IN (0, 1));

-- The way past a domain at its limit, however much waits to it.
CREATE INDEX queue_by_domain ON queue (notice_id, domain, due_at, delivery_id) WHERE lease_owner IS NULL;

-- Dispatchers at work, and what they know of their relays. A node that was not seen for a while is gone, and its rows with it.

CREATE TABLE nodes (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    version    TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    joined_at  BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);

CREATE TABLE relay_states (
    node_id TEXT COLLATE "C" NOT NULL,
    relay   TEXT COLLATE "C" NOT NULL,
    state   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (node_id, relay)
);

-- Deliveries in doubt are few: they are counted, and listed for those who decide.
CREATE INDEX deliveries_uncertain ON deliveries (notice_id, id) WHERE state = 'uncertain';

-- Set while deliveries of a closed notice are being sent again, as an operator decided.
ALTER TABLE notices ADD COLUMN resent_at BIGINT;
CREATE INDEX notices_resent ON notices (id) WHERE resent_at IS NOT NULL;
