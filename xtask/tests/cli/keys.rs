//! `db-keys`: keys are made once, where no checkout is, and never overwritten.

use expect_test::expect;

use crate::project::Project;
use crate::shape::shape;

fn new_key(project: &Project) -> String {
    project.home().join("backup.key").display().to_string()
}

#[test]
fn a_key_is_made_once() {
    let project = Project::new();
    let file = new_key(&project);
    let made = project.json(&["db-keys", "new", &file]);
    expect![[r#"
        .env_line: string
        .file: string
        .fingerprint: string
        .policy_line: string
        .recipient: string
        .version: number
    "#]]
    .assert_eq(&shape(&made));
    let text = sys::fs::read_text(&project.home().join("backup.key")).expect("the key");
    assert!(text.contains("AGE-SECRET-KEY-"), "the identity is in the file");
    assert!(!made.to_string().contains("AGE-SECRET-KEY-"), "{made}");
    let again = project.xtask(&["db-keys", "new", &file]);
    assert_ne!(again.code, Some(0), "{}", again.stdout);
    expect![[r#"
        exit code 10
        --- stderr
        error: <home>/backup.key exists already

        hint: A key is never overwritten: choose another file.
    "#]]
    .assert_eq(&project.told(&again));
    let after = sys::fs::read_text(&project.home().join("backup.key")).expect("the key");
    assert_eq!(text, after, "the key that was there is another one now");
}

#[test]
fn a_key_does_not_belong_into_the_checkout() {
    let project = Project::new();
    let inside = project.path().join("backup.key").display().to_string();
    let refused = project.xtask(&["db-keys", "new", &inside]);
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
    expect![[r#"
        exit code 10
        --- stderr
        error: <project>/backup.key is in the workspace, where it could be committed

        hint: Choose a file elsewhere, for example in your home folder or on a separate drive.
    "#]]
    .assert_eq(&project.told(&refused));
    assert!(!project.path().join("backup.key").exists());
}

#[test]
fn without_keys_nothing_is_encrypted() {
    let project = Project::new();
    expect![[r#"
        exit code 0
        --- stdout
        not run  recipients           xtask.toml names none: nothing is encrypted
        not run  private key          BACKUP_AGE_IDENTITY names no file; without one, encrypted backups cannot be read
        not run  encrypt and decrypt  there is no recipient
        not run  local backups        there is no backups folder yet
    "#]].assert_eq(&project.said(&["db-keys", "check"]));
    expect![[r#"
        .checks[].detail: string
        .checks[].name: string
        .checks[].outcome: string
        .identity: null
        .local: bool
        .recipients: []
        .version: number
    "#]]
    .assert_eq(&shape(&project.json(&["db-keys", "check"])));
}

#[test]
fn the_signer_is_made_at_need_and_stays() {
    let project = Project::new();
    let first = project.json(&["db-keys", "signer"]);
    expect![[r#"
        .file: string
        .fingerprint: string
        .key: string
        .made: bool
        .name: null
        .policy_line: string
        .trusted: []
        .version: number
    "#]]
    .assert_eq(&shape(&first));
    assert_eq!(first["key"], project.json(&["db-keys", "signer"])["key"]);
}
