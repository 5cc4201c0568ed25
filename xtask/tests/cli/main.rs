//! The real program, for everything that needs no server: what is typed wrong, what lies in
//! a folder, and what it says when nothing answers. Texts are snapshots:
//! `UPDATE_EXPECT=1 cargo test --profile xtask -p xtask --test cli` writes them anew.

// A test program exports nothing.
#![allow(unreachable_pub)]

mod backups;
mod completions;
mod failures;
mod folders;
mod help;
mod keys;
mod listing;
mod project;
mod prune;
mod quiet;
mod schedule;
mod shape;
mod usage;
