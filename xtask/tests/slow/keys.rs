//! Encrypted backups on real servers: made, verified, restored, migrated, pushed, and
//! read by the program `age` alone. And what happens without the key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql::prelude::Queryable as _;
use serde_json::Value;
use sys::proc::{Cmd, Finished, find};
use sys::{env, fs};

use crate::faults::demand_stop;
use crate::gate::world::World;
use crate::support::{Repository, Sandbox, Server, five, require};

const VARIABLE: &str = "BACKUP_AGE_IDENTITY";
const DEADLINE: Duration = Duration::from_secs(600);
const SCHEMA: &str = "
    CREATE TABLE genre (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40) NOT NULL);
    CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(90) NOT NULL, cover BLOB) CHARACTER SET utf8mb4;
    INSERT INTO genre VALUES (1, 'Drama'), (2, 'Comedy');
    INSERT INTO film VALUES (1, 'Alien', x'00ff0a1a'), (2, 'Brazil 🎬', NULL)";

/// A key pair in a folder of its own, made by the tool.
struct Key {
    folder: tempfile::TempDir,
    recipient: String,
}

impl Key {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let made = keys(project.path(), "", &["new", file.to_str().unwrap(), "--json"]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let made: Value = serde_json::from_str(&made.stdout).unwrap();
        Self { folder, recipient: made["recipient"].as_str().unwrap().to_owned() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn policy(&self) -> String {
        format!("[encryption]\nrecipients = [\"{}\"]\nlocal = true\n", self.recipient)
    }
}

/// `db-keys` in a project without a server.
fn keys(project: &Path, policy: &str, args: &[&str]) -> Finished {
    let put = |name: &str, text: &str| {
        fs::write_durably(&project.join(name), text.as_bytes()).unwrap();
    };
    put("Cargo.toml", "[workspace]\n");
    put("xtask.toml", policy);
    Cmd::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("db-keys")
        .args(args.iter().copied())
        .dir(project)
        .env("XTASK_ROOT", project.to_str().unwrap())
        .env("NO_COLOR", "1")
        .env_remove(VARIABLE)
        .run(DEADLINE)
        .unwrap()
}

/// The tool in a sandbox, with a private key or without.
fn run(sandbox: &Sandbox, key: Option<&Key>, args: &[&str]) -> Finished {
    let command = sandbox.command(args).env_remove(VARIABLE);
    let command = match key {
        Some(key) => command.env(VARIABLE, key.file().to_str().unwrap()),
        None => command,
    };
    command.run(DEADLINE).unwrap()
}

#[track_caller]
fn json(finished: &Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {}", finished.stdout))
}

fn rows(sandbox: &Sandbox) -> Vec<String> {
    let mut root = sandbox.root();
    let mut all: Vec<String> =
        root.query("SELECT CONCAT_WS('|', id, title, HEX(cover)) FROM film ORDER BY id").unwrap();
    let genres: Vec<String> =
        root.query("SELECT CONCAT_WS('|', id, name) FROM genre ORDER BY id").unwrap();
    all.extend(genres);
    all
}

/// A sandbox with rows and a policy, for each server.
fn each(name: &str, test: impl Fn(&Sandbox, &Key)) {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.sql(SCHEMA);
        let key = Key::new();
        sandbox.write("xtask.toml", &key.policy());
        test(&sandbox, &key);
    }
}

#[test]
fn encrypted_backups_verify_and_restore() {
    each("keys", |sandbox, key| {
        let before = rows(sandbox);
        for (compress, ending) in [("none", ".sql.age"), ("zstd", ".sql.zst.age")] {
            let plan = run(sandbox, Some(key), &["db-backup", "--dry-run"]);
            assert!(plan.stdout.contains("encrypted    for "), "{}", plan.stdout);
            let made =
                json(&run(sandbox, Some(key), &["db-backup", "--compress", compress, "--json"]));
            let label = made["label"].as_str().unwrap();
            let file = made["file"].as_str().unwrap();
            assert!(file.ends_with(ending), "{file}");
            let stored = fs::read_bytes(Path::new(file)).unwrap();
            assert!(stored.starts_with(b"age-encryption.org/v1"));
            let manifest: Value = serde_json::from_str(
                &fs::read_text(&sandbox.backups().join(format!("{label}.json"))).unwrap(),
            )
            .unwrap();
            assert_eq!(manifest["encryption"]["tested"], true, "{manifest}");
            for level in ["file", "restore"] {
                let verified = json(&run(
                    sandbox,
                    Some(key),
                    &["db-verify", label, "--level", level, "--json"],
                ));
                assert_eq!(verified["passed"], true, "{verified}");
                let index = verified["checks"].as_array().unwrap().iter();
                let mut index = index.filter(|check| check["name"] == "section index");
                assert!(index.all(|check| check["outcome"] == "passed"), "{verified}");
            }
            sandbox.sql("DELETE FROM film WHERE id = 1; UPDATE genre SET name = 'x'");
            let args = ["db-restore", label, "--yes", "--table", "genre"];
            let restored = run(sandbox, Some(key), &args);
            assert_eq!(restored.code, Some(0), "{}", restored.stderr);
            assert_eq!(rows(sandbox), [&before[1..2], &before[2..]].concat());
            let restored = run(sandbox, Some(key), &["db-restore", label, "--yes", "--drop-old"]);
            assert_eq!(restored.code, Some(0), "{}", restored.stderr);
            assert_eq!(rows(sandbox), before);
        }
        let checked = json(&run(sandbox, Some(key), &["db-keys", "check", "--json"]));
        let local = checked["checks"].as_array().unwrap().iter();
        let local: Vec<&Value> = local.filter(|check| check["name"] == "local backups").collect();
        assert_eq!(local[0]["outcome"], "passed", "{checked}");
        let doctor = run(sandbox, Some(key), &["doctor"]);
        assert!(
            doctor
                .stdout
                .contains("encrypt and decrypt: a sample text was encrypted and decrypted"),
            "{}",
            doctor.stdout
        );
    });
}

#[test]
fn a_machine_without_the_key_makes_backups_and_reads_none() {
    each("nokey", |sandbox, key| {
        let made = run(sandbox, None, &["db-backup"]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        assert!(made.stderr.contains("was not tested"), "{}", made.stderr);
        let before = rows(sandbox);
        for args in [
            &["db-verify", "latest", "--level", "file"][..],
            &["db-verify", "latest", "--level", "restore"],
            &["db-restore", "latest", "--yes"],
        ] {
            demand_stop(&run(sandbox, None, args), 10, &["is encrypted for", VARIABLE]);
        }
        let stranger = Key::new();
        // Nor is it booked as damaged: the proof with the right key would count for nothing.
        for level in ["file", "restore"] {
            let wrong = run(sandbox, Some(&stranger), &["db-verify", "latest", "--level", level]);
            demand_stop(&wrong, 10, &["is encrypted for", "private key of one of its recipients"]);
        }
        let ledger = fs::read_text(&sandbox.backups().join("ledger.jsonl")).unwrap();
        assert!(!ledger.contains("\"event\":\"verify\""), "{ledger}");
        let checked = run(sandbox, Some(&stranger), &["db-keys", "check"]);
        assert_eq!(checked.code, Some(10), "{}", checked.stderr);
        assert!(checked.stdout.contains("FAILED   local backups"), "{}", checked.stdout);
        assert_eq!(rows(sandbox), before);

        // A key that does not fit ends a backup before it begins.
        let files = fs::names(&sandbox.backups()).unwrap();
        let refused = run(sandbox, Some(&stranger), &["db-backup"]);
        demand_stop(&refused, 10, &["cannot decrypt what is encrypted", &key.recipient]);
        assert_eq!(fs::names(&sandbox.backups()).unwrap(), files);

        // With it, what was made without it is proven.
        let verified = run(sandbox, Some(key), &["db-verify", "latest", "--level", "restore"]);
        assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    });
}

#[test]
fn a_file_that_was_altered_is_not_restored() {
    each("altered", |sandbox, key| {
        let made = json(&run(sandbox, Some(key), &["db-backup", "--compress", "zstd", "--json"]));
        let path = PathBuf::from(made["file"].as_str().unwrap());
        let whole = fs::read_bytes(&path).unwrap();
        let before = rows(sandbox);
        // In the header, in the text, and in the last block's own check.
        for at in [60, whole.len() / 2, whole.len() - 1] {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write_durably(&path, &altered).unwrap();
            let verified = run(sandbox, Some(key), &["db-verify", "latest", "--level", "file"]);
            assert_eq!(verified.code, Some(21), "byte {at}: {}", verified.stderr);
            assert!(verified.stdout.contains("encrypt"), "byte {at}: {}", verified.stdout);
            let restored = run(sandbox, Some(key), &["db-restore", "latest", "--yes"]);
            demand_stop(&restored, 40, &[]);
            assert_eq!(rows(sandbox), before);
        }
    });
}

#[test]
fn a_migration_is_proven_by_an_encrypted_backup() {
    let key = Key::new();
    let checkout = five::with_policy(&format!("{}[gate]\nlock_wait_s = 1\n", key.policy()));
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "sealed") else { continue };
        let migrate = |key: Option<&Key>| {
            let command = world.sandbox.in_checkout(checkout.path(), &["migrate"]);
            let command = command.env_remove(VARIABLE);
            match key {
                Some(key) => command.env(VARIABLE, key.file().to_str().unwrap()),
                None => command,
            }
            .run(DEADLINE)
            .unwrap()
        };
        let before = world.live();
        demand_stop(&migrate(None), 10, &["names no private key", "could not be proven"]);
        world.demand_live(&before, "a migration without the key");
        let dumps =
            |names: Vec<String>| names.into_iter().filter(|name| name.contains(".sql")).collect();
        let files: Vec<String> = dumps(fs::names(&world.sandbox.backups()).unwrap());
        assert_eq!(files, Vec::<String>::new());
        let done = migrate(Some(&key));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        world.demand_migrated();
        let files: Vec<String> = dumps(fs::names(&world.sandbox.backups()).unwrap());
        assert!(files.len() == 1 && files[0].ends_with(".sql.age"), "{files:?}");
    }
}

