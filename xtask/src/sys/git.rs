//! What git says about the checkout.

use std::path::Path;

use xshell::{Shell, cmd};

/// The current commit, with `-dirty` where tracked files were changed; `None`
/// outside a checkout or without git.
pub fn commit(root: &Path) -> Option<String> {
    let sh = Shell::new().ok()?;
    sh.change_dir(root);
    let head = cmd!(sh, "git rev-parse HEAD").quiet().ignore_stderr().read().ok()?;
    let dirty = cmd!(sh, "git status --porcelain --untracked-files=no")
        .quiet()
        .ignore_stderr()
        .read()
        .is_ok_and(|changed| !changed.trim().is_empty());
    let head = head.trim();
    Some(if dirty { format!("{head}-dirty") } else { head.to_owned() })
}
