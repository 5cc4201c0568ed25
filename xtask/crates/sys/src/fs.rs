//! The one place that writes files: durable, private, all or nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::clock;

/// Ending of a file that is still being written; no reader accepts it.
pub const PARTIAL: &str = ".partial";

/// Creates a folder (and its parents) that only this user can enter (0700).
pub fn create_private_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path).with_context(|| format!("create the folder {}", path.display()))
}

/// Tightens an existing folder to 0700; nothing to do on Windows, where the
/// folder inherits the profile's access list.
pub fn make_private_dir(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .with_context(|| format!("make {} private", path.display()))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Whether an error says that the place cannot be written.
pub fn is_denied(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    kinds
        .map(std::io::Error::kind)
        .any(|kind| matches!(kind, PermissionDenied | ReadOnlyFilesystem))
}

/// Creates a new file that only this user can read and write (0600); fails when it exists.
pub fn create_private(path: &Path) -> Result<File> {
    private_options()
        .write(true)
        .create_new(true)
        .open(path)
        .with_context(|| format!("create {}", path.display()))
}

/// Opens a private file for reading and writing and creates it when missing; for locks.
pub fn open_private(path: &Path) -> Result<File> {
    private_options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(|| format!("open {}", path.display()))
}

/// Locks a private file, which is created when missing, for as long as what it gives is open: the
/// system gives the lock back when the process ends, however it ends. `None`: another process
/// still has it after `deadline`.
pub fn lock_private(path: &Path, deadline: Duration) -> Result<Option<File>> {
    let file = open_private(path)?;
    let got = clock::poll(deadline, || match file.try_lock() {
        Ok(()) => Ok(Some(())),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    });
    let got = got.with_context(|| format!("lock {}", path.display()))?;
    Ok(got.map(|()| file))
}

/// Opens a private file for appending and creates it when missing.
pub fn append_private(path: &Path) -> Result<File> {
    private_options()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("open {}", path.display()))
}

fn private_options() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// `path` with `.partial` added.
pub fn partial_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(PARTIAL);
    path.with_file_name(name)
}

/// Writes a whole private file durably: `.partial`, fsync, rename, fsync of the folder.
/// An older file of that name is replaced in one step.
///
/// # Errors
/// Any step fails; the older file is then still there.
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = partial_of(path);
    remove_if_exists(&partial)?;
    let file = create_private(&partial)?;
    fill_and_rename(file, &partial, path, bytes)
}

/// Creates a whole private file durably, unless one of that name is there: then it stays,
/// and the answer is `false`. Of two runs that do this at once, one wins.
pub fn create_durably(path: &Path, bytes: &[u8]) -> Result<bool> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}{PARTIAL}", std::process::id()));
    let partial = path.with_file_name(name);
    remove_if_exists(&partial)?;
    let mut file = create_private(&partial)?;
    let made = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| {
        // A link never replaces what is there; a rename would.
        match fs::hard_link(&partial, path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            other => other.map(|()| true),
        }
    });
    drop(file);
    remove_if_exists(&partial)?;
    let made = made.with_context(|| format!("write {}", path.display()))?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))?;
    Ok(made)
}

fn fill_and_rename(mut file: File, partial: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        remove_if_exists(partial).ok();
        return Err(error).with_context(|| format!("write {}", partial.display()));
    }
    drop(file);
    rename_durably(partial, path)
}

/// Writes a file that everybody may read: generated pages, nothing with data.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn write_shared(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}

/// Writes a file that everybody may read in one step: who reads it meanwhile gets the
/// older one or this one, whole. For programs of others, such as a textfile collector.
pub fn write_shared_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_as(path, bytes, 0o644)
}

/// The same for a program that others may run, too.
pub fn write_program(path: &Path, bytes: &[u8]) -> Result<()> {
    write_as(path, bytes, 0o755)
}

#[cfg_attr(not(unix), expect(unused_variables, reason = "there are no modes"))]
fn write_as(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let partial = partial_of(path);
    remove_if_exists(&partial)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    let file = options.open(&partial).with_context(|| format!("create {}", partial.display()))?;
    // Whatever this user's mask is: it is meant to be read.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(mode))
            .with_context(|| format!("share {}", partial.display()))?;
    }
    fill_and_rename(file, &partial, path, bytes)
}

/// Creates a folder of the system's, with its parents, as others may have it.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn create_shared_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("create the folder {}", path.display()))
}

/// Renames a file within its folder and makes the new name durable.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn rename_durably(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| format!("rename {} to {}", from.display(), to.display()))?;
    sync_dir(to.parent().unwrap_or(Path::new(".")))
}

/// Makes the names in a folder durable. Windows has no such call: there the
/// rename itself is journaled.
pub fn sync_dir(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        File::open(path)
            .and_then(|dir| dir.sync_all())
            .with_context(|| format!("sync the folder {}", path.display()))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// A path without links and detours, as far as it exists: for telling whether two paths
/// mean the same folder.
pub fn whole_path(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut missing = Vec::new();
    for folder in absolute.ancestors() {
        if let Ok(whole) = folder.canonicalize() {
            return missing.iter().rev().fold(whole, |path, name| path.join(name));
        }
        missing.extend(folder.file_name().map(std::ffi::OsStr::to_owned));
    }
    absolute
}

/// Removes a file; fine when there is none.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn remove_if_exists(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes a folder and all in it; fine when there is none.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn remove_dir_if_exists(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Reads a whole text file.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}

/// Reads a whole file that has at most so many bytes.
pub fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = fs::File::open(path).with_context(|| format!("read {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("read {}", path.display()))?;
    ensure!(bytes.len() as u64 <= most, "{} is larger than {most} bytes", path.display());
    Ok(bytes)
}

/// Whether something of that name is there, a dangling link included; fails
/// rather than says "no" when the folder cannot be searched.
pub fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("look for {}", path.display())),
    }
}

/// Cuts a file to its first `length` bytes, durably.
pub fn truncate_durably(path: &Path, length: u64) -> Result<()> {
    let cut = || -> std::io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    };
    cut().with_context(|| format!("cut {} to {length} bytes", path.display()))
}

/// Copies a program, which stays one: durably and with its permissions.
pub fn copy_program(from: &Path, to: &Path) -> Result<()> {
    let partial = partial_of(to);
    fs::copy(from, &partial)
        .and_then(|_| File::open(&partial)?.sync_all())
        .with_context(|| format!("copy {} to {}", from.display(), partial.display()))?;
    rename_durably(&partial, to)
}

/// Opens a file for reading.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("open {}", path.display()))
}

/// The names in a folder, sorted; empty when there is no folder.
pub fn names(path: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("read the folder {}", path.display()))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("read the folder {}", path.display()))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(all(test, unix))]
mod tests {
    use super::whole_path;

    #[test]
    fn a_link_and_what_it_leads_to_are_one_folder() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        super::create_private_dir(&real).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(whole_path(&link), whole_path(&real));
        assert_eq!(
            whole_path(&link.join("not there/yet")),
            whole_path(&real).join("not there/yet")
        );
    }
}
