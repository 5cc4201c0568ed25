//! The pre-push hook with real pushes: what is held up, what is not, and that
//! hooks which were there go on working.

use serde_json::Value;
use sys::fs;
use sys::proc::Finished;

use crate::faults::demand_stop;
use crate::support::{Repository, Sandbox, Server, require};

mod elsewhere;

#[track_caller]
fn json(finished: &Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {}", finished.stdout))
}

/// A project without a server: `.env` names one that nobody can reach.
fn project() -> (tempfile::TempDir, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::new(folder.path());
    repository.put(".env", "DB_HOST=127.0.0.1\nDB_PORT=9\nDB_BACKUP_PASSWORD=x\n");
    (folder, repository)
}

#[track_caller]
fn installed(repository: &Repository) {
    let done = json(&repository.xtask(&["hooks", "install", "--json"]));
    assert_eq!((&done["installed"], &done["changed"]), (&true.into(), &true.into()), "{done}");
}

#[test]
fn a_push_of_a_migration_without_a_proof_is_refused() {
    let (_folder, repository) = project();
    installed(&repository);
    let before = repository.at_remote("refs/heads/main");
    repository.migration("20260102000000_second");
    let refused = repository.try_git(&["push", "origin", "main"]);
    assert!(!refused.ok());
    let said = &refused.stderr;
    assert!(said.contains("`main` is deployed") && said.contains("second.up.sql"), "{said}");
    assert!(said.contains("no proven backup") && said.contains("hint:"), "{said}");
    assert_eq!(repository.at_remote("refs/heads/main"), before, "nothing was pushed");
    // Git says 1 for any refusal; the hook itself says why.
    let line = format!("refs/heads/main {} refs/heads/main {}", repository.head(), before.unwrap());
    let hook = sys::proc::Cmd::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["hooks", "run", "pre-push", "--", "origin", "file:///x"])
        .dir(_folder.path())
        .stdin(line)
        .run(std::time::Duration::from_secs(60))
        .unwrap();
    demand_stop(&hook, 20, &["no proven backup", "db-up"]);
    // Tags and new branches that are deployed are asked, too.
    repository.git(&["tag", "--annotate", "--message", "x", "v1"]);
    assert!(!repository.try_git(&["push", "origin", "v1"]).ok());
    assert!(!repository.try_git(&["push", "origin", "main:release/1"]).ok());
    // The detour over a branch that is not deployed is no way around.
    repository.git(&["push", "origin", "main:feature/x"]);
    repository.git(&["fetch", "origin"]);
    assert!(!repository.try_git(&["push", "origin", "main:release/1"]).ok());
    assert_eq!(repository.at_remote("refs/heads/release/1"), None);
}

#[test]
fn what_changes_no_migration_or_is_not_deployed_is_not_held_up() {
    let (_folder, repository) = project();
    installed(&repository);
    repository.commit("no migration");
    repository.git(&["push", "origin", "main"]);
    assert_eq!(repository.at_remote("refs/heads/main"), Some(repository.head()));
    repository.git(&["fetch", "origin"]);
    repository.git(&["push", "origin", "main:release/0"]);
    repository.git(&["tag", "v0"]);
    repository.git(&["push", "origin", "v0"]);
    repository.git(&["switch", "--quiet", "--create", "feature/x"]);
    repository.migration("20260102000000_second");
    repository.git(&["push", "origin", "feature/x"]);
    assert_eq!(repository.at_remote("refs/heads/feature/x"), Some(repository.head()));
    // A deletion changes no database.
    repository.git(&["push", "origin", "--delete", "release/0", "v0"]);
    assert_eq!(repository.at_remote("refs/heads/release/0"), None);
    // What somebody else pushed, and was not fetched, is not known.
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!(status["next_push"]["needs_proof"], false, "{status}");
    repository.git(&["switch", "--quiet", "main"]);
    repository.migration("20260103000000_third");
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!(status["next_push"]["needs_proof"], true, "{status}");
    assert_eq!(status["next_push"]["branch"], "main");
    assert_eq!(status["newest_proof"], Value::Null);
    let unknown = format!("x {} refs/heads/main {}", repository.head(), "1".repeat(40));
    let hook = sys::proc::Cmd::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["hooks", "run", "pre-push", "origin", "x"])
        .dir(_folder.path())
        .stdin(unknown)
        .run(std::time::Duration::from_secs(60))
        .unwrap();
    demand_stop(&hook, 20, &["was not fetched"]);
}

