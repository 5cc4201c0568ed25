//! The pre-push hook with real pushes: what is held up, what is not, and that
//! hooks which were there go on working.

use serde_json::Value;
use sys::fs;
use sys::proc::Finished;

use crate::faults::demand_stop;
use crate::support::{Repository, Sandbox, Server, require};

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
    for word in ["taking one", "backing up", "to compare it", "is proven"] {
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
fn a_hook_that_is_there_is_not_lost() {
    let (folder, repository) = project();
    let seen = folder.path().join("seen.txt");
    let hook = folder.path().join(".git/hooks/pre-push");
    let text = format!("#!/bin/sh\n{{ echo \"$@\"; cat; }} > '{}'\n", seen.display());
    repository.put_program(&hook, &text);
    let refused = repository.xtask(&["hooks", "install"]);
    demand_stop(&refused, 10, &["there is a pre-push hook", "--chain"]);
    let chained = json(&repository.xtask(&["hooks", "install", "--chain", "--json"]));
    assert_eq!(chained["installed"], true, "{chained}");
    repository.commit("something");
    repository.git(&["push", "origin", "main"]);
    let said = fs::read_text(&seen).unwrap();
    assert!(said.starts_with("origin ") && said.contains(&repository.head()), "{said}");
    // It can refuse, and then nothing is pushed.
    repository.put_program(&hook, "#!/bin/sh\nexit 7\n");
    repository.commit("something else");
    let refused = repository.try_git(&["push", "origin", "main"]);
    assert!(!refused.ok() && refused.stderr.contains("code 7"), "{}", refused.stderr);
    assert_ne!(repository.at_remote("refs/heads/main"), Some(repository.head()));
    // A second install changes nothing; uninstall gives back what was there.
    let again = json(&repository.xtask(&["hooks", "install", "--json"]));
    assert_eq!(again["changed"], false, "{again}");
    json(&repository.xtask(&["hooks", "uninstall", "--json"]));
    assert!(!repository.try_git(&["config", "--get", "core.hooksPath"]).ok());
    assert!(!repository.try_git(&["push", "origin", "main"]).ok(), "the old hook is asked again");
    repository.put_program(&hook, &text);
    repository.git(&["push", "origin", "main"]);
}

#[test]
fn hooks_that_cannot_be_chained_are_left_alone() {
    let (folder, repository) = project();
    let other = folder.path().join(".git/hooks/pre-commit");
    repository.put_program(&other, "#!/bin/sh\nexit 0\n");
    for args in [&["hooks", "install"][..], &["hooks", "install", "--chain"]] {
        demand_stop(&repository.xtask(args), 10, &["pre-commit", "cp .githooks/pre-push"]);
    }
    assert!(!repository.try_git(&["config", "--get", "core.hooksPath"]).ok());
    // The way that the refusal names works.
    let ours = fs::read_text(&folder.path().join(".githooks/pre-push")).unwrap();
    repository.put_program(&folder.path().join(".git/hooks/pre-push"), &ours);
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!(status["installed"], true, "{status}");
    repository.migration("20260102000000_second");
    assert!(!repository.try_git(&["push", "origin", "main"]).ok());
    // With a pre-push hook of their own, the lines go in front of it.
    let refs = folder.path().join("refs.txt");
    let lines = format!(
        "#!/bin/sh\nrefs=$(cat)\nprintf '%s\\n' \"$refs\" | cargo xtask hooks run pre-push -- \"$@\" || exit $?\n\
         exec <<EOF\n$refs\nEOF\ncat > '{}'\n",
        refs.display()
    );
    repository.put_program(&folder.path().join(".git/hooks/pre-push"), &lines);
    assert!(!repository.try_git(&["push", "origin", "main"]).ok());
    assert!(!refs.exists());
    repository.git(&["push", "origin", "main:feature/x"]);
    assert!(fs::read_text(&refs).unwrap().contains("refs/heads/feature/x"));
}

#[test]
fn another_hooks_folder_comes_back() {
    let (folder, repository) = project();
    repository.put_program(&folder.path().join("theirs/pre-push"), "#!/bin/sh\nexit 0\n");
    repository.git(&["config", "core.hooksPath", "theirs"]);
    demand_stop(&repository.xtask(&["hooks", "install"]), 10, &["--chain"]);
    json(&repository.xtask(&["hooks", "install", "--chain", "--json"]));
    let status = json(&repository.xtask(&["hooks", "status", "--json"]));
    assert_eq!(
        (&status["hooks_path"], &status["previous"]),
        (&".githooks".into(), &"theirs".into())
    );
    json(&repository.xtask(&["hooks", "uninstall", "--json"]));
    assert_eq!(repository.git(&["config", "--get", "core.hooksPath"]), "theirs");
    assert!(!repository.try_git(&["config", "--get", "xtask.previousHooksPath"]).ok());
}
