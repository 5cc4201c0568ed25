//! What git's files say about the checkout, read without git: a start is not slower by it.

use std::path::{Path, PathBuf};

/// The repository's own folder (`.git` of its main working tree), which all of its working
/// trees share; `None` where `root` is not at the top of one.
///
/// <https://git-scm.com/docs/gitrepository-layout>: `.git` is a folder, or in a linked working
/// tree a file with `gitdir: PATH`; there `commondir` names the repository's.
pub fn repository(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(sys::fs::whole_path(&git));
    }
    let text = sys::fs::read_text(&git).ok()?;
    let own = root.join(text.strip_prefix("gitdir:")?.trim());
    let common = sys::fs::read_text(&own.join("commondir")).ok()?;
    Some(sys::fs::whole_path(&own.join(common.trim())))
}

/// Whether two folders are one checkout, or working trees of one repository.
pub fn is_same(one: &Path, other: &Path) -> bool {
    sys::fs::whole_path(one) == sys::fs::whole_path(other)
        || repository(one).is_some_and(|it| repository(other) == Some(it))
}

/// The main working tree, where `root` is a linked one.
pub fn main_tree(root: &Path) -> Option<PathBuf> {
    if root.join(".git").is_dir() {
        return None;
    }
    let repository = repository(root)?;
    let main = repository.parent().filter(|_| repository.ends_with(".git"))?;
    main.join("Cargo.toml").is_file().then(|| main.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path, text: &str) {
        sys::fs::create_private_dir(path.parent().unwrap()).unwrap();
        sys::fs::write_durably(path, text.as_bytes()).unwrap();
    }

    #[test]
    fn a_linked_tree_leads_to_the_main_one() {
        let dir = tempfile::tempdir().unwrap();
        let (main, linked) = (dir.path().join("main"), dir.path().join("linked"));
        file(&main.join("Cargo.toml"), "[workspace]\n");
        let own = main.join(".git/worktrees/linked");
        file(&own.join("commondir"), "../..\n");
        file(&linked.join(".git"), &format!("gitdir: {}\n", own.display()));
        assert_eq!(main_tree(&linked), Some(sys::fs::whole_path(&main)));
        assert_eq!(repository(&linked), repository(&main));
        assert_eq!(main_tree(&main), None);
        assert!(is_same(&main, &linked) && is_same(&main, &main.join("../main")));
        // Another clone, and a folder that is gone.
        file(&dir.path().join("clone/.git/HEAD"), "ref: refs/heads/main\n");
        assert!(!is_same(&main, &dir.path().join("clone")));
        assert!(!is_same(&main, &dir.path().join("gone")));
        // A submodule, and no checkout at all.
        let sub = dir.path().join("sub");
        file(&sub.join(".git"), &format!("gitdir: {}\n", main.join(".git/modules/sub").display()));
        assert_eq!(main_tree(&sub), None);
        assert_eq!(repository(dir.path()), None);
    }
}
