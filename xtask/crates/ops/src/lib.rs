//! What a run does to a database, each a step that others build on: take a backup, prove
//! it, stage a copy, swap it in, bring an interrupted run to its end.

pub mod api_rights;
pub mod backup;
pub mod copy;
pub mod copy_digests;
pub mod ctx;
pub mod definers;
pub mod definitions;
pub mod dropping;
pub mod events;
pub mod failed_backup;
pub mod frame;
pub mod held;
pub mod identity;
pub mod kept;
pub mod leftovers;
pub mod live;
pub mod obstacles;
pub mod old_tables;
pub mod prove;
mod read_only;
pub mod reading;
pub mod recover;
pub mod replay;
pub mod restore;
pub mod sessions;
pub mod settle;
pub mod staging;
pub mod swap;
pub mod tables;
pub mod unchanged;
pub mod unsaved;
pub mod up;
pub mod verify;
pub mod whole;
pub use ctx::{Ctx, Made};
pub use held::{Entries, Held, HeldFolder};
