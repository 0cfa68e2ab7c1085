//! What somebody may change in the database, and what the audit says of it.

/// The statements, the first bad entry, and words of the problem.
pub type Case = (&'static [&'static str], Option<u64>, &'static str);

pub const CASES: &[Case] = &[
    // Edit.
    (
        &[
            "UPDATE ledger_openings SET fact = fact_salt WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 12)",
        ],
        Some(12),
        "not what its leaf commits to",
    ),
    (
        &[
            "UPDATE ledger_openings SET person = fact WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "not what its leaf commits to",
    ),
    (
        &[
            "UPDATE ledger_openings SET event = 'rejected' WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "its event is another",
    ),
    (
        &[
            "UPDATE ledger_openings SET at = at + 1 WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "its time is another",
    ),
    (
        &["UPDATE ledger_entries SET leaf = (SELECT leaf FROM ledger_entries WHERE idx = 13) WHERE idx = 107"],
        Some(107),
        "not what its leaf commits to",
    ),
    (
        &[
            "UPDATE deliveries SET email = 'other@two.example' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "names another recipient",
    ),
    (
        &["UPDATE deliveries SET state = 'rejected' WHERE ordinal = 0 AND notice_id = (SELECT MIN(id) FROM notices)"],
        Some(5),
        "stored as rejected",
    ),
    // The first message, and what all of a notice were made from.
    (
        &[
            "UPDATE ledger_openings SET mould_values = fact WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 5)",
        ],
        Some(5),
        "cannot be rebuilt: values",
    ),
    (
        &[
            "UPDATE ledger_openings SET mould_values = (SELECT mould_values FROM ledger_openings WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 5)) WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "not the one that was sent",
    ),
    (
        &["UPDATE moulds SET body = (SELECT leaf FROM ledger_entries WHERE idx = 3)"],
        Some(5),
        "cannot be rebuilt: mould",
    ),
    (
        &[
            "UPDATE moulds SET body = (SELECT body FROM moulds WHERE notice_id = (SELECT MAX(id) FROM notices) ORDER BY role LIMIT 1) WHERE notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(5),
        "not the one that was stored",
    ),
    (&["UPDATE moulds SET zone = 'UTC'"], None, "for other recipients"),
    (&["DELETE FROM moulds"], Some(5), "it was removed"),
    (&["UPDATE attestations SET witness = 'Eve'"], Some(15), "what the attestation for customer C1 says is not"),
    (
        &["UPDATE attestations SET told_at = told_at - 60000"],
        Some(15),
        "says that it was informed for customer C1 is not",
    ),
    (
        &["UPDATE attestations SET withdrawn_at = at, withdrawn_by = 'alice'"],
        Some(10),
        "the withdrawal of an attestation",
    ),
    (
        &["UPDATE notices SET deadline = 1 WHERE category = 'maintenance'"],
        Some(3),
        "deadline or level of being informed",
    ),
    (
        &["UPDATE notices SET informed_at = 'dsn_delivered'"],
        Some(3),
        "is not what was sealed: dsn_delivered, sealed relayed",
    ),
    // Delete.
    (&["DELETE FROM ledger_entries WHERE idx = 14"], Some(14), "it is missing"),
    (
        &["DELETE FROM ledger_openings WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 14)"],
        Some(14),
        "its opening was removed",
    ),
    (
        &["DELETE FROM deliveries WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "its manifest has 2 recipients, 1 is there",
    ),
    (
        &[
            "UPDATE ledger_openings SET person = NULL, person_salt = NULL WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "no `erased` or `purged` entry says so",
    ),
    // Insert.
    (
        &[
            "INSERT INTO ledger_openings (entry_id, event, at, fact, fact_salt) SELECT 'ffffffff-ffff-7fff-8fff-ffffffffffff', event, at, fact, fact_salt FROM ledger_openings WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 3)",
        ],
        None,
        "belongs to no entry",
    ),
    (
        &[
            "INSERT INTO ledger_openings (entry_id, event, at, fact, fact_salt, person, person_salt) SELECT 'ffffffff-ffff-7fff-8fff-ffffffffffff', event, at, fact, fact_salt, person, person_salt FROM ledger_openings WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 107)",
            "INSERT INTO ledger_entries (idx, entry_id, leaf) SELECT 317, 'ffffffff-ffff-7fff-8fff-ffffffffffff', leaf FROM ledger_entries WHERE idx = 107",
        ],
        Some(317),
        "it is there, but the tree has 317 entries",
    ),
    // Reorder: whole rows change places.
    (
        &[
            "UPDATE ledger_entries SET idx = 1000 WHERE idx = 47",
            "UPDATE ledger_entries SET idx = 47 WHERE idx = 97",
            "UPDATE ledger_entries SET idx = 97 WHERE idx = 1000",
        ],
        Some(47),
        "it is not in its place",
    ),
    // Tail.
    (&["DELETE FROM ledger_entries WHERE idx = 316"], Some(316), "it is missing, with all that follow"),
    // What is shown, though the tree is untouched.
    (
        &[
            "UPDATE deliveries SET id = 'ffffffff-ffff-7fff-8fff-ffffffffffff' WHERE ordinal = 0 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(5),
        "is in the place of another",
    ),
    (
        &[
            "UPDATE deliveries SET level = 'dsn_delivered' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "stored as accepted (dsn_delivered), its entries say accepted (relayed)",
    ),
    (
        &[
            "UPDATE deliveries SET reply = '250 read and understood' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "stored with another reply",
    ),
    (
        &[
            "UPDATE deliveries SET changed_at = changed_at - 86400000 WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "stored with another time",
    ),
    (
        &[
            "UPDATE notice_sources SET source = source || 'We told you so.' WHERE notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(3),
        "has another content",
    ),
    (&["DELETE FROM notice_sources WHERE notice_id = (SELECT MIN(id) FROM notices)"], Some(3), "has another content"),
    (
        &["UPDATE notices SET digest = (SELECT root FROM ledger_head) WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "has another content",
    ),
    (
        &["UPDATE notices SET closed_at = NULL WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is closed only in its row, or only in its entry",
    ),
    (
        &["UPDATE ledger_openings SET mould = NULL, mould_values = NULL WHERE mould IS NOT NULL"],
        Some(5),
        "the message that was sent was removed",
    ),
    (&["UPDATE attestations SET at = at - 60000"], Some(15), "the time of the attestation for customer C1 is not"),
    (&["UPDATE attestations SET operator = 'Eve'"], Some(15), "the operator of the attestation for customer C1 is not"),
    (
        &["UPDATE notices SET recipients = recipients + 1 WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the number of recipients of notice",
    ),
    (
        &["UPDATE notices SET category = 'disruption' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is not what was sealed: disruption, sealed maintenance",
    ),
    (&["DELETE FROM attestations"], Some(15), "the attestation that it records was removed"),
    (
        &[
            "INSERT INTO notices (id, category, state, subject, digest, author, created_at, released_at, lane, recipients, matter_id) SELECT 'ffffffff-ffff-7fff-8fff-ffffffffffff', category, state, subject, digest, author, created_at, released_at, lane, recipients, 'ffffffff-ffff-7fff-8fff-ffffffffffff' FROM notices WHERE id = (SELECT MIN(id) FROM notices)",
        ],
        None,
        "shown as released, but has no manifest",
    ),
    (
        &["UPDATE notices SET released_at = NULL WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is not shown as released",
    ),
    (
        &["UPDATE notices SET subject = 'Forged' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the subject of notice",
    ),
    (
        &["UPDATE notices SET reference = 'CHG-9' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is not what was sealed: \"CHG-9\", sealed \"CHG-1\"",
    ),
    (
        &["UPDATE notices SET follows_id = (SELECT MAX(id) FROM notices) WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the predecessor of notice",
    ),
    (
        &["UPDATE notices SET message_domain = 'forged.example' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the Message-ID domain of notice",
    ),
    (
        &["UPDATE notices SET released_at = released_at - 86400000 WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the time of release of notice",
    ),
    (
        &["UPDATE notices SET closed_at = closed_at - 86400000 WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the time of closing of notice",
    ),
    (
        &["UPDATE notices SET state = 'released' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is not what was sealed: released, sealed closed",
    ),
    (
        &["UPDATE notices SET customers = customers - 1 WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the number of customers of notice",
    ),
    (&["DELETE FROM unaddressed"], Some(3), "has other customers with nobody to address"),
    (&["UPDATE unaddressed SET account_id = 'C9'"], Some(3), "has other customers with nobody to address"),
    (
        &["UPDATE deliveries SET role = 'legal' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)"],
        Some(6),
        "is stored with another role",
    ),
    (
        &[
            "UPDATE deliveries SET customer_name = 'Forged' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "is stored with another name of the customer",
    ),
    (
        &["UPDATE deliveries SET customer_name = '' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)"],
        Some(6),
        "is stored with another name of the customer",
    ),
    // The tree itself.
    (
        &["UPDATE ledger_nodes SET hash = (SELECT root FROM ledger_head) WHERE level = 8"],
        None,
        "the stored hash of the subtree",
    ),
    (
        &["UPDATE ledger_head SET root = (SELECT hash FROM ledger_nodes WHERE level = 8)"],
        None,
        "the root of the tree is another",
    ),
    (
        &[
            "UPDATE ledger_checkpoints SET note = (SELECT note FROM ledger_checkpoints WHERE number = 1) WHERE number = 2",
        ],
        None,
        "has another root",
    ),
];
