//! Where backups lie when this folder has none of a schema: under another schema's name here,
//! or in a folder that another checkout on this machine uses. A person who looks in the wrong
//! place is not told that there is nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Store, names};
use sys::fs;

/// Beside the signing key: the folders that this user's checkouts put backups into.
const FILE: &str = "folders.json";
/// The last ones.
const MOST: usize = 50;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Folders {
    version: u32,
    /// The last used first.
    folders: Vec<PathBuf>,
}

impl Folders {
    fn read(path: &Path) -> Self {
        let text = fs::read_text(path).ok();
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}

impl Store {
    fn register_file(&self) -> Option<PathBuf> {
        let key = self.keyring().path().ok().flatten()?;
        Some(key.parent()?.join(FILE))
    }

    /// Writes down that this folder holds backups, for [`Store::elsewhere`] of other checkouts.
    ///
    /// # Errors
    /// The file cannot be written. No backup depends on it.
    pub fn register(&self) -> Result<()> {
        let Some(path) = self.register_file() else { return Ok(()) };
        let mut known = Folders::read(&path);
        let own = fs::whole_path(self.dir());
        if known.folders.first() == Some(&own) {
            return Ok(());
        }
        known.folders.retain(|folder| *folder != own);
        known.folders.insert(0, own);
        known.folders.truncate(MOST);
        known.version = 1;
        fs::write_durably(&path, &serde_json::to_vec_pretty(&known)?)
    }

    /// Where else backups lie, one sentence each; empty where there are none, or where this
    /// folder has some of that schema.
    pub fn elsewhere(&self, schema: &str) -> Vec<String> {
        let here = counted(self.dir());
        if here.contains_key(schema) {
            return Vec::new();
        }
        let mut found: Vec<String> = here
            .iter()
            .map(|(other, number)| {
                format!(
                    "This folder holds {} of `{other}`; DB_NAME in .env names the schema.",
                    backups(*number)
                )
            })
            .collect();
        let own = fs::whole_path(self.dir());
        let known = self.register_file().map(|path| Folders::read(&path)).unwrap_or_default();
        for folder in known.folders.iter().filter(|folder| **folder != own) {
            if let Some(number) = counted(folder).get(schema) {
                let (number, folder) = (backups(*number), folder.display());
                found.push(format!(
                    "{folder} holds {number} of `{schema}`: `--backups {folder}` uses it, \
                     DB_BACKUPS in .env keeps it."
                ));
            }
        }
        found
    }
}

/// Manifests per schema, by their names.
fn counted(folder: &Path) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for name in fs::names(folder).unwrap_or_default() {
        if let Some((label, names::MANIFEST)) = names::split_label(&name) {
            *found.entry(label.schema().to_owned()).or_default() += 1;
        }
    }
    found
}

fn backups(number: usize) -> String {
    format!("{number} backup{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keyring;

    fn folder(dir: &Path, labels: &[&str]) -> Store {
        fs::create_private_dir(dir).unwrap();
        for label in labels {
            fs::write_durably(&dir.join(format!("{label}.json")), b"{}").unwrap();
        }
        let keyring = Keyring::in_file(&dir.parent().unwrap().join("keys/signing.pk8"), dir);
        fs::create_private_dir(&dir.parent().unwrap().join("keys")).unwrap();
        Store::open(dir).unwrap().with_keyring(keyring)
    }

    #[test]
    fn other_schemas_here_and_the_schema_elsewhere_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let labels = ["mydb_backup_20260102_030405", "mydb_backup_20260102_030406"];
        let one = folder(&dir.path().join("one"), &labels);
        one.register().unwrap();
        one.register().unwrap();
        assert_eq!(one.elsewhere("mydb"), [""; 0]);
        assert_eq!(
            one.elsewhere("mydbb"),
            ["This folder holds 2 backups of `mydb`; DB_NAME in .env names the schema."]
        );
        let two = folder(&dir.path().join("two"), &[]);
        let said = two.elsewhere("mydb");
        assert_eq!(said.len(), 1, "{said:?}");
        let place = fs::whole_path(one.dir());
        assert!(said[0].starts_with(&format!("{} holds 2 backups", place.display())), "{said:?}");
        assert_eq!(two.elsewhere("other"), [""; 0]);
        // What cannot be read is as if it were not there.
        fs::remove_if_exists(&dir.path().join("keys/folders.json")).unwrap();
        fs::write_durably(&dir.path().join("keys/folders.json"), b"no").unwrap();
        assert_eq!(two.elsewhere("mydb"), [""; 0]);
    }
}
