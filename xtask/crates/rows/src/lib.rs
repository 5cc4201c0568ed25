//! Moves rows between a server and the text of a dump: `native` and `dumper` write dumps,
//! `load` loads them, `content` digests a schema's rows where they are.

pub mod content;
pub mod dumper;
pub mod load;
pub mod native;
