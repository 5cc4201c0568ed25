//! What tests need that build the API, or start a database of their own.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use sys::fs;
use sys::proc::Cmd;

use super::TestServer;

/// The one file of the tests that docs/tour.md uses.
const SHOWN: &str = "xtask/tests/slow/field/foreign/phpmyadmin.sql";

/// Copies this checkout's files, without anything that a run left in it.
pub fn copy_checkout(to: &Path) {
    copy_files(to, &|_| true);
}

/// Copies the files of this checkout that are wanted; the folders of all.
pub fn copy_files(to: &Path, wanted: &dyn Fn(&str) -> bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let list = Cmd::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .dir(root)
        .read(Duration::from_secs(30))
        .unwrap();
    let tests = |name: &&str| name.starts_with("xtask/tests/") && *name != SHOWN;
    for name in list.lines().filter(|name| !tests(name)) {
        let (from, to) = (root.join(name), to.join(name));
        fs::create_private_dir(to.parent().unwrap()).unwrap();
        if wanted(name) {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Where this run's programs are built: what was compiled serves the copies, too.
pub fn target_dir() -> PathBuf {
    // The binary is at <target>/<profile>/xtask.
    Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).unwrap().to_owned()
}

/// All copies give the API the same name in one folder, and one with other migrations
/// must not get there between another's build and its use.
static TURN: Mutex<(Checkout, usize)> = Mutex::new((Checkout::Own, 0));
static OVER: Condvar = Condvar::new();

/// Which copy the API is built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkout {
    /// One of the test's own.
    Own,
    Five,
    Shape,
}

/// Held by whoever uses an API; those who share a copy hold it together.
#[derive(Debug)]
pub struct Turn(());

impl Turn {
    pub fn of(copy: Checkout) -> Self {
        let mut turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        while turn.1 > 0 && (turn.0 != copy || copy == Checkout::Own) {
            turn = OVER.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        *turn = (copy, turn.1 + 1);
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURN.lock().unwrap_or_else(PoisonError::into_inner).1 -= 1;
        OVER.notify_all();
    }
}

/// To be held by whoever builds the API from a copy of its own.
pub fn alone() -> Turn {
    Turn::of(Checkout::Own)
}

/// To be held by those who share the copy with the five statements.
pub fn together() -> Turn {
    Turn::of(Checkout::Five)
}

/// Removes a compose project's containers, volume and network, whatever happened.
#[derive(Debug)]
pub struct Removed(pub String);

impl Drop for Removed {
    fn drop(&mut self) {
        let docker = |args: &[&str]| {
            Cmd::new("docker").args(args.iter().copied()).run(Duration::from_secs(120))
        };
        docker(&["rm", "--force", "--volumes", &self.0]).ok();
        // Compose hands a nameless volume on when it makes a container again, and then
        // it does not go with that container.
        let api = format!("{}-api-1", self.0);
        let mounts = docker(&["inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", &api]);
        docker(&["rm", "--force", "--volumes", &api]).ok();
        for volume in mounts.iter().flat_map(|list| list.stdout.split_whitespace()) {
            docker(&["volume", "rm", volume]).ok();
        }
        let tags = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", &self.0]);
        for image in tags.iter().flat_map(|list| list.stdout.lines()) {
            docker(&["image", "rm", image]).ok();
        }
        docker(&["volume", "rm", "--force", &format!("{}_mysql-data", self.0)]).ok();
        docker(&["network", "rm", &format!("{}_default", self.0)]).ok();
    }
}

/// The image that a server's container runs.
pub fn image_of(server: &TestServer) -> String {
    let container = server.container.as_deref().unwrap();
    let image = Cmd::new("docker").args(["inspect", "--format", "{{.Config.Image}}", container]);
    image.read(Duration::from_secs(30)).unwrap().trim().to_owned()
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
