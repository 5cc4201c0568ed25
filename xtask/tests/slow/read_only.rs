//! A backups folder that cannot be written is listed, verified and restored from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sys::fault::VARIABLE;
use sys::fs;
use sys::proc::Cmd;

use crate::faults::demand_stop;
use crate::hostile::demand;
use crate::support::{Sandbox, Server, require, skipped};

const DEADLINE: Duration = Duration::from_secs(60);

/// A folder under a read-only mount of itself, until it is dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn mount(folder: &Path) -> Option<Self> {
        let run = |args: &[&str]| {
            let mount = Cmd::new("mount").args(args.iter().copied()).arg(folder.as_os_str());
            mount.run(DEADLINE).is_ok_and(|done| done.ok())
        };
        let path = folder.to_str()?;
        if !run(&["--bind", path]) {
            return None;
        }
        let made = Self(folder.to_owned());
        run(&["-o", "remount,ro,bind"]).then_some(made)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        Cmd::new("umount").arg(self.0.as_os_str()).run(DEADLINE).ok();
    }
}

#[test]
fn what_lies_in_a_read_only_folder_comes_back() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, "read_only");
        sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY); INSERT INTO film VALUES (1), (2)");
        demand(&sandbox.xtask(&["db-backup"]), 0, "db-backup");
        let Some(mounted) = ReadOnly::mount(&sandbox.backups()) else {
            return skipped("this user may not mount a folder read-only");
        };
        demand(&sandbox.xtask(&["db-list"]), 0, "db-list");
        for level in ["file", "restore"] {
            let done = sandbox.xtask(&["db-verify", "--level", level]);
            demand(&done, 0, level);
            assert!(done.stderr.contains("is read-only"), "{}", done.stderr);
        }
        sandbox.sql("DELETE FROM film WHERE id = 2");
        let restored = sandbox.xtask(&["db-restore", "latest", "--yes"]);
        demand(&restored, 0, "db-restore");
        let rows: Option<u64> = mysql::prelude::Queryable::query_first(
            &mut sandbox.root(),
            "SELECT COUNT(*) FROM film",
        )
        .unwrap();
        assert_eq!(rows, Some(2));
        // The safety backup of that restore.
        let own = sandbox.path().join(".local/backups");
        assert!(fs::names(&own).unwrap().iter().any(|name| name.ends_with(".sql")), "{own:?}");
        demand_stop(&sandbox.xtask(&["db-backup"]), 10, &["is read-only", "--backups DIR"]);
        drop(mounted);
        demand(&sandbox.xtask(&["db-backup"]), 0, "writable again");
    }
}

/// A run on such a folder that dies in its swap is finished before anything else is done.
#[test]
fn a_killed_run_on_a_read_only_folder_is_finished_first() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, "read_only_kill");
        sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY); INSERT INTO film VALUES (1), (2)");
        demand(&sandbox.xtask(&["db-backup"]), 0, "db-backup");
        let Some(mounted) = ReadOnly::mount(&sandbox.backups()) else {
            return skipped("this user may not mount a folder read-only");
        };
        sandbox.sql("DELETE FROM film WHERE id = 2");
        let args = ["db-restore", "latest", "--yes"];
        let dead = sandbox.command(&args).env(VARIABLE, "kill:swap.renamed").run(DEADLINE).unwrap();
        assert_eq!(dead.code, None, "{}", dead.stderr);
        drop(mounted);
        demand_stop(&sandbox.xtask(&["db-backup"]), 40, &["did not finish", ".local/backups"]);
        let fix = ["--backups", ".local/backups", "doctor", "--fix"];
        let fixed = sandbox.xtask(&fix);
        assert!(fixed.stderr.contains("is finished now"), "{}{}", fixed.stdout, fixed.stderr);
        demand(&sandbox.xtask(&["db-backup"]), 0, "from then on");
    }
}