fn proof_on(kind: Server, name: &str) {
    let Some(server) = require(kind) else { return };
    let sandbox = Sandbox::new(&server, name);
    sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY); INSERT INTO film VALUES (1), (2)");
    let repository = Repository::new(sandbox.path());
    installed(&repository);
    repository.migration("20260102000000_second");
    let pushed = repository.try_git(&["push", "origin", "main"]);
    assert!(pushed.ok(), "{}", pushed.stderr);
    for word in ["taking one", "backing up", "comparing", "is proven"] {
        assert!(pushed.stderr.contains(word), "no `{word}`: {}", pushed.stderr);
    }
    assert_eq!(repository.at_remote("refs/heads/main"), Some(repository.head()));
    let list = json(&sandbox.xtask(&["db-list", "--json"]));
    assert_eq!(list["backups"][0]["reason"], "deploy", "{list}");
    assert_eq!(list["backups"][0]["verified"], "restore", "{list}");
    // The next one finds that proof.
    repository.migration("20260103000000_third");
    let again = repository.try_git(&["push", "origin", "main"]);
    assert!(again.ok() && again.stderr.contains("is proven"), "{}", again.stderr);
    let list = json(&sandbox.xtask(&["db-list", "--json"]));
    assert_eq!(list["backups"].as_array().unwrap().len(), 1, "{list}");
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!(status["newest_proof"]["fresh"], true, "{status}");
    // One that is too old is not enough, and neither is one whose file is gone.
    sandbox.write("xtask.toml", "[gate]\nproof_max_age_minutes = 0\n");
    repository.migration("20260104000000_fourth");
    let aged = repository.try_git(&["push", "origin", "main"]);
    assert!(aged.ok() && aged.stderr.contains("taking one"), "{}", aged.stderr);
    sandbox.write("xtask.toml", "");
    for name in fs::names(&sandbox.backups()).unwrap() {
        if name.ends_with(".sql") {
            fs::remove_if_exists(&sandbox.backups().join(name)).unwrap();
        }
    }
    repository.migration("20260105000000_fifth");
    let gone = repository.try_git(&["push", "origin", "main"]);
    assert!(gone.ok() && gone.stderr.contains("taking one"), "{}", gone.stderr);
}

#[test]
fn a_proof_is_taken_and_used_again_on_mysql() {
    proof_on(Server::Mysql, "hooks_m");
}

#[test]
fn a_proof_is_taken_and_used_again_on_mariadb() {
    proof_on(Server::Mariadb, "hooks_p");
}

#[test]
fn hooks_that_are_there_stay_and_run() {
    let (folder, repository) = project();
    let seen = folder.path().join("seen.txt");
    let hooks = folder.path().join(".git/hooks");
    let hook = hooks.join("pre-push");
    let text = format!("#!/bin/sh\n{{ echo \"$@\"; cat; }} > '{}'\n", seen.display());
    repository.put_program(&hook, &text);
    repository.put_program(&hooks.join("pre-commit"), "#!/bin/sh\n[ ! -e refuse ]\n");
    let before = contents(&hooks);
    installed(&repository);
    assert_eq!(contents(&hooks), before, "their files are as they were");
    repository.commit("something");
    repository.git(&["push", "origin", "main"]);
    let said = fs::read_text(&seen).unwrap();
    assert!(said.starts_with("origin ") && said.contains(&repository.head()), "{said}");
    // Ours runs, too.
    repository.migration("20260102000000_second");
    assert!(!repository.try_git(&["push", "origin", "main"]).ok());
    repository.git(&["push", "origin", "main:feature/x"]);
    assert!(fs::read_text(&seen).unwrap().contains("refs/heads/feature/x"));
    // Each of them can refuse, and one that comes later is run.
    repository.put("refuse", "");
    assert!(!repository.try_git(&["commit", "--allow-empty", "-m", "x"]).ok());
    fs::remove_if_exists(&folder.path().join("refuse")).unwrap();
    repository.put_program(&hooks.join("commit-msg"), "#!/bin/sh\ngrep -q good \"$1\"\n");
    assert!(!repository.try_git(&["commit", "--allow-empty", "-m", "bad"]).ok());
    repository.git(&["commit", "--allow-empty", "-m", "good"]);
    repository.put_program(&hook, "#!/bin/sh\nexit 7\n");
    let refused = repository.try_git(&["push", "origin", "main:feature/y"]);
    assert!(!refused.ok() && refused.stderr.contains("code 7"), "{}", refused.stderr);
    assert_eq!(repository.at_remote("refs/heads/feature/y"), None);
    // A second install changes nothing; uninstall gives back what was there.
    repository.put_program(&hook, &text);
    fs::remove_if_exists(&hooks.join("commit-msg")).unwrap();
    let again = json(&repository.xtask(&["hooks", "install", "--json"]));
    assert_eq!(again["changed"], false, "{again}");
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!(
        (&status["passed_over"], &status["displaced"]),
        (&Value::Array(vec![]), &false.into())
    );
    json(&repository.xtask(&["hooks", "uninstall", "--json"]));
    assert_eq!(contents(&hooks), before);
    demand_nothing_left(&repository, &folder);
    fs::remove_if_exists(&seen).unwrap();
    repository.git(&["push", "origin", "main"]);
    assert!(seen.exists(), "git asks the old hook alone again");
}

/// Names and bytes of what lies in a folder.
fn contents(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let names = fs::names(folder).unwrap();
    names
        .into_iter()
        .map(|name| (name.clone(), fs::read_bytes(&folder.join(name)).unwrap()))
        .collect()
}

