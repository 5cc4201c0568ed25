//! The hook where the checkout was moved or copied, where git's setting lies elsewhere, and where
//! the kept program is of other sources.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sys::fs;
use sys::proc::Cmd;

use super::{installed, json};
use crate::faults::demand_stop;
use crate::support::Repository;

/// A commit that is refused while the file `refuse` is there.
#[track_caller]
fn demand_pre_commit(repository: &Repository, at: &Path) {
    let at = at.to_str().unwrap();
    let commit = ["-C", at, "commit", "--quiet", "--allow-empty", "-m", "x"];
    let refuse = Path::new(at).join("refuse");
    fs::write_durably(&refuse, b"").unwrap();
    assert!(!repository.try_git(&commit).ok(), "the pre-commit hook does not run in {at}");
    fs::remove_if_exists(&refuse).unwrap();
    repository.git(&commit);
}

/// A project in a folder that can be moved, with a pre-commit hook.
fn movable() -> (tempfile::TempDir, PathBuf, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("one");
    fs::create_private_dir(&root).unwrap();
    let repository = Repository::new(&root);
    repository.put(".env", "DB_HOST=127.0.0.1\nDB_PORT=9\nDB_BACKUP_PASSWORD=x\n");
    repository.put_program(&root.join(".git/hooks/pre-commit"), REFUSING);
    (folder, root, repository)
}

const REFUSING: &str = "#!/bin/sh\n[ ! -e refuse ]\n";

#[test]
fn a_checkout_that_was_moved_keeps_its_hooks() {
    let (folder, root, repository) = movable();
    installed(&repository);
    let two = folder.path().join("two");
    fs::rename_durably(&root, &two).unwrap();
    let moved = repository.at(&two);
    let status = moved.xtask(&["hooks", "status"]).stdout;
    assert!(status.contains("NOT installed") && status.contains("was moved"), "{status}");
    assert!(moved.xtask(&["doctor"]).stdout.contains("was moved"));
    installed(&moved);
    demand_pre_commit(&moved, &two);
    let previous = moved.git(&["config", "--get", "xtask.previousHooksPath"]);
    assert_eq!(Path::new(&previous), two.join(".git/hooks"));
    moved.migration("20260102000000_second");
    assert!(!moved.try_git(&["push", "origin", "main"]).ok());
    // Moved once more, and taken back there.
    let three = folder.path().join("three");
    fs::rename_durably(&two, &three).unwrap();
    let moved = repository.at(&three);
    json(&moved.xtask(&["hooks", "uninstall", "--json"]));
    assert!(!moved.try_git(&["config", "--get", "core.hooksPath"]).ok());
    assert!(!moved.try_git(&["config", "--get", "xtask.hooksInstalled"]).ok());
    assert!(!three.join(".git/xtask-hooks").exists());
    demand_pre_commit(&moved, &three);
}

#[test]
fn a_copied_checkout_leaves_the_folder_of_the_original() {
    let (folder, root, repository) = movable();
    repository.put_program(&root.join(".theirs/pre-commit"), REFUSING);
    repository.git(&["config", "core.hooksPath", ".theirs"]);
    installed(&repository);
    let copied = |name: &str| {
        let to = folder.path().join(name);
        let (from, at) = (root.to_str().unwrap(), to.to_str().unwrap());
        let cp = Cmd::new("cp").args(["-r", from, at]).run(Duration::from_secs(60)).unwrap();
        assert!(cp.ok(), "{}", cp.stderr);
        to
    };
    let two = copied("two");
    let copy = repository.at(&two);
    json(&copy.xtask(&["hooks", "uninstall", "--json"]));
    assert_eq!(copy.git(&["config", "--get", "core.hooksPath"]), ".theirs");
    assert!(!copy.try_git(&["config", "--get", "xtask.previousHooksPath"]).ok());
    demand_pre_commit(&copy, &two);
    let three = copied("three");
    let copy = repository.at(&three);
    installed(&copy);
    let looks = copy.git(&["config", "--get", "core.hooksPath"]);
    assert_eq!(Path::new(&looks), three.join(".git/xtask-hooks"));
    assert_eq!(copy.git(&["config", "--get", "xtask.previousHooksPath"]), ".theirs");
    demand_pre_commit(&copy, &three);
    demand_pre_commit(&repository, &root);
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!((&status["installed"], &status["displaced"]), (&true.into(), &false.into()));
}

#[test]
fn a_folder_is_looked_for_as_its_setting_is_written() {
    // Absolute: a linked working tree, where the folder is not tracked, runs its hooks, too.
    let (folder, root, repository) = movable();
    let theirs = root.join(".theirs");
    repository.put_program(&theirs.join("pre-commit"), REFUSING);
    repository.put(".git/info/exclude", "/.theirs\n/pre-commit\n");
    repository.git(&["config", "core.hooksPath", theirs.to_str().unwrap()]);
    installed(&repository);
    let linked = folder.path().join("linked");
    let at = linked.to_str().unwrap();
    repository.git(&["worktree", "add", "--quiet", at, "-b", "feature/linked"]);
    demand_pre_commit(&repository, &root);
    demand_pre_commit(&repository, &linked);
    // A second install writes the folder again as it is to be.
    let forward = root.join(".git/xtask-hooks/pre-commit");
    let right = fs::read_text(&forward).unwrap();
    repository.put_program(&forward, "#!/bin/sh\nexit 0\n");
    let again = json(&repository.xtask(&["hooks", "install", "--json"]));
    assert_eq!((&again["installed"], &again["changed"]), (&true.into(), &false.into()));
    assert_eq!(fs::read_text(&forward).unwrap(), right);
    json(&repository.xtask(&["hooks", "uninstall", "--json"]));
    // The top itself, absolute and relative.
    repository.put_program(&root.join("pre-commit"), REFUSING);
    for top in [root.to_str().unwrap(), "."] {
        repository.git(&["config", "core.hooksPath", top]);
        installed(&repository);
        demand_pre_commit(&repository, &root);
        json(&repository.xtask(&["hooks", "uninstall", "--json"]));
        assert_eq!(repository.git(&["config", "--get", "core.hooksPath"]), top);
    }
}

