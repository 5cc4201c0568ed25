//! The one place that reads the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};

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

/// The names of variables that begin so.
pub fn names_with(prefix: &str) -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// The folder for settings of the programs of this user; `None`: the system does not say.
pub fn config_dir() -> Option<PathBuf> {
    let path = |name: &str| var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        path("APPDATA")
    } else if cfg!(target_os = "macos") {
        path("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        path("XDG_CONFIG_HOME").or_else(|| path("HOME").map(|home| home.join(".config")))
    }
}

/// The program that is running, to run it once more as a child.
pub fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("ask where this program is")
}

/// The folder that this process runs in.
pub fn current_dir() -> Result<PathBuf> {
    std::env::current_dir().context("ask which folder this is")
}

/// Whether this is a CI run: there a missing server fails instead of being skipped.
pub fn is_ci() -> bool {
    var("CI").is_some_and(|value| value != "false" && value != "0")
}

/// How many processors this process may use.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
