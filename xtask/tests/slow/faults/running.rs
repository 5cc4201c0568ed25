//! A run of the tool that a test lets wait, signals or kills.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use sys::proc::{self, Cmd, Finished};
use sys::{clock, fs};

use super::world::{World, system, until};

const DEADLINE: Duration = Duration::from_secs(120);

/// A run that goes on.
#[derive(Debug)]
pub struct Running {
    /// Its process id.
    pub pid: u32,
    thread: JoinHandle<Finished>,
}

impl Running {
    /// Starts the tool and waits until it holds the lock of the backups folder.
    pub fn start(world: &World, args: &[&str]) -> Self {
        Self::start_in(world.sandbox.command(args), &world.sandbox.backups())
    }

    /// As [`Running::start`], for a command and a folder of one's own.
    pub fn start_in(command: Cmd, folder: &Path) -> Self {
        let lock = folder.join(".lock");
        // One that was killed leaves its name in the file.
        let before = holder(&lock);
        let thread = std::thread::spawn(move || command.run(DEADLINE).unwrap());
        let found = clock::poll(DEADLINE, || {
            assert!(!thread.is_finished(), "it ended before it was to wait");
            let pid = holder(&lock).filter(|pid| Some(*pid) != before && proc::alive(*pid));
            Ok::<_, ()>(pid)
        });
        Self { pid: found.unwrap().unwrap(), thread }
    }

    /// Sends a signal to it alone, as `kill` does and a terminal does not.
    pub fn signal(&self, name: &str) {
        system("kill", &[&format!("-{name}"), &self.pid.to_string()]);
    }

    /// Waits for its end.
    pub fn join(self) -> Finished {
        self.thread.join().unwrap()
    }
}

fn holder(lock: &Path) -> Option<u32> {
    let text = fs::read_text(lock).ok()?;
    let holder: serde_json::Value = serde_json::from_str(&text).ok()?;
    u32::try_from(holder["process_id"].as_u64()?).ok()
}

/// Every process of this machine with its parent's id.
pub fn processes() -> Vec<(u32, u32)> {
    let folders = fs::names(Path::new("/proc")).unwrap();
    let pids = folders.iter().filter_map(|name| name.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_text(&PathBuf::from(format!("/proc/{pid}/stat"))).ok()?;
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

/// Kills the program that dumps this world's schema, and no other.
pub fn kill_dump(world: &World, run: &Running) {
    let Some(container) = &world.server.container else {
        let children = processes();
        let child = children.iter().find(|(_, parent)| *parent == run.pid).unwrap();
        system("kill", &["-KILL", &child.0.to_string()]);
        return;
    };
    // The schema is the last argument; the image has no pkill.
    let script = format!(
        "for p in /proc/[0-9]*; do line=$(tr '\\0' ' ' < $p/cmdline 2>/dev/null); \
         case $line in mysqldump*' {} ') kill -9 ${{p#/proc/}} && echo killed;; esac; done",
        world.sandbox.schema
    );
    until("the dump program in the container is killed", || {
        system("docker", &["exec", "--user", "0", container, "bash", "-c", &script])
            .contains("killed")
    });
}
