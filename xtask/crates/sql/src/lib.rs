//! Moves rows as text: reads what a dumping client writes, makes it portable,
//! counts and hashes it, and says what of it may run on a server.
//!
//! Straight-line and hot: no prompts, no policy, no server. Data goes
//! `encoding` → `scan` → `recode` → `statement` → `rewrite` → `copy` or `read`, and
//! `guard` judges what `read` gives out before anybody sends it.

pub mod alike;
pub mod alter;
pub mod altered;
mod body;
mod bytes;
mod case;
pub mod charset;
pub mod client;
mod codepage;
pub mod compare;
pub mod copy;
pub mod decoder;
pub mod digest;
pub mod encoding;
mod event;
mod faults;
pub mod fingerprint;
mod follow;
pub mod guard;
mod layout;
pub mod lex;
pub mod marker;
mod mask;
mod mojibake;
pub mod own_schema;
pub mod properties;
pub mod read;
mod recode;
mod recognise;
pub mod rewrite;
pub mod scan;
mod sections;
pub mod seen;
pub mod send;
mod setting;
pub mod shape;
pub mod split;
pub mod sql_mode;
pub mod state;
pub mod statement;
mod step;
mod stranger;
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
pub use read::{Piece, read_dump, read_dump_as};
pub use recode::Reading;
pub use recognise::not_a_dump;
pub use rewrite::{Portable, disable_event, portable};
pub use scan::Scanner;
pub use seen::{Odd, Seen, TableSeen};
pub use send::as_utf8;
pub use statement::{Insert, Kind, Name, classify};
