//! The copy of the program that runs when the checkout does not compile: a build that has
//! done its work takes its place, and nothing else does.

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sys::fs;
use sys::proc::Finished;

use crate::support::{Sandbox, Server, require};

const OLDER: &[u8] = b"an older build";

/// Puts an older build there, made long ago.
fn put_older(sandbox: &Sandbox) -> PathBuf {
    let kept = sandbox.path().join(".local/bin/xtask");
    fs::create_private_dir(kept.parent().unwrap()).unwrap();
    fs::remove_if_exists(&kept).unwrap();
    fs::write_durably(&kept, OLDER).unwrap();
    made_at(&kept, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    kept
}

fn made_at(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
}

#[track_caller]
fn demand_older(kept: &Path, what: &str) {
    assert!(fs::read_bytes(kept).unwrap() == OLDER, "{what} renewed the copy");
}

#[track_caller]
fn done(finished: Finished) -> Finished {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished
}

#[test]
fn only_a_build_that_did_its_work_is_kept() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "kept");
    sandbox.sql("CREATE TABLE t (id INT PRIMARY KEY)");
    let local = sandbox.path().join(".local/bin");
    done(sandbox.xtask(&["db-backup"]));
    assert!(!local.exists(), "a backup makes no first copy");
    let kept = put_older(&sandbox);
    // What fails proves nothing, and what only looks does not either.
    let failed = sandbox.command(&["db-backup"]).env("DB_HOST", "127.0.0.1").env("DB_PORT", "9");
    assert_eq!(failed.run(Duration::from_secs(60)).unwrap().code, Some(11));
    demand_older(&kept, "a backup that failed");
    done(sandbox.xtask(&["db-list"]));
    done(sandbox.xtask(&["db-backup", "--dry-run"]));
    demand_older(&kept, "a look");
    done(sandbox.xtask(&["db-backup"]));
    let this = fs::read_bytes(Path::new(env!("CARGO_BIN_EXE_xtask"))).unwrap();
    assert!(fs::read_bytes(&kept).unwrap() == this, "a good build is kept");
    // It needs neither cargo nor a folder where things are built.
    let listed = sandbox.command_by(&kept, sandbox.path(), &["db-list", "--json"]);
    let listed = listed.env("CARGO", "/nowhere");
    let listed = done(listed.run(Duration::from_secs(60)).unwrap());
    assert!(listed.stdout.contains("_backup_"), "{}", listed.stdout);
    // An older build that runs does not take a newer one's place.
    fs::remove_if_exists(&kept).unwrap();
    fs::write_durably(&kept, OLDER).unwrap();
    done(sandbox.xtask(&["db-backup"]));
    demand_older(&kept, "an older build");
}