#[test]
fn a_bare_repositorys_neighbour_is_not_run() {
    let (folder, _root, repository) = movable();
    let bare = folder.path().join("s.git");
    let tree = folder.path().join("tree");
    let (from, to, at) =
        (repository.git(&["remote", "get-url", "origin"]), bare.to_str().unwrap(), tree.to_str());
    repository.git(&["clone", "--quiet", "--bare", &from, to]);
    repository.git(&["-C", to, "worktree", "add", "--quiet", at.unwrap(), "main"]);
    repository.git(&["-C", to, "config", "core.hooksPath", ".githooks"]);
    let program = folder.path().join(".local/bin/xtask");
    repository.put_program(&program, "#!/bin/sh\necho a stranger >&2\nexit 9\n");
    fs::write_durably(&tree.join("api/migrations/20260102000000_b.up.sql"), b"SELECT 1;\n")
        .unwrap();
    let in_tree = repository.at(&tree);
    in_tree.git(&["add", "--all"]);
    in_tree.git(&["commit", "--quiet", "-m", "b"]);
    // The note alone is not enough, either.
    let sources = in_tree.git(&["ls-tree", "HEAD", "--", "Cargo.lock", "Cargo.toml", "xtask"]);
    fs::write_durably(&program.with_extension("build"), sources.as_bytes()).unwrap();
    let refused = in_tree.try_git(&["push", &from, "main"]);
    let said = &refused.stderr;
    assert!(!refused.ok() && !said.contains("stranger"), "{said}");
    assert!(said.contains("no program is kept") && said.contains("b.up.sql"), "{said}");
}

#[test]
fn a_kept_program_of_other_sources_is_not_asked() {
    let (_folder, root, repository) = movable();
    installed(&repository);
    let push = |why: Option<&str>| {
        let pushed = repository.try_git(&["push", "origin", "main"]);
        assert!(pushed.ok(), "{}", pushed.stderr);
        match why {
            Some(why) => assert!(pushed.stderr.contains(why), "{}", pushed.stderr),
            None => assert!(!pushed.stderr.contains("builds one"), "{}", pushed.stderr),
        }
    };
    push(None);
    // Other files do not matter.
    repository.commit("notes");
    push(None);
    repository.put("xtask/src/main.rs", "// two\n");
    repository.commit("other rules");
    let doctor = repository.xtask(&["doctor"]).stdout;
    assert!(doctor.contains("not built from the commit"), "{doctor}");
    push(Some("was not built from the commit that is checked out, so cargo builds one"));
    // The one that cargo built is kept now.
    repository.commit("more notes");
    push(None);
    // A program without a note is of any age; a second install notes its sources.
    fs::remove_if_exists(&root.join(".local/bin/xtask.build")).unwrap();
    repository.commit("still more");
    json(&repository.xtask(&["hooks", "install", "--json"]));
    push(None);
    // What is not committed leaves no note.
    fs::remove_if_exists(&root.join(".local/bin/xtask.build")).unwrap();
    repository.put("xtask/src/main.rs", "// three\n");
    json(&repository.xtask(&["hooks", "install", "--json"]));
    assert!(!root.join(".local/bin/xtask.build").exists());
    repository.git(&["checkout", "--quiet", "--", "xtask"]);
    repository.commit("as before");
    push(Some("was not built from the commit that is checked out"));
    repository.commit("and on");
    push(None);
}

#[test]
fn a_setting_that_wins_over_ours_refuses_the_install() {
    let (folder, root, repository) = movable();
    let settings = || repository.git(&["config", "--list", "--local"]);
    repository.git(&["config", "extensions.worktreeConfig", "true"]);
    repository.git(&["config", "--worktree", "core.hooksPath", ".theirs"]);
    let before = settings();
    let untouched = || {
        assert_eq!(settings(), before);
        assert!(!root.join(".git/xtask-hooks").exists() && !root.join(".local/bin").exists());
    };
    let refused = repository.xtask(&["hooks", "install"]);
    demand_stop(&refused, 10, &["worktree", "git config --worktree --unset core.hooksPath"]);
    untouched();
    repository.git(&["config", "--worktree", "--unset", "core.hooksPath"]);
    // As `git -c` from an alias has it.
    let variables = [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "core.hooksPath"),
        ("GIT_CONFIG_VALUE_0", ".x"),
    ];
    let refused = repository.xtask_with(&["hooks", "install"], &variables);
    demand_stop(&refused, 10, &["scope `command`", "GIT_CONFIG_"]);
    untouched();
    // A file that is included after it.
    let included = folder.path().join("included");
    fs::write_durably(&included, b"[core]\n\thooksPath = .theirs\n").unwrap();
    repository.git(&["config", "core.hooksPath", ".mine"]);
    repository.git(&["config", "include.path", included.to_str().unwrap()]);
    let before = settings();
    let refused = repository.xtask(&["hooks", "install"]);
    demand_stop(&refused, 10, &["--show-origin"]);
    assert_eq!(settings(), before);
    assert!(!root.join(".git/xtask-hooks").exists() && !root.join(".local/bin").exists());
    repository.git(&["config", "--unset", "include.path"]);
    installed(&repository);
}
