//! A hooks folder of ours beside one that is there: in git's own folder, so that no working tree
//! changes, and all of them find it. Its hooks run those of the other folder.

use std::path::{Path, PathBuf};

use anyhow::Result;
use model::exit::{ExitCode, Stop};

use super::install::PRE_PUSH;
use sys::{fs, git};

const FOLDER: &str = "xtask-hooks";
/// What tells our files from others.
const MARK: &str =
    "# Made by `cargo xtask hooks install`; `cargo xtask hooks uninstall` removes it.";

/// Hooks that may come into the other folder later. One that is not there yet does nothing. Others,
/// which do something by being there, are made only where they are there.
const COMMON: [&str; 12] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "post-rewrite",
];

pub(super) fn folder(root: &Path) -> Result<PathBuf> {
    Ok(fs::whole_path(&git::common_dir(root)?).join(FOLDER))
}

/// Whether a folder that is not this repository's is one of ours all the same: of the place where
/// the checkout was, or of the checkout that it was copied from.
pub(super) fn is_elsewhere(root: &Path, folder: &Path, installed: bool) -> Result<bool> {
    if folder.file_name().is_none_or(|name| name != FOLDER) {
        return Ok(false);
    }
    let own = self::folder(root)?;
    let here = own == folder
        || matches!((own.canonicalize(), folder.canonicalize()), (Ok(a), Ok(b)) if a == b);
    let made = || fs::read_text(&folder.join(PRE_PUSH)).is_ok_and(|text| text.contains(MARK));
    Ok(!here && (installed || !folder.is_dir() || made()))
}

/// Writes the folder for the hooks `there` in `other`, as its setting is written, and gives it.
///
/// # Errors
/// It cannot be written, or the folder's name cannot stand in a hook.
pub(super) fn write(root: &Path, other: &Path, there: &[String]) -> Result<PathBuf> {
    let ours = folder(root)?;
    let whole = fs::whole_path(&root.join(other));
    let default = fs::whole_path(&git::default_hooks(root)?);
    // A relative setting is meant for each working tree; so is git's own way to read it.
    let named = match other.to_str() {
        _ if whole == default => whole,
        Some("") => PathBuf::from("."),
        Some(dash) if dash.starts_with('-') => Path::new(".").join(other),
        _ => other.to_owned(),
    };
    let Some(named) = named.to_str().filter(|it| !it.chars().any(char::is_control)) else {
        let message = format!("the name of the folder {} cannot stand in a hook", other.display());
        return Err(Stop::new(ExitCode::Configuration, message)
            .hint("Give the folder a plain name; nothing was changed.")
            .into());
    };
    fs::create_shared_dir(&ours)?;
    let names = COMMON.into_iter().chain(there.iter().map(String::as_str));
    for name in names.filter(|name| *name != PRE_PUSH && is_plain(name)) {
        fs::write_program(&ours.join(name), forward(named, name).as_bytes())?;
    }
    let own = fs::read_text(&root.join(super::install::FOLDER).join(PRE_PUSH))?;
    // That of the working tree goes first: it changes with what is checked out.
    let first = format!(
        "#!/bin/sh\n{MARK}\nhook='{0}/{PRE_PUSH}'\n[ -x \"$hook\" ] && exec \"$hook\" \"$@\"\n",
        super::install::FOLDER
    );
    let own = own.replacen("#!/bin/sh\n", &first, 1);
    fs::write_program(&ours.join(PRE_PUSH), own.as_bytes())?;
    Ok(ours)
}

/// A hook that is another one: the same arguments, input, environment and exit code.
fn forward(folder: &str, name: &str) -> String {
    let folder = folder.replace('\'', r"'\''");
    format!(
        "#!/bin/sh\n{MARK}\nhook='{folder}/{name}'\n[ -x \"$hook\" ] || exit 0\nexec \"$hook\" \"$@\"\n"
    )
}

/// Git's own hooks have such names; other files in a hooks folder are no hooks.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Removes what [`write`] wrote, and nothing else.
///
/// # Errors
/// A file cannot be removed.
pub(super) fn remove(root: &Path) -> Result<()> {
    let ours = folder(root)?;
    for name in fs::names(&ours)? {
        let path = ours.join(&name);
        if path.is_file() && fs::read_text(&path).is_ok_and(|text| text.contains(MARK)) {
            fs::remove_if_exists(&path)?;
        }
    }
    if ours.is_dir() && fs::names(&ours)?.is_empty() {
        fs::remove_dir_if_exists(&ours)?;
    }
    Ok(())
}
