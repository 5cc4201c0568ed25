//! Moves rows as text: reads what a dumping client writes, makes it portable,
//! counts and hashes it, and says what of it may run on a server.
//!
//! Straight-line and hot: no prompts, no policy, no server. Data goes
//! `encoding` → `scan` → `statement` → `rewrite` → `copy` or `read`, and
//! `guard` judges what `read` gives out before anybody sends it.

pub mod alike;
pub mod alter;
pub mod altered;
mod body;
mod bytes;
pub mod charset;
pub mod client;
pub mod compare;
pub mod copy;
pub mod digest;
pub mod encoding;
mod event;
pub mod fingerprint;
mod follow;
pub mod guard;
mod layout;
pub mod lex;
pub mod marker;
pub mod own_schema;
pub mod properties;
pub mod read;
pub mod rewrite;
pub mod scan;
mod sections;
pub mod seen;
pub mod send;
mod setting;
pub mod split;
pub mod sql_mode;
pub mod state;
pub mod statement;
pub mod table;
pub mod tuple;
mod unqualified;
mod versions;

#[cfg(test)]
mod tests;

pub use client::{Form, Statement};
pub use copy::{Progress, copy_dump};
pub use digest::RowHasher;
pub use encoding::{DumpText, Encoding, decode};
pub use event::enable_event;
pub use guard::{Guard, Verdict};
pub use lex::LexMode;
pub use marker::{END_PREFIX, EndMarker, NATIVE, parse_end_marker, write_end_marker};
pub use read::{Piece, read_dump};
pub use rewrite::{Portable, disable_event, portable};
pub use scan::Scanner;
pub use seen::{Odd, Seen, TableSeen};
pub use send::as_utf8;
pub use statement::{Insert, Kind, Name, classify};
