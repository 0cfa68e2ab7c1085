-- The way past a domain at its limit, however much waits to it.
CREATE INDEX queue_by_domain ON queue (notice_id, domain, due_at, delivery_id) WHERE lease_owner IS NULL;
