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
