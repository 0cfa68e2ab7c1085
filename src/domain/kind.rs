//! The kind of an error: what a face needs to choose an exit code or an HTTP status, without knowing the error.

/// What a service's error means to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The input is wrong: the caller has to change it.
    Invalid,
    /// What the input names does not exist.
    NotFound,
    /// The step is not possible in the present state, or a concurrent change came first.
    Conflict,
    /// Nobody that is known asks: no operator, or no valid key.
    Unauthenticated,
    /// The roles of the one who asks do not allow it.
    Forbidden,
    /// A rule, a duty or a right stands against it.
    Refused,
    /// It may succeed later, without any change by the caller.
    Later,
    /// Besked or what it depends on failed.
    Failed,
}
