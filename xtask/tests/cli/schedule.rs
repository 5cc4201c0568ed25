//! `schedule` without handing anything to a scheduler.

use expect_test::expect;

use crate::project::Project;
use crate::shape::shape;

/// A folder that holds a program named `crontab` and nothing else.
fn only_cron(project: &Project) -> String {
    let folder = project.home().join("bin");
    sys::fs::create_private_dir(&folder).expect("a folder");
    let program = folder.join("crontab");
    sys::fs::write_durably(&program, b"#!/bin/sh\necho 'no crontab for tests' >&2\nexit 1\n")
        .expect("the program");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&program, mode).expect("it is executable");
    }
    folder.display().to_string()
}

#[cfg(target_os = "linux")]
#[test]
fn a_dry_run_shows_the_lines_of_the_crontab() {
    let project = Project::new();
    let path = only_cron(&project);
    let run = project.command(&["schedule", "install", "--every", "6h", "--dry-run"]);
    let finished =
        run.env("PATH", path).run(std::time::Duration::from_secs(60)).expect("the program runs");
    let name = plan::schedule::job::name_of(&model::hash::sha256_hex(
        project.path().display().to_string().as_bytes(),
    ));
    expect![[r#"
        exit code 0
        --- stdout
        By cron, every 6h:

        crontab:

        # BEGIN <job>
        # Backups of StreamFlix (6h); `cargo xtask schedule uninstall` removes these lines.
        */5 * * * * cd <project> && umask 077 && XTASK_ROOT=<project> PATH=<home>/bin <project>/.local/bin/xtask schedule run --if-due >><project>/.local/schedule.log 2>&1
        # END <job>

        It checks every 5 minutes whether a run is due.
    "#]].assert_eq(&project.told(&finished).replace(&name, "<job>"));
    assert!(!project.path().join(".local/schedule.json").exists(), "a dry run wrote something");
}

#[test]
fn nothing_is_installed() {
    let project = Project::new();
    expect![[r#"
        exit code 0
        --- stdout
        NOT installed: run `cargo xtask schedule install`.
          last run   never
    "#]]
    .assert_eq(&project.said(&["schedule", "status"]));
    expect![[r#"
        .program: string
        .program_is_current: null
        .schedule.every: string
        .schedule.installed.known: null
        .schedule.last: null
        .schedule.next_due_utc: null
        .schedule.pruned_utc: null
        .schedule.prunes: bool
        .scheduler_runs: null
        .version: number
    "#]]
    .assert_eq(&shape(&project.json(&["schedule", "status"])));
}

#[test]
fn a_rhythm_of_the_settings_that_is_none_is_ten() {
    let project = Project::new();
    project.write("xtask.toml", "[schedule]\nevery = \"sometimes\"\n");
    expect![[r#"
        exit code 10
        --- stderr
        error: schedule.every in xtask.toml: `sometimes` is neither an interval such as 6h, 30m, 1d, nor a cron expression of five fields

        hint: Write an interval such as "6h", or a cron expression such as "15 3 * * *".
    "#]].assert_eq(&project.said(&["schedule", "run", "--if-due"]));
}

#[test]
fn a_run_without_a_server_fails_and_says_which_steps() {
    let project = Project::new();
    let finished = project.xtask(&["schedule", "run"]);
    assert_eq!(finished.code, Some(11), "{}", finished.stderr);
    let document = project.json(&["schedule", "run"]);
    expect![[r#"
        .duration_ms: number
        .failed[].exit_code: number
        .failed[].message: string
        .failed[].step: string
        .label: null
        .passed: bool
        .verified: null
        .version: number
    "#]]
    .assert_eq(&shape(&document));
}
