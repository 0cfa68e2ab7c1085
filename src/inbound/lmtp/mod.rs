//! The LMTP listener: the best way for reports to get here, since the client names the envelope recipient and keeps the message
//! until it is committed. A Postfix `transport_maps` entry leads to it.

mod listener;
mod reply;
pub mod session;
mod wire;

pub use listener::{ListenError, listen};
pub use wire::SHARE;
