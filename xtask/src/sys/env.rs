//! The one place that reads the environment.

use std::ffi::OsString;

/// A variable that is set and not empty, as text.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable as the system gives it, for paths.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn var_os(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether this is a CI run: there a missing server fails instead of being skipped.
pub fn is_ci() -> bool {
    var("CI").is_some_and(|value| value != "false" && value != "0")
}

/// How many processors this process may use.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
