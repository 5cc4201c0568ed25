//! One run at a time: `flock` on `backups/.lock`.
//!
//! The operating system takes the lock away when its process ends, however it
//! ends, so there are no stale locks. What the file holds is only for the message.

use std::fs::{File, TryLockError};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Local, Utc};
use serde::{Deserialize, Serialize};

use super::{Store, names};
use model::exit::{ExitCode, Stop};
use sys::{clock, fs, signal};

#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    command: String,
    process_id: u32,
    since_utc: DateTime<Utc>,
}

/// The right to change the folder; given back when dropped.
#[derive(Debug)]
pub struct StoreLock {
    file: File,
    dir: PathBuf,
}

impl StoreLock {
    /// The folder it is for.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn sign(&mut self) -> Result<()> {
        let holder = Holder {
            // The first word only: later ones can name files.
            command: std::env::args().nth(1).unwrap_or_else(|| "xtask".to_owned()),
            process_id: std::process::id(),
            since_utc: clock::now(),
        };
        let text = serde_json::to_vec(&holder).context("describe the holder of the lock")?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&text)?;
        Ok(())
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        // Emptied while it is still ours; closing the file gives the lock back.
        self.file.set_len(0).ok();
        self.file.unlock().ok();
    }
}

/// How long a run usually waits for another one to end.
const USUAL_WAIT: Duration = Duration::from_secs(5);

impl Store {
    /// Takes the lock. Commands do not call it: they get it as a part of a run's `Held`.
    ///
    /// # Errors
    /// Another run holds it ([`ExitCode::Locked`]), or the file cannot be locked.
    pub fn lock(&self) -> Result<StoreLock> {
        self.lock_within(USUAL_WAIT)
    }

    /// As [`Store::lock`], waiting at most as long as given.
    ///
    /// # Errors
    /// As [`Store::lock`].
    pub fn lock_within(&self, wait: Duration) -> Result<StoreLock> {
        let path = self.path(names::LOCK);
        let Some(file) = clock::poll(wait, || try_take(&path))? else {
            signal::check()?;
            return Err(held(&path).into());
        };
        let mut lock = StoreLock { file, dir: self.dir.clone() };
        // Not reason enough to fail: the disk can be full, and a run that frees
        // space needs the lock too.
        lock.sign().ok();
        Ok(lock)
    }
}

/// The right to send copies; given back when dropped.
#[derive(Debug)]
pub struct CopyLock(#[expect(dead_code, reason = "the lock is the open file")] File);

impl Store {
    /// Takes the lock for sending copies, which may take hours and must not block backups.
    ///
    /// # Errors
    /// Another run holds it ([`ExitCode::Locked`]), or the file cannot be locked.
    pub fn lock_copies(&self) -> Result<CopyLock> {
        self.lock_copies_within(USUAL_WAIT)
    }

    /// As [`Store::lock_copies`], waiting at most as long as given.
    ///
    /// # Errors
    /// As [`Store::lock_copies`].
    pub fn lock_copies_within(&self, wait: Duration) -> Result<CopyLock> {
        let path = self.path(names::COPY_LOCK);
        let Some(file) = clock::poll(wait, || try_take(&path))? else {
            signal::check()?;
            return Err(Stop::new(ExitCode::Locked, "another run is sending copies")
                .hint("Wait until it ends, then try again.")
                .into());
        };
        Ok(CopyLock(file))
    }
}

fn read_only(path: &Path) -> Stop {
    let folder = path.parent().unwrap_or(path).display();
    Stop::new(ExitCode::Configuration, format!("the backups folder {folder} is read-only"))
        .hint("Its backups can be listed, verified and restored as they are.")
        .hint("For anything else name another folder: `--backups DIR`, or DB_BACKUPS in .env.")
}

fn try_take(path: &Path) -> Result<Option<File>> {
    let file = match fs::open_private(path) {
        Err(error) if fs::is_denied(&error) => return Err(error.context(read_only(path))),
        file => file?,
    };
    match file.try_lock() {
        // If the file was deleted meanwhile, the next run would lock another one.
        Ok(()) => Ok(is_still_there(&file, path).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("lock {}", path.display()))
        }
    }
}

#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |facts: std::fs::Metadata| (facts.dev(), facts.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(named)) => id(ours) == id(named),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still_there(_file: &File, _path: &Path) -> bool {
    // On Windows the name of a deleted file stays taken while it is open.
    true
}

fn held(path: &Path) -> Stop {
    // Windows does not let a locked file be read: then the message has less detail.
    let holder = std::fs::read(path).ok().and_then(|t| serde_json::from_slice::<Holder>(&t).ok());
    let message = match holder {
        Some(holder) => {
            let since = holder.since_utc.with_timezone(&Local);
            let today = clock::now().with_timezone(&Local).date_naive() == since.date_naive();
            format!(
                "another run holds the lock: `{}` with process id {} since {}",
                holder.command,
                holder.process_id,
                since.format(if today { "%H:%M" } else { "%Y-%m-%d %H:%M" })
            )
        }
        None => "another run holds the lock".to_owned(),
    };
    Stop::new(ExitCode::Locked, message)
        .hint("Wait until that run ends, then try again.")
        .hint("The lock ends with its process; there is no stale lock to remove.")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{child, child_dir, scratch, stop_of};
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn only_one_holds_it() {
        let (_dir, store) = scratch();
        let lock = store.lock_within(NOW).unwrap();
        let stop = stop_of(store.lock_within(NOW));
        assert_eq!(stop.code, ExitCode::Locked);
        assert!(stop.message.contains(&format!("process id {}", std::process::id())), "{stop}");
        drop(lock);
        store.lock_within(NOW).unwrap();
    }

    #[test]
    fn it_is_waited_for() {
        let (_dir, store) = scratch();
        let lock = store.lock_within(NOW).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| store.lock_within(Duration::from_secs(30)).is_ok());
            assert!(clock::poll(Duration::from_millis(100), || Ok::<_, ()>(None::<()>)).is_ok());
            drop(lock);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn another_process_is_refused_and_a_dead_one_leaves_nothing() {
        let (dir, store) = scratch();
        // The child takes the lock and aborts with it.
        let ended = child("lock::tests::child_takes_it", dir.path(), "kill:backup.created");
        assert!(!ended.ok());
        assert_eq!(std::fs::read(store.path(names::LOCK)).unwrap().first(), Some(&b'{'));
        let lock = store.lock_within(NOW).unwrap();
        let ended = child("lock::tests::child_takes_it", dir.path(), "none:");
        assert!(ended.stdout.contains("another run holds the lock"), "{ended:?}");
        drop(lock);
    }

    #[test]
    fn child_takes_it() {
        let Some(dir) = child_dir() else { return };
        let store = Store::open(&dir).unwrap();
        let _lock = store.lock_within(NOW).unwrap();
        sys::fault::point("backup.created").unwrap();
    }

    #[test]
    fn a_deleted_lock_file_is_not_a_second_lock() {
        let (_dir, store) = scratch();
        let path = store.path(names::LOCK);
        let file = fs::open_private(&path).unwrap();
        fs::remove_if_exists(&path).unwrap();
        assert!(cfg!(not(unix)) || !is_still_there(&file, &path));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, store) = scratch();
        let _lock = store.lock_within(NOW).unwrap();
        let facts = std::fs::metadata(store.path(names::LOCK)).unwrap();
        assert_eq!(facts.permissions().mode() & 0o777, 0o600);
    }
}
