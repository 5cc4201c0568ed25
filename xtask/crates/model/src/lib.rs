//! The nouns: plain data, no IO. Everything here can be printed, compared and
//! stored, and nothing here can fail for reasons outside the program.

pub mod account;
pub mod bench;
pub mod change;
pub mod check;
pub mod choice;
pub mod copy;
pub mod definers;
pub mod digest;
pub mod entry;
pub mod excerpt;
pub mod exit;
pub mod facts;
pub mod gate;
pub mod gtid;
pub mod hash;
pub mod history;
pub mod ident;
pub mod inventory;
pub mod known;
pub mod label;
pub mod left_out;
pub mod link;
pub mod loss;
pub mod manifest;
pub mod number;
pub mod secret;
pub mod sink;
pub mod state;
pub mod status;
pub mod swap;
pub mod toned;
pub mod trust;
pub mod visible;
pub mod wrong_clock;
