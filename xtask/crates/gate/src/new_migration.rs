//! `migrate new`: the pair of files of a migration, numbered after all others.

use std::path::PathBuf;

use anyhow::Result;
use chrono::NaiveDateTime;

use super::{api, state};
use model::exit::{ExitCode, Stop};
use ops::ctx::Ctx;
use sys::{clock, fs};

/// A name longer than this is a sentence.
const NAME_MAX: usize = 60;

/// Writes both files and gives their paths, the one that changes first.
///
/// # Errors
/// The name cannot be one ([`ExitCode::Usage`]), or the folder cannot be written.
pub fn write(ctx: &Ctx, name: &str) -> Result<[PathBuf; 2]> {
    let name = description(name)?;
    let newest = state::all_files(ctx)?.iter().map(|file| file.version).max();
    let version = version(clock::now().naive_utc(), newest);
    let dir = api::migrations_dir(&ctx.settings.root);
    let stem = format!("{version}_{name}");
    let texts = [
        (
            "up",
            format!(
                "-- What this changes, and why.\n-- `cargo xtask migrate --dry-run` shows how it \
                would go live; docs/gate.md says what suits a swap.\n-- {stem}\n"
            ),
        ),
        ("down", format!("-- Undoes {stem}.up.sql, children before parents.\n")),
    ];
    let mut paths = Vec::new();
    for (end, text) in texts {
        let path = dir.join(format!("{stem}.{end}.sql"));
        if !fs::create_durably(&path, text.as_bytes())? {
            let message = format!("{} is there already", path.display());
            return Err(Stop::new(ExitCode::Usage, message)
                .hint("Run the command again: a later moment gives another number.")
                .into());
        }
        paths.push(path);
    }
    <[PathBuf; 2]>::try_from(paths).map_err(|_| anyhow::anyhow!("two files were not two paths"))
}

/// After every migration that is there, whatever the clock says.
fn version(now: NaiveDateTime, newest: Option<i64>) -> i64 {
    let now = now.format("%Y%m%d%H%M%S").to_string().parse().unwrap_or(0);
    newest.map_or(now, |newest: i64| now.max(newest.saturating_add(1)))
}

/// The name as it stands in a file's name.
fn description(name: &str) -> Result<String, Stop> {
    let plain = name.trim().replace([' ', '-'], "_").to_lowercase();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts = plain.starts_with(|c: char| c.is_ascii_lowercase());
    if starts && plain.len() <= NAME_MAX && plain.chars().all(allowed) {
        return Ok(plain);
    }
    Err(Stop::new(ExitCode::Usage, format!("`{name}` cannot name a migration")).hint(format!(
        "Use a letter, then letters, digits and `_`, at most {NAME_MAX}: `cargo xtask migrate new \
        add_prices`."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_only_go_up() {
        let now = NaiveDateTime::parse_from_str("20261130_140000", "%Y%m%d_%H%M%S").unwrap();
        assert_eq!(version(now, None), 20_261_130_140_000);
        assert_eq!(version(now, Some(20_261_122_090_600)), 20_261_130_140_000);
        assert_eq!(version(now, Some(20_261_130_140_000)), 20_261_130_140_001);
        assert_eq!(version(now, Some(20_300_101_000_000)), 20_300_101_000_001);
    }

    #[test]
    fn a_name_stays_in_its_folder() {
        assert_eq!(description("Add prices").unwrap(), "add_prices");
        assert_eq!(description("add-prices_2").unwrap(), "add_prices_2");
        let long = "x".repeat(NAME_MAX + 1);
        for bad in ["", " ", "../etc", "a/b", "a.up", "1st", "_x", "prix_élevé", "a;b", &long] {
            assert_eq!(description(bad).unwrap_err().code, ExitCode::Usage, "{bad}");
        }
    }
}
