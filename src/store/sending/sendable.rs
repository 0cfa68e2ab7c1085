//! What of a notice may be sent, as conditions of the statements that ask: each stands here once.

/// True if optional mail of a notice `n` waits for an operator: sealing has stopped, as it does in a restored copy, which does not
/// know what was sent after it was made. The bulk lane is that of all optional categories.
macro_rules! unsure {
    () => {
        "(n.lane = 2 AND EXISTS (SELECT 1 FROM ledger_head h WHERE h.id = 1 AND h.stopped IS NOT NULL))"
    };
}
pub(super) use unsure;

/// True if deliveries of a notice `n` may be sent: of a closed one those are queued that an operator wants sent again.
macro_rules! sendable {
    () => {
        concat!(
            "((n.state = 'closed' OR (n.state = 'released' AND n.paused_at IS NULL)) AND NOT ",
            $crate::store::sending::sendable::unsure!(),
            ")"
        )
    };
}
pub(super) use sendable;

/// True if what is queued of a notice `n` is to be done now or at its time: sent, or cancelled to the last delivery. The notices that
/// this may be true of are found by their two indexes first: the history has many more.
macro_rules! under_way {
    () => {
        concat!(
            "(n.id IN (SELECT o.id FROM notices o
               WHERE o.state IN ('released', 'scheduled', 'releasing', 'cancelled') AND o.closed_at IS NULL
               UNION ALL SELECT o.id FROM notices o WHERE o.resent_at IS NOT NULL)
             AND ((n.state IN ('released', 'cancelled') AND n.released_at IS NOT NULL AND n.closed_at IS NULL
               AND n.paused_at IS NULL) OR n.resent_at IS NOT NULL) AND NOT ",
            $crate::store::sending::sendable::unsure!(),
            ")"
        )
    };
}
pub(super) use under_way;
