//! The backups folder: the only room that writes there.
//!
//! [`Store::begin`] and [`commit::Pending::finish`] make a backup exist,
//! [`Store::list`] says which do, [`Store::resolve`] finds the one that the user
//! means, [`check`] reads one back, and [`ledger`] keeps what was proven. Whatever
//! changes the folder takes a [`StoreLock`], which only one run holds at a time.

mod believed;
mod clean;
mod elsewhere;
mod folders;
mod names;
mod said;
mod seal;
#[cfg(test)]
mod sealed_tests;
mod spool;
#[cfg(test)]
mod testing;

pub mod age;
mod ahead;
pub mod catalogue;
pub mod check;
pub mod codec;
pub mod commit;
pub mod gate;
mod handover;
pub mod hints;
pub mod journal;
pub mod latest;
pub mod ledger;
pub mod lock;
pub mod provenance;
pub mod prune;
pub mod remote;
pub mod signing;
pub mod source;
pub mod space;
mod suspect;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use chrono::NaiveDateTime;

use config::Settings;
use config::loss::LossPolicy;
use model::label::Label;
use sys::fs;

pub use age::KeyFile;
pub use catalogue::{Backup, State};
pub use commit::{FileFacts, Pending, is_disk_full};
pub use lock::{CopyLock, StoreLock};
pub use provenance::Provenance;
pub use signing::Keyring;
pub use source::{Origin, Source};

#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
    key: KeyFile,
    keyring: Keyring,
    loss: LossPolicy,
}

impl Store {
    /// Opens the folder, and creates it when it is missing. It is made private
    /// (0700), unless it holds things that have nothing to do with backups: then
    /// it is someone's folder (`--out ~`), and only our files in it are private.
    pub fn open(dir: &Path) -> Result<Self> {
        let missing: Vec<&Path> = dir.ancestors().take_while(|folder| !folder.is_dir()).collect();
        fs::create_private_dir(dir)?;
        // A synced file in a folder whose own name is lost is lost, too.
        for parent in missing.iter().filter_map(|folder| folder.parent()) {
            fs::sync_dir(parent)?;
        }
        let shared = fs::names(dir)?.iter().any(|name| {
            !name.starts_with('.')
                // Says how to restore by hand; it lies beside the backups in every checkout.
                && name != "README.md"
                && !names::is_own(name)
                && !names::is_dump(name)
                && names::split_label(name).is_none()
        });
        if !shared && !is_private(dir) {
            match fs::make_private_dir(dir) {
                // It can be read all the same.
                Err(error) if fs::is_denied(&error) => {}
                other => other?,
            }
        }
        let (key, keyring) = (KeyFile::default(), Keyring::default());
        Ok(Self { dir: dir.to_owned(), key, keyring, loss: LossPolicy::default() })
    }

    /// The same folder, with the private key that its encrypted files are read with.
    #[must_use]
    pub fn with_key(self, key: KeyFile) -> Self {
        Self { key, ..self }
    }

    /// The folder of these settings, with its keys.
    pub fn of(settings: &Settings) -> Result<Self> {
        let keyring = Keyring::of(settings);
        keyring.own()?;
        let store = Self::open(&settings.backups)?.with_key(KeyFile::of(settings));
        Ok(Self { loss: settings.policy.loss.clone(), ..store.with_keyring(keyring) })
    }

    /// The same folder, with the keys that sign and are trusted.
    #[must_use]
    pub fn with_keyring(self, keyring: Keyring) -> Self {
        Self { keyring, ..self }
    }

    /// The keys that sign and are trusted here.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The label for a backup made now: one that was never used here, and later than all that
    /// no wrong clock gave. Files of any ending count, and so do backups that only the ledger
    /// still knows, so that a name never comes to mean something else.
    pub fn next_label(&self, schema: &str, now_local: NaiveDateTime) -> Result<Label> {
        let names = fs::names(&self.dir)?;
        let files = names.iter().filter_map(|name| names::split_label(name)).map(|(l, _)| l);
        let used = files
            .chain(self.labels_in_ledger()?)
            // Two schemas that differ in case only share their names on some disks.
            .filter(|label| label.schema().eq_ignore_ascii_case(schema))
            .map(|label| label.time())
            .collect();
        Ok(Label::next(schema, now_local, &used))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether nothing can be written here: a read-only file system, or another user's folder.
    ///
    /// # Errors
    /// It cannot be found out.
    pub fn is_read_only(&self) -> Result<bool> {
        match fs::open_private(&self.path(names::LOCK)) {
            Ok(_) => Ok(false),
            Err(error) if fs::is_denied(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// A lock on another folder protects nothing here.
    fn demand(&self, lock: &StoreLock) -> Result<()> {
        ensure!(lock.dir() == self.dir, "the lock belongs to {}", lock.dir().display());
        Ok(())
    }
}

#[cfg(unix)]
fn is_private(dir: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(dir).is_ok_and(|facts| facts.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_dir: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::testing::{at, put, scratch};
    use super::*;

    #[test]
    fn labels_are_later_than_every_file() {
        let (_dir, store) = scratch();
        let now = at("20261122_101112");
        let next = || store.next_label("mydb", now).unwrap().to_string();
        assert_eq!(next(), "mydb_backup_20261122_101112");
        for (name, expected) in [
            ("mydb_backup_20261122_101112.sql.partial", "mydb_backup_20261122_101113"),
            ("mydb_backup_20261122_101113_copy.sql.gz", "mydb_backup_20261122_101114"),
            ("mydb_backup_20261122_101114.json", "mydb_backup_20261122_101115"),
            ("other_backup_20271122_101114.json", "mydb_backup_20261122_101115"),
            ("MyDb_backup_20261122_110000.sql.zst", "mydb_backup_20261122_110001"),
            ("mydb_backup_20300101_100000.sql.zst", "mydb_backup_20261122_110001"),
        ] {
            put(&store.path(name), b"");
            assert_eq!(next(), expected, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_private_unless_it_is_somebodys() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |dir: &Path| std::fs::metadata(dir).unwrap().permissions().mode() & 0o777;
        let loosen = |dir: &Path| {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let (dir, _) = scratch();
        let made = dir.path().join("a/b/");
        Store::open(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
        loosen(&made);
        put(&made.join("mydb_backup_20261122_101112.sql"), b"");
        Store::open(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
        loosen(&made);
        put(&made.join("holiday.jpg"), b"");
        Store::open(&made).unwrap();
        assert_eq!(mode(&made), 0o755);
    }
}
