//! What is typed wrong ends with 2, and nothing is done.

use expect_test::{Expect, expect};

use crate::project::Project;

fn check(args: &[&str], expected: Expect) {
    let project = Project::new();
    let finished = project.xtask(args);
    assert_eq!(finished.code, Some(2), "{args:?}: {}", finished.stderr);
    assert!(!project.backups().exists(), "{args:?} made a backups folder");
    expected.assert_eq(&project.told(&finished));
}

#[test]
fn nothing_typed_shows_the_commands() {
    let finished = Project::new().xtask(&[]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("Usage: cargo xtask"), "{}", finished.stderr);
}

#[test]
fn an_unknown_command() {
    check(
        &["db-backpu"],
        expect![[r#"
        exit code 2
        --- stderr
        error: unrecognized subcommand 'db-backpu'

          tip: some similar subcommands exist: 'db-status', 'db-up', 'db-copy', 'db-backup'

        Usage: cargo xtask [OPTIONS] <COMMAND>

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_unknown_option() {
    check(
        &["db-list", "--form", "s3"],
        expect![[r#"
        exit code 2
        --- stderr
        error: unexpected argument '--form' found

          tip: a similar argument exists: '--from'

        Usage: cargo xtask db-list --from <NAME>

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_word_that_is_no_choice() {
    check(
        &["db-backup", "--compress", "gzip"],
        expect![[r#"
        exit code 2
        --- stderr
        error: invalid value 'gzip' for '--compress <COMPRESS>'
          [possible values: auto, none, zstd]

        For more information, try '--help'.
    "#]],
    );
    check(
        &["db-verify", "--level", "full"],
        expect![[r#"
        exit code 2
        --- stderr
        error: invalid value 'full' for '--level <LEVEL>'
          [possible values: file, restore]

        For more information, try '--help'.
    "#]],
    );
    check(
        &["db-up", "--on", "cloud"],
        expect![[r#"
        exit code 2
        --- stderr
        error: invalid value 'cloud' for '--on <PLACE>'
          [possible values: auto, docker, local]

        For more information, try '--help'.
    "#]],
    );
    check(
        &["migrate", "--strategy", "fast"],
        expect![[r#"
        exit code 2
        --- stderr
        error: invalid value 'fast' for '--strategy <STRATEGY>'
          [possible values: auto, swap, in-place]

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn what_excludes_each_other() {
    check(
        &["db-restore", "latest", "--into", "mydb__x", "--table", "film"],
        expect![[r#"
        exit code 2
        --- stderr
        error: the argument '--into <SCHEMA>' cannot be used with '--table <T>'

        Usage: cargo xtask db-restore --into <SCHEMA> <LABEL|FILE|latest>

        For more information, try '--help'.
    "#]],
    );
    check(
        &["db-verify", "--require-api"],
        expect![[r#"
        exit code 2
        --- stderr
        error: the following required arguments were not provided:
          --live

        Usage: cargo xtask db-verify --live --require-api [LABEL|FILE|latest]

        For more information, try '--help'.
    "#]],
    );
    check(
        &["migrate", "--undo", "--strategy", "swap"],
        expect![[r#"
        exit code 2
        --- stderr
        error: the argument '--undo' cannot be used with '--strategy <STRATEGY>'

        Usage: cargo xtask migrate --undo

        For more information, try '--help'.
    "#]],
    );
    check(
        &["db-list", "--quiet", "--verbose"],
        expect![[r#"
        exit code 2
        --- stderr
        error: the argument '--quiet' cannot be used with '--verbose'

        Usage: cargo xtask db-list --quiet

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_label_that_is_none() {
    check(
        &["db-pin", "mydb"],
        expect![[r#"
            exit code 2
            --- stderr
            error: there is no backup `mydb`

            hint: There are no backups in <project>/backups yet.
        "#]],
    );
}

#[test]
fn a_rhythm_that_is_none() {
    check(
        &["schedule", "install", "--every", "sometimes", "--dry-run"],
        expect![[r#"
        exit code 2
        --- stderr
        error: `sometimes` is neither an interval such as 6h, 30m, 1d, nor a cron expression of five fields

        hint: For example `--every 6h`, or `--every "15 3 * * *"` for every night at 03:15.
    "#]],
    );
    check(
        &["schedule", "install", "--every", "15 3 * *", "--dry-run"],
        expect![[r#"
        exit code 2
        --- stderr
        error: `15 3 * *` has 4 fields, a cron expression has five

        hint: For example `--every 6h`, or `--every "15 3 * * *"` for every night at 03:15.
    "#]],
    );
}
