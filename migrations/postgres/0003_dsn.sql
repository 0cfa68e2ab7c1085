-- Whether the server was asked for delivery status notifications (RFC 3461): 0 or 1.
ALTER TABLE attempts ADD COLUMN dsn BIGINT NOT NULL DEFAULT 0 CHECK (dsn IN (0, 1));
