-- Deliveries in doubt, in a table of their own: an index over their state makes each change of a delivery's state a change of
-- all indexes of the deliveries on PostgreSQL.
CREATE TABLE doubts (
    notice_id   TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    PRIMARY KEY (notice_id, delivery_id)
) STRICT, WITHOUT ROWID;

INSERT INTO doubts (notice_id, delivery_id) SELECT notice_id, id FROM deliveries WHERE state = 'uncertain';

DROP INDEX deliveries_uncertain;

-- Kept here, so that no statement that changes a state can forget it.
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
