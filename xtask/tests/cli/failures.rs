//! What cannot be done without a server, the lock, or settings that make sense: one code
//! for each, and what to do next.

use std::time::Duration;

use expect_test::{Expect, expect};

use crate::backups;
use crate::project::Project;

fn check(project: &Project, args: &[&str], code: i32, expected: Expect) {
    let finished = project.xtask(args);
    assert_eq!(finished.code, Some(code), "{args:?}: {}", finished.stderr);
    expected.assert_eq(&project.told(&finished));
}

#[test]
fn a_server_that_does_not_answer_is_eleven() {
    let project = Project::new();
    check(
        &project,
        &["db-backup"],
        11,
        expect![[r#"
            exit code 11
            --- stderr
            error: no MySQL server answers at 127.0.0.1:1: Connection refused (os error <number>)

            hint: The address comes from DB_HOST and DB_PORT in .env or the environment; nothing else was tried.
            hint: Remove them to search for the server: the container first, then the private server.
        "#]],
    );
    assert!(!project.backups().exists(), "nothing was begun");
    for args in [
        &["migrate", "--status"][..],
        &["migrate", "--dry-run"],
        &["db-verify", "--live"],
        &["db-up"],
        &["import", "movies.csv"],
        &["deploy", "--dry-run"],
    ] {
        let finished = project.xtask(args);
        assert_eq!(finished.code, Some(11), "{args:?}: {}", finished.stderr);
        assert!(finished.stderr.contains("hint: "), "{args:?}: {}", finished.stderr);
    }
}

#[test]
fn a_failure_as_json_is_one_document() {
    let project = Project::new();
    let finished = project.xtask(&["db-backup", "--json"]);
    assert_eq!(finished.code, Some(11));
    let document: serde_json::Value = serde_json::from_str(&finished.stdout).expect("one document");
    assert_eq!(document["version"], 1);
    assert_eq!(document["error"]["code"], 11);
    let message = document["error"]["message"].as_str().expect("a message");
    assert!(finished.stderr.contains(message) && !message.is_empty(), "{message}");
    assert!(document["error"]["hints"].as_array().is_some_and(|hints| !hints.is_empty()));
}

#[test]
fn a_folder_that_another_run_holds_is_twelve() {
    let project = Project::new();
    let label = backups::backup_of(&project, 1).to_string();
    let _held = project.store().lock().expect("the lock");
    check(
        &project,
        &["db-pin", &label],
        12,
        expect![[r#"
            exit code 12
            --- stderr
            error: another run holds the lock: `<command>` with process id <number> since <time>

            hint: Wait until that run ends, then try again.
            hint: The lock ends with its process; there is no stale lock to remove.
        "#]],
    );
}

#[test]
fn a_folder_that_another_run_holds_can_be_looked_at() {
    let project = Project::new();
    backups::backup_of(&project, 1);
    let _held = project.store().lock().expect("the lock");
    for args in [&["db-list"][..], &["db-status", "--offline"], &["db-prune", "--only-here"]] {
        let finished = project.xtask(args);
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
    }
}

/// What `db-list` says with these settings; nothing is begun.
fn with(env: &str, policy: &str, expected: Expect) {
    let project = Project::new();
    project.env(env);
    sys::fs::remove_if_exists(&project.path().join("xtask.toml")).expect("no xtask.toml");
    project.write("xtask.toml", policy);
    check(&project, &["db-list"], 10, expected);
    assert!(!project.backups().exists(), "nothing was begun");
}

#[test]
fn an_env_file_that_makes_no_sense_is_ten() {
    with(
        "DB_PORT=many\n",
        "",
        expect![[r#"
        exit code 10
        --- stderr
        error: DB_PORT is `many`, but must be a port number

        hint: Change DB_PORT in .env or in the environment.
    "#]],
    );
    with(
        "DB_REACH=everywhere\n",
        "",
        expect![[r#"
        exit code 10
        --- stderr
        error: DB_REACH is `everywhere`, but must be auto, tcp, docker, docker-exec or local

        hint: Change DB_REACH in .env or in the environment.
    "#]],
    );
    with(
        "DB_NAME=my__db\n",
        "",
        expect![[r#"
        exit code 10
        --- stderr
        error: DB_NAME is `my__db`, but must be a name without `__` in it and without `_` at its end: `__` separates a schema's name from those of its companions, such as mydb__gate

        hint: Change DB_NAME in .env or in the environment.
    "#]],
    );
}

#[test]
fn a_policy_that_makes_no_sense_is_ten() {
    with(
        "",
        "[retention]\nlast = \"all\"\n",
        expect![[r#"
        exit code 10
        --- stderr
        error: <project>/xtask.toml is invalid: TOML parse error at line 2, column 8
          |
          2 | last = "all"
          |        ^^^^^
          invalid type: string "all", expected u32


        hint: docs/configuration.md lists every key.
    "#]],
    );
    with(
        "",
        "[retenton]\nlast = 3\n",
        expect![[r#"
            exit code 10
            --- stderr
            error: <project>/xtask.toml is invalid: TOML parse error at line 1, column 2
              |
              1 | [retenton]
              |  ^^^^^^^^
              unknown field `retenton`, expected one of `backup`, `restore`, `verify`, `server`, `gate`, `deploy`, `encryption`, `destination`, `trust`, `retention`, `schedule`, `monitor`, `loss`


            hint: docs/configuration.md lists every key.
        "#]],
    );
}

#[test]
fn a_destination_that_does_not_exist_is_ten() {
    let project = Project::new();
    check(
        &project,
        &["db-copy"],
        10,
        expect![[r#"
        exit code 10
        --- stderr
        error: xtask.toml declares no destination for copies

        hint: docs/off-site.md shows how to set one up in five minutes.
    "#]],
    );
    check(
        &project,
        &["db-copy", "--to", "s3"],
        10,
        expect![[r#"
        exit code 10
        --- stderr
        error: there is no destination `s3`

        hint: xtask.toml declares no destinations; docs/off-site.md shows how.
    "#]],
    );
    check(
        &project,
        &["db-list", "--from", "s3"],
        10,
        expect![[r#"
        exit code 10
        --- stderr
        error: there is no destination `s3`

        hint: xtask.toml declares no destinations; docs/off-site.md shows how.
    "#]],
    );
    check(
        &project,
        &["deploy", "--target", "moon"],
        10,
        expect![[r#"
        exit code 10
        --- stderr
        error: xtask.toml has no target `moon`

        hint: docs/deploy.md shows a section for each kind of target.
        hint: The targets are docker, local.
    "#]],
    );
}

#[test]
fn outside_of_a_checkout_is_ten() {
    let project = Project::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let run = project.anywhere(&["db-list"]).dir(elsewhere.path());
    let finished = run.run(Duration::from_secs(60)).expect("the program runs");
    assert_eq!(finished.code, Some(10), "{}", finished.stderr);
}
