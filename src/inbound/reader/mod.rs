//! What comes back by mail, read: reports about deliveries, complaints, receipts, automatic answers and people's replies.
//!
//! [`read::read`] turns bytes into a [`read::Message`] without any I/O; [`evidence::decide`] says which delivery it belongs to
//! once the evidence was looked up. A message goes through these files in this order:
//!
//! | file | does |
//! | --- | --- |
//! | `bounds` | says how much is read at most |
//! | `mime` | divides the bytes into parts, without copying |
//! | `letter` | sorts the parts, decodes the few that are read |
//! | `human` | cuts the returned message off a text for people |
//! | `kind` | decides what the message is |
//! | `fields`, `plain`, `delivery` | recipients: of the machine part, of the text, together |
//! | `feedback` | complaints and receipts |
//! | `cause`, `codes` | what a refusal means |
//! | `evidence` | what ties it to a delivery |
//! | `phrases` | the tables of phrases per language, which are data |

pub mod address;
pub mod bounds;
pub mod cause;
pub mod codes;
pub mod delivery;
pub mod evidence;
pub mod feedback;
pub mod fields;
pub mod html;
pub mod human;
pub mod kind;
pub mod letter;
pub mod mime;
pub mod phrases;
pub mod plain;
pub mod read;
