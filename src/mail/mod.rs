//! Mail: the message that a notice becomes ([`compose`]), its signature ([`dkim`]), and the session that it is sent in
//! ([`smtp`]).

pub mod compose;
pub mod direct;
pub mod dkim;
pub mod locale;
pub mod smtp;
pub mod token;
