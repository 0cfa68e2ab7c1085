//! How much of a message is read at most. What is over the bounds is `unknown`, with the bound as its reason.

use thiserror::Error;

/// The bounds of one message. Work and memory are linear in what they allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the message.
    pub message: usize,
    /// Bytes of all header blocks together, those of returned messages too.
    pub headers: usize,
    /// Parts, however deep.
    pub parts: usize,
    /// Levels of parts.
    pub depth: usize,
    /// Recipients that one message reports on.
    pub recipients: usize,
    /// Bytes of one part of text after decoding. The rest of a longer part is not read.
    pub text: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { message: 25_000_000, headers: 200_000, parts: 1_000, depth: 20, recipients: 1_000, text: 1_000_000 }
    }
}

/// The bound that a message is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Excess {
    /// [`Bounds::message`].
    #[error("the message has {found} bytes, more than {most}")]
    Message {
        /// Its size.
        found: usize,
        /// The bound.
        most: usize,
    },
    /// [`Bounds::headers`].
    #[error("the headers have more than {0} bytes")]
    Headers(usize),
    /// [`Bounds::parts`].
    #[error("the message has more than {0} parts")]
    Parts(usize),
    /// [`Bounds::depth`].
    #[error("the parts are nested more than {0} deep")]
    Depth(usize),
    /// [`Bounds::recipients`].
    #[error("the message reports on more than {0} recipients")]
    Recipients(usize),
    /// None: the reader itself failed.
    #[error("the reader failed at it, which is a fault of ours")]
    Fault,
}
