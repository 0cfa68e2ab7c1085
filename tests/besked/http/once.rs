//! Requests with an `Idempotency-Key` are done once.
