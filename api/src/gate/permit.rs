//! Where the text of a permit comes from, and how it is opened.

use std::{fs::File, io::Read as _, path::Path};

use permit::Permit;

use super::Refusal;
use crate::Secret;

/// Far above any permit; what is longer is something else.
const LENGTH_MAX: usize = 1 << 20;

/// Reads the text of a permit from a file, or from standard input for `-`.
///
/// # Errors
/// When nothing was given, or it cannot be read.
pub fn read(source: Option<&str>) -> Result<String, Refusal> {
    let Some(source) = source else {
        return Err(Refusal::new("there is none; give it with --receipt PATH, or - for stdin"));
    };
    let mut bytes = vec![];
    let limit = LENGTH_MAX as u64 + 1;
    let done = match source {
        "-" => std::io::stdin().take(limit).read_to_end(&mut bytes),
        path => {
            File::open(Path::new(path)).and_then(|file| file.take(limit).read_to_end(&mut bytes))
        }
    };
    let named = if source == "-" { "standard input" } else { source };
    if let Err(error) = done {
        return Err(Refusal::new(format!("{named} cannot be read: {error}")));
    }
    if bytes.len() > LENGTH_MAX {
        return Err(Refusal::new(format!("{named} is too long for a permit")));
    }
    String::from_utf8(bytes).map_err(|_| Refusal::new(format!("{named} is not UTF-8 text")))
}

/// Takes a permit apart and checks its seal against the account's `password`.
pub(super) fn open(text: &str, password: &Secret) -> Result<Permit, Refusal> {
    Permit::open(text, password.expose()).map_err(|unusable| Refusal::new(unusable.to_string()))
}
