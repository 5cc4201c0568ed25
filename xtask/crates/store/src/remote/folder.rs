//! A folder as a destination: an external drive, a network mount.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::fault::{Fault, FaultKind};
use super::{Depot, Listed};
use crate::names;
use model::copy::DestinationKind;
use sys::{disk, fs, signal};

/// How much is read at a time.
const BLOCK: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Folder {
    name: String,
    dir: PathBuf,
}

impl Folder {
    pub(super) fn new(name: &str, dir: PathBuf) -> Self {
        Self { name: name.to_owned(), dir }
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        ensure!(names::is_plain(name), "{name:?} cannot be the name of a file");
        Ok(self.dir.join(name))
    }

    fn missing(&self) -> Fault {
        Fault::new(
            FaultKind::Missing,
            format!("there is no folder {} (is the drive mounted?)", self.dir.display()),
        )
    }

    fn demand(&self) -> Result<()> {
        if self.dir.is_dir() { Ok(()) } else { Err(self.missing().into()) }
    }
}

impl Depot for Folder {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> DestinationKind {
        DestinationKind::Folder
    }

    fn prepare(&mut self, first: bool) -> Result<()> {
        // Only its last part is created, and only before the first copy: where a drive
        // is not mounted, its folder would otherwise be created on the disk below.
        if !self.dir.is_dir() && first && self.dir.parent().is_some_and(Path::is_dir) {
            fs::create_private_dir(&self.dir)?;
            if let Some(parent) = self.dir.parent() {
                fs::sync_dir(parent)?;
            }
        }
        self.demand()
    }

    fn list(&mut self) -> Result<Vec<Listed>> {
        self.demand()?;
        let mut listed = Vec::new();
        for name in fs::names(&self.dir)? {
            let Ok(facts) = std::fs::symlink_metadata(self.dir.join(&name)) else { continue };
            if facts.is_file() {
                let modified = facts.modified().ok().map(Into::into);
                listed.push(Listed { name, bytes: facts.len(), modified });
            }
        }
        Ok(listed)
    }

    fn put(&mut self, name: &str, bytes: u64, data: &mut dyn Read) -> Result<()> {
        self.demand()?;
        let path = self.path(name)?;
        let partial = fs::partial_of(&path);
        fs::remove_if_exists(&partial)?;
        let written =
            write(&partial, bytes, data).and_then(|()| fs::rename_durably(&partial, &path));
        if written.is_err() {
            // What cannot be removed now is replaced by the next attempt.
            fs::remove_if_exists(&partial).ok();
        }
        written.with_context(|| format!("write {name} to {}", self.dir.display()))
    }

    fn get(&mut self, name: &str) -> Result<Option<Box<dyn Read>>> {
        self.demand()?;
        let path = self.path(name)?;
        Ok(if fs::exists(&path)? { Some(Box::new(fs::open(&path)?)) } else { None })
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        self.demand()?;
        fs::remove_if_exists(&self.path(name)?)?;
        fs::sync_dir(&self.dir)
    }

    fn free_bytes(&mut self) -> Result<Option<u64>> {
        self.demand()?;
        disk::free_space(&self.dir).map(Some)
    }
}

fn write(partial: &Path, bytes: u64, data: &mut dyn Read) -> Result<()> {
    use std::io::Write;
    let mut file = fs::create_private(partial)?;
    let mut block = vec![0; BLOCK];
    let mut written = 0;
    loop {
        signal::check()?;
        let length = match data.read(&mut block) {
            Ok(0) => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            other => other.context("read the file to copy")?,
        };
        file.write_all(&block[..length])?;
        written += length as u64;
    }
    ensure!(written == bytes, "got {written} bytes instead of {bytes}");
    file.sync_all()?;
    Ok(())
}
