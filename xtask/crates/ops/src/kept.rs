//! The copy of the program in `.local/bin`: it runs when the checkout does not compile, and
//! after `cargo clean`. The scheduler calls it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use config::Settings;
use sys::{env, fs, git};

/// What a build is made of. The pre-push hook compares the same.
const SOURCES: [&str; 3] = ["Cargo.lock", "Cargo.toml", "xtask"];

/// Where the copy lies, whether or not it is there yet.
pub fn program(settings: &Settings) -> PathBuf {
    settings.local.join("bin").join(format!("xtask{}", std::env::consts::EXE_SUFFIX))
}

/// Beside the copy: the git objects of the sources that it was built from. Without it the copy
/// may be of any age.
fn note(settings: &Settings) -> PathBuf {
    settings.local.join("bin/xtask.build")
}

/// Copies this program, and the one that carries copies off-site if it lies beside it.
///
/// # Errors
/// They cannot be copied.
pub fn keep(settings: &Settings) -> Result<()> {
    let this = env::this_program()?;
    let copy = program(settings);
    if this == copy {
        return Ok(());
    }
    let folder = copy.parent().context("a folder")?;
    fs::create_private_dir(folder)?;
    let sources = built_from(settings);
    // What the note says of a copy of the same bytes stays true.
    if sources.is_some() || is_current(settings)? != Some(true) {
        // A run that is killed in between leaves no note of another build.
        fs::remove_if_exists(&note(settings))?;
        fs::copy_program(&this, &copy)?;
    }
    let helper = format!("streamflix-offsite{}", std::env::consts::EXE_SUFFIX);
    let beside = this.with_file_name(&helper);
    if beside.is_file() {
        fs::copy_program(&beside, &folder.join(helper))?;
    }
    if let Some(sources) = sources {
        fs::write_durably(&note(settings), sources.as_bytes())?;
    }
    Ok(())
}

/// What this program was built from, as far as it is known: cargo has just built it here, and
/// what is checked out is what is committed.
fn built_from(settings: &Settings) -> Option<String> {
    let root = &settings.root;
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?);
    if package.canonicalize().ok()? != root.join("xtask").canonicalize().ok()? {
        return None;
    }
    git::is_committed(root, &SOURCES).ok()?.then(|| git::objects(root, &SOURCES).ok()).flatten()
}

/// Whether the copy was built from the sources of the commit that is checked out; `None`: there
/// is no copy, or git says nothing.
pub fn is_of_checkout(settings: &Settings) -> Option<bool> {
    program(settings).is_file().then_some(())?;
    let sources = git::objects(&settings.root, &SOURCES).ok()?;
    Some(fs::read_text(&note(settings)).is_ok_and(|noted| noted == sources))
}

/// Renews the copy if there is one and this program was built after it was made, or from what
/// is checked out when the copy was not: it has just done its work. Gives whether it did.
///
/// # Errors
/// It cannot be copied.
pub fn renew(settings: &Settings) -> Result<bool> {
    let (this, copy) = (env::this_program()?, program(settings));
    if this == copy {
        return Ok(false);
    }
    let other = || is_of_checkout(settings) == Some(false) && built_from(settings).is_some();
    let old = newer(&this, &copy) || other();
    if old {
        keep(settings)?;
    }
    Ok(old)
}

/// Whether a file changed after another, which is there.
fn newer(this: &Path, other: &Path) -> bool {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|facts| facts.modified()).ok();
    matches!((changed(this), changed(other)), (Some(this), Some(other)) if this > other)
}

/// Whether the copy is this build; `None`: there is no copy.
///
/// # Errors
/// One of them cannot be read.
pub fn is_current(settings: &Settings) -> Result<Option<bool>> {
    let copy = program(settings);
    if !fs::exists(&copy)? {
        return Ok(None);
    }
    let this = env::this_program()?;
    let size = |path: &Path| std::fs::metadata(path).map(|facts| facts.len()).ok();
    if size(&copy) != size(&this) {
        return Ok(Some(false));
    }
    Ok(Some(fs::read_bytes(&copy)? == fs::read_bytes(&this)?))
}
