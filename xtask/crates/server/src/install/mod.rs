//! Puts a private server's programs on the machine. Each step looks first and does nothing
//! when all is there; it reports through the caller's `say`, one line at a time.

pub mod apt;
pub mod mariadb;

/// Where a step reports what it does: one line, no newline at its end.
pub type Say<'a> = dyn FnMut(&str) + 'a;
