//! Mail: the message that a notice becomes ([`compose`]), its signature ([`dkim`]), and the session that it is sent in
//! ([`smtp`]). [`connect`] and [`tls`] serve other protocols too.

pub mod compose;
pub mod connect;
pub mod direct;
pub mod dkim;
pub mod locale;
pub mod smtp;
pub mod tls;
pub mod token;
