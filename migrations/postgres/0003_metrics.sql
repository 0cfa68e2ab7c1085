-- What watching and operators need.

-- Deliveries in doubt are few: they are counted, and listed for those who decide.
CREATE INDEX deliveries_uncertain ON deliveries (notice_id, id) WHERE state = 'uncertain';

-- Set while deliveries of a closed notice are being sent again, as an operator decided.
ALTER TABLE notices ADD COLUMN resent_at BIGINT;
CREATE INDEX notices_resent ON notices (id) WHERE resent_at IS NOT NULL;
