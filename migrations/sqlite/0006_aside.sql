-- What a claim steps over is set aside, and found by its domain when that can take some again. Only that is listed by domain: a
-- list of everything would cost each release and each claim a page of it for nearly every delivery.

ALTER TABLE queue ADD COLUMN aside INTEGER NOT NULL DEFAULT 0 CHECK (aside IN (0, 1));

DROP INDEX queue_by_notice;
CREATE INDEX queue_by_notice ON queue (notice_id, aside, due_at, delivery_id);

DROP INDEX queue_by_domain;
CREATE INDEX queue_by_domain ON queue (notice_id, domain, due_at, delivery_id) WHERE aside = 1;
