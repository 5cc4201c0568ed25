//! The copy of the program in `.local/bin`: it runs when the checkout does not compile, and
//! after `cargo clean`. The scheduler calls it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use config::Settings;
use sys::{env, fs};

/// Where the copy lies, whether or not it is there yet.
pub fn program(settings: &Settings) -> PathBuf {
    settings.local.join("bin").join(format!("xtask{}", std::env::consts::EXE_SUFFIX))
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
    fs::copy_program(&this, &copy)?;
    let helper = format!("streamflix-offsite{}", std::env::consts::EXE_SUFFIX);
    let beside = this.with_file_name(&helper);
    if beside.is_file() {
        fs::copy_program(&beside, &folder.join(helper))?;
    }
    Ok(())
}

/// Renews the copy if there is one and this program was built after it was made: it has
/// just done its work. Gives whether it did.
///
/// # Errors
/// It cannot be copied.
pub fn renew(settings: &Settings) -> Result<bool> {
    let (this, copy) = (env::this_program()?, program(settings));
    let old = newer(&this, &copy);
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