#[test]
fn a_push_is_proven_by_an_encrypted_backup() {
    each("pushed", |sandbox, key| {
        let env = fs::read_text(&sandbox.path().join(".env")).unwrap();
        sandbox.write(".env", &format!("{env}{VARIABLE}='{}'\n", key.file().display()));
        let repository = Repository::new(sandbox.path());
        let installed = repository.xtask(&["hooks", "install", "--json"]);
        assert_eq!(installed.code, Some(0), "{}", installed.stderr);
        repository.migration("20260102000000_second");
        let pushed = repository.try_git(&["push", "origin", "main"]);
        assert!(pushed.ok(), "{}", pushed.stderr);
        assert!(pushed.stderr.contains("is proven"), "{}", pushed.stderr);
        let names = fs::names(&sandbox.backups()).unwrap();
        assert!(names.iter().any(|name| name.ends_with(".sql.age")), "{names:?}");
    });
}

/// Whether the program is there; in CI it has to be.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn age_is_there() -> bool {
    let there = find("age").is_some() && find("age-keygen").is_some();
    assert!(there || !env::is_ci(), "CI runs need the programs age and age-keygen");
    if !there {
        eprintln!("SKIPPED: a test with the program age, which is not installed (apt: age)");
    }
    there
}

#[test]
fn the_program_age_opens_our_files_and_we_open_its() {
    if !age_is_there() {
        return;
    }
    let system = |program: &str, args: &[&str]| {
        Cmd::new(program).args(args.iter().copied()).read(DEADLINE).unwrap()
    };
    each("byage", |sandbox, key| {
        let before = rows(sandbox);
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let made = json(&run(sandbox, Some(key), &["db-backup", "--compress", "zstd", "--json"]));
        let key_file = key.file().to_str().unwrap().to_owned();
        let file = made["file"].as_str().unwrap();
        system("age", &["-d", "-i", &key_file, "-o", &at("x.sql.zst"), file]);
        let text = zstd_of(&at("x.sql.zst"));
        assert!(text.contains("CREATE TABLE `film`") && text.contains("Brazil 🎬"));

        // And the other way round, with a key of its own, by a name that says nothing.
        system("age-keygen", &["-o", &at("theirs")]);
        let theirs = system("age-keygen", &["-y", &at("theirs")]);
        fs::write_durably(Path::new(&at("plain.sql")), text.as_bytes()).unwrap();
        system("age", &["-r", theirs.trim(), "-o", &at("by-hand.sql.age"), &at("plain.sql")]);
        sandbox.sql("DELETE FROM film");
        let restored = sandbox
            .command(&["db-restore", &at("by-hand.sql.age"), "--yes"])
            .env(VARIABLE, at("theirs"))
            // The safety backup in front of it is for the policy's key, which is not at hand.
            .run(DEADLINE)
            .unwrap();
        demand_stop(&restored, 10, &["cannot decrypt what is encrypted"]);
        sandbox.write("xtask.toml", "");
        let restored = sandbox
            .command(&["db-restore", &at("by-hand.sql.age"), "--yes"])
            .env(VARIABLE, at("theirs"))
            .run(DEADLINE)
            .unwrap();
        assert_eq!(restored.code, Some(0), "{}", restored.stderr);
        assert_eq!(rows(sandbox), before);
    });
}

