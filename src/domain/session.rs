//! Sessions of operators in the console: their tokens, how long they last, and what was proved at their begin.

use std::fmt;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use subtle::ConstantTimeEq as _;

use crate::domain::digest::{sha256, sha256_of};
use crate::domain::random::Random;
use crate::domain::words::words;

/// A session that was not used for so long has ended.
pub const IDLE: Duration = Duration::from_mins(30);

/// A session lasts at most so long, however much it is used.
pub const LONGEST: Duration = Duration::from_hours(12);

/// So long there is between the password and the second factor.
pub const BETWEEN: Duration = Duration::from_mins(10);

/// An invitation is valid for so long.
pub const INVITED: Duration = Duration::from_hours(24);

/// What was proved when a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The password alone.
    Password,
    /// The password and a second factor.
    SecondFactor,
    /// The identity provider vouched, which asks for what it wants.
    Provider,
}

words!(Proof, "a proof of a session", {
    Password => "password",
    SecondFactor => "second_factor",
    Provider => "provider",
});

/// How far a sign-in is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The code of a second factor is needed.
    Code,
    /// A second factor must be set up first.
    SetUp,
    /// Nothing is missing.
    In,
}

impl Stage {
    /// How far a session is, from what was proved, whether the operator has a second factor, and whether their roles need one. It is
    /// asked at each use: who gets a role that needs a second factor needs it from then on.
    #[must_use]
    pub const fn of(proof: Proof, has_factor: bool, needs_factor: bool) -> Self {
        match (proof, has_factor, needs_factor) {
            (Proof::Password, true, _) => Self::Code,
            (Proof::Password, false, true) => Self::SetUp,
            _ => Self::In,
        }
    }
}

/// What a browser presents, or a link bears: 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// A new token.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// Reads a token; `None` if the text cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// What is stored of it. It needs no salt: nobody guesses 256 bits.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.0)
    }

    /// The token itself, for the cookie or the link.
    #[must_use]
    pub fn reveal(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

/// A sign-in at a provider that was begun: the browser keeps its token, and all that the provider must bring back comes from that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt(Token);

impl Attempt {
    /// A new attempt.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        Self(Token::new(random))
    }

    /// Reads what a browser kept.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Token::parse(text).map(Self)
    }

    /// What the browser keeps.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.0.reveal()
    }

    /// What the provider brings back unchanged, so that an answer to another browser is none to this one.
    #[must_use]
    pub fn state(&self) -> String {
        self.derived("state")
    }

    /// True for the state of this attempt.
    #[must_use]
    pub fn is_state(&self, text: &str) -> bool {
        self.state().as_bytes().ct_eq(text.as_bytes()).into()
    }

    /// What the provider's token must hold, so that the token of another sign-in is none of this one.
    #[must_use]
    pub fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// The verifier of RFC 7636, so that a code that somebody saw is worth nothing without it: 43 characters.
    #[must_use]
    pub fn verifier(&self) -> String {
        self.derived("verifier")
    }

    fn derived(&self, what: &str) -> String {
        BASE64URL_NOPAD.encode(&sha256_of(&[what.as_bytes(), b"\0", &self.0.0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_provider_brings_back_comes_from_what_the_browser_keeps() {
        let attempt = Attempt::new(&Random::seeded(6));
        assert_eq!(Attempt::parse(&attempt.reveal()), Some(attempt.clone()));
        let all = [attempt.state(), attempt.nonce(), attempt.verifier(), attempt.reveal()];
        assert!(all.iter().enumerate().all(|(at, one)| one.len() == 43 && !all[at + 1..].contains(one)), "{all:?}");
        assert!(attempt.is_state(&attempt.state()) && !attempt.is_state(&attempt.nonce()) && !attempt.is_state(""));
    }

    #[test]
    fn a_token_is_read_as_it_was_made_and_shown_nowhere() {
        let token = Token::new(&Random::seeded(5));
        assert_eq!(token.reveal().len(), 43);
        assert_eq!(Token::parse(&token.reveal()), Some(token.clone()));
        assert_eq!(format!("{token:?}"), "Token(...)");
        for wrong in
            ["", "x", &token.reveal()[1..], &format!("{}A", token.reveal()), &token.reveal().replace(|_| true, "=")]
        {
            assert_eq!(Token::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_second_factor_that_exists_or_is_needed_is_asked_for() {
        use Proof::{Password, Provider, SecondFactor};
        for (proof, has, needs, stage) in [
            (Password, false, false, Stage::In),
            (Password, true, false, Stage::Code),
            (Password, true, true, Stage::Code),
            (Password, false, true, Stage::SetUp),
            (SecondFactor, true, true, Stage::In),
            (Provider, false, true, Stage::In),
        ] {
            assert_eq!(Stage::of(proof, has, needs), stage, "{proof} {has} {needs}");
        }
    }
}
