-- Dispatchers at work, and what they know of their relays. A node that was not seen for a while is gone, and its rows with it.

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
