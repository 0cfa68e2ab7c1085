//! Mail: what a notice looks like, the message it becomes, and the session it is sent in.

pub mod message;
pub mod render;
pub mod smtp;
pub mod token;
