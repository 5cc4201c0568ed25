//! `.env`: the environment overrides it; edits keep every other line as it is.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use model::exit::{ExitCode, Stop};
use model::secret::Secret;

/// The values of `.env`; [`DotEnv::get`] asks the environment first.
#[derive(Debug, Default)]
pub struct DotEnv {
    values: BTreeMap<String, Secret>,
}

impl DotEnv {
    /// Reads the file; a missing one is empty.
    ///
    /// # Errors
    /// A line is not `NAME=value`. The message has the line's number and never
    /// its text, which may be a password.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let mut values = BTreeMap::new();
        let items = dotenvy::from_path_iter(path).map_err(|_| unreadable(path))?;
        for item in items {
            let (name, value) = item.map_err(|_| unreadable(path))?;
            values.insert(name, Secret::new(value));
        }
        Ok(Self { values })
    }

    /// The value from the environment, else from the file; empty counts as not set.
    pub fn get(&self, name: &str) -> Option<String> {
        let own = || self.values.get(name).map(|v| v.reveal().to_owned()).filter(|v| !v.is_empty());
        sys::env::var(name).or_else(own)
    }

    /// The names with this prefix, in the environment or in the file, sorted.
    pub fn names_with(&self, prefix: &str) -> Vec<String> {
        let own = self.values.keys().filter(|name| name.starts_with(prefix)).cloned();
        let mut names: Vec<String> = own.chain(sys::env::names_with(prefix)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The mode of `.env` if others than its owner may read it; never on a system without modes.
pub fn exposed(path: &Path) -> Option<u32> {
    sys::disk::mode(path).filter(|mode| mode & 0o077 != 0)
}

fn unreadable(path: &Path) -> Stop {
    let line = sys::fs::read_text(path).ok().and_then(|text| {
        text.lines().position(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#') && dotenvy_refuses(line)
        })
    });
    let place = line.map_or_else(String::new, |n| format!(", line {}", n + 1));
    Stop::new(ExitCode::Configuration, format!("{} cannot be understood{place}", path.display()))
        .hint(
            "Each line is NAME=value; put values with spaces, #, $ or quotes into 'single quotes'.",
        )
}

fn dotenvy_refuses(line: &str) -> bool {
    dotenvy::from_read_iter(line.as_bytes()).any(|item| item.is_err())
}

/// Adds or changes values, keeping every other line as it is; the file is 0600 afterwards.
pub fn set(path: &Path, values: &[(&str, &Secret)]) -> Result<()> {
    let old = if path.exists() { sys::fs::read_text(path)? } else { String::new() };
    let mut lines: Vec<String> = old.lines().map(str::to_owned).collect();
    for (name, value) in values {
        let line = format!("{name}={}", quoted(value.reveal()));
        let found = lines.iter_mut().find(|l| {
            l.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
        });
        match found {
            Some(place) => *place = line,
            None => lines.push(line),
        }
    }
    let mut text = lines.join("\n");
    text.push('\n');
    sys::fs::write_durably(path, text.as_bytes()).context("write .env")
}

fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c));
    if plain { value.to_owned() } else { format!("'{value}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_other_lines_and_replaces_in_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(".env");
        sys::fs::write_durably(&path, b"# mine\nDB_NAME=mydb\n\nDB_PORT=3306\n").expect("write");
        set(&path, &[("DB_NAME", &Secret::new("other")), ("X", &Secret::new("a b"))]).expect("set");
        let text = sys::fs::read_text(&path).expect("read");
        assert_eq!(text, "# mine\nDB_NAME=other\n\nDB_PORT=3306\nX='a b'\n");
        let env = DotEnv::read(&path).expect("parse");
        assert_eq!(env.values["X"].reveal(), "a b");
    }

    #[test]
    fn an_unreadable_line_is_named_by_number_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(".env");
        sys::fs::write_durably(&path, b"A=1\nDB_ROOT_PASSWORD='hunter2\n").expect("write");
        let error = DotEnv::read(&path).expect_err("unterminated quote").to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
