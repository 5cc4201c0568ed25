//! Rows as the MySQL protocol sends them, made into SQL text and hashes.
//!
//! A crate of its own for one reason: this loop runs once per value of a whole
//! database and needs the compiler's full optimisation, which costs three times as
//! much run time when missing. All of `xtask` at that level would take half as long
//! again to build. So nothing here is generic over a caller's code, knows a server
//! or a file, or can fail for reasons outside of its input.

mod hash;
pub mod literal;
mod packets;
mod row;
mod sinks;
pub mod tsv;

pub use hash::{RowHasher, Sum, Values};
pub use packets::{Fed, Sink, feed, is_end};
pub use row::RawRow;
pub use sinks::{DigestRows, TextRows};
