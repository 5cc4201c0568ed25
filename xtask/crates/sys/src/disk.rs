//! What the file system says about a path: permissions, owner, free space.

use std::path::Path;

use anyhow::{Context, Result};

/// Bytes that this user can still write to the disk that holds `path`.
pub fn free_space(path: &Path) -> Result<u64> {
    fs4::available_space(path).with_context(|| format!("ask for free space at {}", path.display()))
}

/// Whether two paths are on the same disk (file system); `None` where one is missing or
/// the system does not tell.
pub fn same_disk(one: &Path, other: &Path) -> Option<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let device = |path: &Path| std::fs::metadata(path).ok().map(|facts| facts.dev());
        Some(device(one)? == device(other)?)
    }
    #[cfg(not(unix))]
    {
        // The drive's letter, or the share's name.
        let drive = |path: &Path| {
            path.canonicalize().ok()?.components().next().map(|it| it.as_os_str().to_owned())
        };
        Some(drive(one)? == drive(other)?)
    }
}

/// Bytes in a file, or in all files of a folder and its folders.
pub fn bytes_in(path: &Path) -> Result<u64> {
    let facts = std::fs::symlink_metadata(path)
        .with_context(|| format!("ask for the size of {}", path.display()))?;
    if !facts.is_dir() {
        return Ok(facts.len());
    }
    let mut bytes = 0;
    for name in super::fs::names(path)? {
        bytes += bytes_in(&path.join(name))?;
    }
    Ok(bytes)
}

/// The permission bits (such as `0o600`); `None` where there are none (Windows)
/// or the path is missing.
pub fn mode(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).ok().map(|meta| meta.permissions().mode() & 0o777)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Makes an existing file 0600; nothing to do on Windows.
pub fn make_private_file(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .with_context(|| format!("make {} private", path.display()))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Whether only the owner may enter `dir`, and that is who owns `known_ours`.
/// In a world-writable folder, someone else may have been first.
pub fn is_ours_alone(dir: &Path, known_ours: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let owner = |path: &Path| std::fs::symlink_metadata(path).ok().map(|meta| meta.uid());
        let is_dir = std::fs::symlink_metadata(dir).is_ok_and(|meta| meta.is_dir());
        is_dir && mode(dir).is_some_and(|mode| mode & 0o077 == 0) && owner(dir) == owner(known_ours)
    }
    #[cfg(not(unix))]
    {
        let _ = (dir, known_ours);
        true
    }
}

/// Whether this process runs as root, whom `mysqld` refuses to serve unasked.
pub fn is_root() -> bool {
    cfg!(unix)
        && super::proc::Cmd::new("id")
            .arg("-u")
            .read(std::time::Duration::from_secs(5))
            .is_ok_and(|text| text.trim() == "0")
}