#[track_caller]
fn demand_nothing_left(repository: &Repository, folder: &tempfile::TempDir) {
    for key in ["xtask.previousHooksPath", "xtask.hooksInstalled"] {
        assert!(!repository.try_git(&["config", "--get", key]).ok(), "{key}");
    }
    assert!(!folder.path().join(".git/xtask-hooks").exists());
}

#[test]
fn a_frameworks_folder_goes_on_working_and_comes_back() {
    let (folder, repository) = project();
    // As husky has it: a folder below the checkout, which it writes anew at times.
    let theirs = folder.path().join(".husky/_");
    let seen = folder.path().join("seen.txt");
    let hook = |word: &str| format!("#!/bin/sh\necho {word} >> '{}'\n", seen.display());
    repository.put_program(&theirs.join("pre-commit"), &hook("commit"));
    repository.put_program(&theirs.join("pre-push"), &hook("push"));
    repository.git(&["config", "core.hooksPath", ".husky/_"]);
    let before = contents(&theirs);
    installed(&repository);
    assert_eq!(contents(&theirs), before);
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!(status["previous"].as_str().map(|it| it.ends_with(".husky/_")), Some(true));
    repository.put_program(&theirs.join("pre-push"), &hook("pushed"));
    repository.commit("something");
    repository.git(&["push", "origin", "main"]);
    assert_eq!(fs::read_text(&seen).unwrap(), "commit\npushed\n");
    // Of ours, something is gone: installing again forwards nothing to itself.
    fs::remove_if_exists(&folder.path().join(".git/xtask-hooks/pre-push")).unwrap();
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!((&status["installed"], &status["displaced"]), (&false.into(), &true.into()));
    installed(&repository);
    // One that calls this tool itself runs once.
    let calls = format!("{}exec cargo xtask hooks run pre-push -- \"$@\"\n", hook("twice"));
    repository.put_program(&theirs.join("pre-push"), &calls);
    repository.commit("more");
    repository.git(&["push", "origin", "main"]);
    assert_eq!(fs::read_text(&seen).unwrap(), "commit\npushed\ncommit\ntwice\n");
    repository.put_program(&theirs.join("pre-push"), &hook("push"));
    // It sets its folder again: pushes are not checked any more, and that is said.
    repository.git(&["config", "core.hooksPath", ".husky/_"]);
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!((&status["installed"], &status["displaced"]), (&false.into(), &true.into()));
    let status = repository.xtask(&["hooks", "status"]).stdout;
    assert!(status.contains("NOT installed") && status.contains(".husky/_ now"), "{status}");
    let doctor = repository.xtask(&["doctor"]);
    assert!(doctor.stdout.contains("pushes are not checked any more"), "{}", doctor.stdout);
    installed(&repository);
    json(&repository.xtask(&["hooks", "uninstall", "--json"]));
    assert_eq!(repository.git(&["config", "--get", "core.hooksPath"]), ".husky/_");
    demand_nothing_left(&repository, &folder);
}

#[test]
fn a_linked_working_tree_is_asked_by_the_kept_program() {
    let (folder, repository) = project();
    repository.put_program(&folder.path().join(".git/hooks/pre-commit"), "#!/bin/sh\nexit 0\n");
    installed(&repository);
    assert!(folder.path().join(".local/bin/xtask").is_file(), "the program is kept");
    let linked = folder.path().with_extension("linked");
    let at = linked.to_str().unwrap();
    repository.git(&["worktree", "add", "--quiet", at, "-b", "feature/linked"]);
    let migration = linked.join("api/migrations/20260102000000_second.up.sql");
    fs::write_durably(&migration, b"SELECT 1;\n").unwrap();
    repository.git(&["-C", at, "add", "--all"]);
    repository.git(&["-C", at, "commit", "--quiet", "-m", "second"]);
    let refused = repository.try_git(&["-C", at, "push", "origin", "feature/linked:main"]);
    fs::remove_dir_if_exists(&linked).unwrap();
    assert!(!refused.ok() && refused.stderr.contains("second.up.sql"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("builds one"), "{}", refused.stderr);
}

#[test]
fn a_folder_of_all_repositories_comes_back_from_there() {
    let (folder, repository) = project();
    let shared = folder.path().join("shared");
    repository.put_program(&shared.join("pre-commit"), "#!/bin/sh\n[ ! -e refuse ]\n");
    let at = shared.to_str().unwrap();
    repository.git(&["config", "--global", "core.hooksPath", at]);
    installed(&repository);
    repository.put("refuse", "");
    assert!(!repository.try_git(&["commit", "--allow-empty", "-m", "x"]).ok());
    json(&repository.xtask(&["hooks", "uninstall", "--json"]));
    assert_eq!(repository.git(&["config", "--get", "core.hooksPath"]), at);
    assert!(!repository.try_git(&["config", "--local", "--get", "core.hooksPath"]).ok());
    demand_nothing_left(&repository, &folder);
}