fn zstd_of(path: &str) -> String {
    Cmd::new("zstd").args(["-dcq", path]).read(DEADLINE).unwrap()
}

#[test]
fn a_key_is_made_once_and_never_where_it_would_be_committed() {
    let project = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let root = project.path();
    let new = |policy: &str, path: &Path| keys(root, policy, &["new", path.to_str().unwrap()]);
    let file = elsewhere.path().join("backup.key");
    let made = new("", &file);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let text = fs::read_text(&file).unwrap();
    let public = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    assert!(made.stdout.contains(&format!("recipients = [\"{public}\"]")), "{}", made.stdout);
    assert!(made.stdout.contains(&format!("{VARIABLE}='")), "{}", made.stdout);
    let secret = text.lines().last().unwrap();
    assert!(!made.stdout.contains(secret) && !made.stderr.contains(secret));
    assert_eq!(sys::disk::mode(&file).unwrap_or(0o600), 0o600);

    demand_stop(&new("", &file), 10, &["exists already"]);
    assert_eq!(fs::read_text(&file).unwrap(), text);
    demand_stop(&new("", &root.join("key")), 10, &["in the workspace"]);
    let beside = elsewhere.path().join("repo/deep");
    fs::create_private_dir(&elsewhere.path().join("repo/.git")).unwrap();
    fs::create_private_dir(&beside).unwrap();
    demand_stop(&new("", &beside.join("key")), 10, &["in the git repository"]);
    demand_stop(&new("", &elsewhere.path().join("none/key")), 10, &["there is no folder"]);
    #[cfg(unix)]
    {
        let link = elsewhere.path().join("link");
        std::os::unix::fs::symlink(root, &link).unwrap();
        demand_stop(&new("", &link.join("key")), 10, &["in the workspace"]);
    }
    assert!(!root.join("key").exists() && !beside.join("key").exists());

    // The next key is added to those that are there.
    let policy = format!("[encryption]\nrecipients = [\"{public}\"]\n");
    let second = new(&policy, &elsewhere.path().join("second.key"));
    assert!(second.stdout.contains(&format!("[\"{public}\", \"age1")), "{}", second.stdout);
    assert_eq!(keys(root, &policy, &["check"]).code, Some(0));
    let bad = keys(root, "[encryption]\nrecipients = [\"age1x\"]\n", &["check"]);
    assert_eq!(bad.code, Some(10), "{}", bad.stderr);
    assert!(bad.stdout.contains("FAILED") && bad.stdout.contains("recipient 1"), "{}", bad.stdout);
}
