-- What resolving an audience needs.

-- Customers by the values of their attributes: a notice to a thousand of a million reads the thousand.
CREATE INDEX customer_attributes_by_value ON customer_attributes (name, value, account_id);

-- How often imports and corrections of addresses have changed customers and contacts: an import compares its file with them
-- before it locks anything, and has to know whether somebody came in between.
ALTER TABLE ledger_head ADD COLUMN customers_revision BIGINT NOT NULL DEFAULT 0;
