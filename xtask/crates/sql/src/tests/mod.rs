//! What holds for the room as a whole.

mod fixtures;
mod guard;
mod scan;
mod statement;
mod tuple;
