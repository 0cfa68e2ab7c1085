-- Deliveries in doubt, in a table of their own: an index over their state makes each change of a delivery's state a change of
-- all indexes of the deliveries.
CREATE TABLE doubts (
    notice_id   TEXT COLLATE "C" NOT NULL,
    delivery_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (notice_id, delivery_id)
);

-- What becomes uncertain meanwhile would be neither in what is read here nor noted by a trigger.
LOCK TABLE deliveries IN SHARE ROW EXCLUSIVE MODE;

INSERT INTO doubts (notice_id, delivery_id) SELECT notice_id, id FROM deliveries WHERE state = 'uncertain';

DROP INDEX deliveries_uncertain;

-- Each delivery is changed once or twice: with room for that beside it no index has to know (a HOT update).
ALTER TABLE deliveries SET (fillfactor = 45);

-- Kept here, so that no statement that changes a state can forget it.
CREATE FUNCTION note_doubt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO doubts (notice_id, delivery_id) VALUES (NEW.notice_id, NEW.id);
    RETURN NULL;
END $$;

CREATE FUNCTION forget_doubt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM doubts WHERE notice_id = OLD.notice_id AND delivery_id = OLD.id;
    RETURN NULL;
END $$;

CREATE TRIGGER deliveries_doubted AFTER UPDATE OF state ON deliveries FOR EACH ROW
WHEN (NEW.state = 'uncertain' AND OLD.state <> 'uncertain') EXECUTE FUNCTION note_doubt();
CREATE TRIGGER deliveries_settled AFTER UPDATE OF state ON deliveries FOR EACH ROW
WHEN (OLD.state = 'uncertain' AND NEW.state <> 'uncertain') EXECUTE FUNCTION forget_doubt();
CREATE TRIGGER deliveries_gone AFTER DELETE ON deliveries FOR EACH ROW
WHEN (OLD.state = 'uncertain') EXECUTE FUNCTION forget_doubt();
