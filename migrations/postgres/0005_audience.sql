-- What resolving an audience needs.

-- Customers by the values of their attributes: a notice to a thousand of a million reads the thousand.
CREATE INDEX customer_attributes_by_value ON customer_attributes (name, value, account_id);
