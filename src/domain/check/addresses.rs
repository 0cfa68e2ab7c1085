//! Addresses that reach nobody in particular.

use crate::domain::address::Address;

/// Local parts of addresses that belong to a function of a mail system, or that nobody reads.
const ROLES: &[&str] = &[
    "abuse",
    "bounce",
    "bounces",
    "do-not-reply",
    "donotreply",
    "hostmaster",
    "mailer-daemon",
    "no-reply",
    "nobody",
    "noreply",
    "postmaster",
    "root",
    "spam",
    "usenet",
    "webmaster",
];

/// True for an address that no person reads as theirs, such as `noreply@` or `postmaster@` (RFC 2142).
#[must_use]
pub fn is_role_address(address: &Address) -> bool {
    let local = address.local().to_ascii_lowercase();
    ROLES.contains(&local.split('+').next().unwrap_or_default())
}

/// True for an address that only servers with SMTPUTF8 (RFC 6531) take.
#[must_use]
pub fn needs_smtputf8(address: &Address) -> bool {
    !address.as_str().is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_addresses_are_known_by_their_local_part() {
        for (text, is_role, is_utf8) in [
            ("noreply@example.com", true, false),
            ("No-Reply+x@example.com", true, false),
            ("postmaster@exämple.com", true, false),
            ("abuser@example.com", false, false),
            ("åsa@example.com", false, true),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((is_role_address(&address), needs_smtputf8(&address)), (is_role, is_utf8), "{text}");
        }
    }
}
