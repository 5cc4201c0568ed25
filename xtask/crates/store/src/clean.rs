//! Removes what crashed runs left behind, and never what the user put into the folder;
//! `store::commit` explains how they are told apart.

use anyhow::Result;

use super::commit::Marker;
use super::names::{self, Kind};
use super::{Store, StoreLock, codec};
use model::label::Label;
use sys::fs;

impl Store {
    /// Names of files that a run left behind which did not get to its end: unfinished
    /// files, markers, and data files that a marker says are ours and unfinished.
    /// A run that is still going on has such files too.
    pub fn leftovers(&self) -> Result<Vec<String>> {
        let names = fs::names(self.dir())?;
        let mut found = Vec::new();
        for name in &names {
            match names::split_label(name).map(|(label, rest)| (label, names::kind(rest))) {
                Some((_, Kind::Partial)) => found.push(name.clone()),
                Some((label, Kind::Marker)) => {
                    found.extend(self.unfinished_data(&label)?);
                    found.push(name.clone());
                }
                None if names::is_own(name) && name.ends_with(fs::PARTIAL) => {
                    found.push(name.clone());
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Removes the leftovers of dead runs; the lock says that no other run is
    /// going on. Gives the names of what was removed.
    pub fn clean(&self, lock: &StoreLock) -> Result<Vec<String>> {
        self.demand(lock)?;
        let found = self.leftovers()?;
        // Data before its marker: that is the order in which `leftovers` gives them,
        // and without the marker the data file could not be recognised as ours.
        for name in &found {
            fs::remove_if_exists(&self.path(name))?;
        }
        if !found.is_empty() {
            fs::sync_dir(self.dir())?;
        }
        Ok(found)
    }

    /// The data file of a marker whose manifest was never written, if it is still
    /// the file that was written then.
    fn unfinished_data(&self, label: &Label) -> Result<Option<String>> {
        if fs::exists(&self.path(&format!("{label}{}", names::MANIFEST)))? {
            return Ok(None);
        }
        let path = self.path(&format!("{label}{}", names::MARKER));
        let text = match fs::read_bytes(&path) {
            // The run that it belongs to is alive and has just come to its end.
            Err(_) if !fs::exists(&path)? => return Ok(None),
            other => other?,
        };
        // A marker is synced before the file that it describes gets its name. One
        // that does not read was not written by us.
        let Ok(marker) = serde_json::from_slice::<Marker>(&text) else { return Ok(None) };
        let own = names::split_label(&marker.file)
            .is_some_and(|(named, rest)| named == *label && names::kind(rest) == Kind::Data);
        let path = self.path(&marker.file);
        let same_size = || std::fs::metadata(&path).is_ok_and(|f| f.len() == marker.bytes);
        if !own || !fs::exists(&path)? || !same_size() {
            return Ok(None);
        }
        Ok((codec::sha256_of(&path)? == marker.sha256).then_some(marker.file))
    }
}
