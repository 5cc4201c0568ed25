//! Tests against real servers. `cargo xtask ci` starts the servers and tells
//! these tests where they are; without them each test says what it skips, and
//! where CI is set a missing server is a failure.

// A test program exports nothing.
#![allow(unreachable_pub)]

mod attacks;
mod bench;
mod clock;
mod copies;
mod deploy;
mod dropping;
mod faults;
mod field;
mod first_day;
mod gate;
mod harness;
mod hooks;
mod hostile;
mod identity;
mod kept;
mod keys;
mod live;
mod log;
mod loss;
mod parity;
mod prune;
mod read_only;
mod report;
mod schedule;
mod seed;
mod status;
mod steps;
mod support;
mod tables;
mod tour;
mod which;
