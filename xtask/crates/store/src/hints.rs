//! What a shell may offer to type: read fast from the backups folder, and believed by nobody.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::names;
use model::label::Label;
use sys::fs;

/// More labels than this are not offered.
const MOST: usize = 200;
/// Larger files are not worth the wait.
const SMALL: u64 = 8 << 20;

/// What lies in a backups folder, by the names of its files.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    folder: PathBuf,
    schema: String,
    /// The newest first by their time; those of the schema before others.
    pub labels: Vec<Label>,
}

/// Whether a text is one word for every shell, without quotes.
pub fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/~+=".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

/// Whether a name from a file is such a word, and can be taken for no option and no expansion.
fn is_name(text: &str) -> bool {
    is_word(text) && !text.starts_with(['-', '=', '~', '+'])
}

impl Hints {
    /// Of a folder, for a schema. A folder that cannot be read has nothing.
    pub fn of(folder: &Path, schema: &str) -> Self {
        let names = fs::names(folder).unwrap_or_default();
        let label = |name: &String| match names::split_label(name)? {
            (label, names::MANIFEST) => Some(label),
            _ => None,
        };
        let mut labels: Vec<Label> = names.iter().filter_map(label).collect();
        labels.retain(|label| is_name(&label.to_string()));
        labels.sort_by_key(|it| (it.schema() != schema, std::cmp::Reverse(it.time())));
        labels.truncate(MOST);
        Self { folder: folder.to_owned(), schema: schema.to_owned(), labels }
    }

    /// Tables of the newest backup of the schema.
    pub fn tables(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Manifest {
            tables: Vec<Table>,
        }
        #[derive(Deserialize)]
        struct Table {
            name: String,
        }
        let newest = self.labels.first().filter(|label| label.schema() == self.schema);
        let read = |label: &Label| {
            let path = self.folder.join(format!("{label}{}", names::MANIFEST));
            let bytes = fs::read_at_most(&path, SMALL).ok()?;
            serde_json::from_slice::<Manifest>(&bytes).ok()
        };
        let tables = newest.and_then(read).map(|it| it.tables).unwrap_or_default();
        tables.into_iter().map(|it| it.name).filter(|it| is_name(it)).collect()
    }

    /// Schemas that a restore made beside the live one, by the ledger's lines; those that were
    /// dropped since are left out.
    pub fn schemas(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Line {
            event: String,
            target: Option<String>,
            subject: Option<String>,
        }
        let bytes = fs::read_at_most(&self.folder.join(names::LEDGER), SMALL).unwrap_or_default();
        let mut found = BTreeSet::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(line) = serde_json::from_slice::<Line>(line) else { continue };
            match (line.event.as_str(), line.target, line.subject) {
                ("restore", Some(target), _) => {
                    found.insert(target);
                }
                ("prune", _, Some(subject)) => {
                    found.remove(&subject);
                }
                _ => {}
            }
        }
        let own = format!("{}__", self.schema);
        found.into_iter().filter(|it| it.starts_with(&own) && is_name(it)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{put, scratch};

    #[test]
    fn nothing_is_offered_that_a_shell_would_run() {
        for bad in ["", "a b", "$(reboot)", "a;b", "`a`", "a'b", "a\nb", "ä", "a*", "~{a}"] {
            assert!(!is_word(bad), "{bad:?}");
        }
        for bad in ["--yes", "=ls", "~root", "+x"] {
            assert!(is_word(bad) && !is_name(bad), "{bad:?}");
        }
        let (dir, _store) = scratch();
        for name in [
            "mydb_backup_20261122_101112.json",
            "mydb_backup_20261123_101112.json",
            "mydb_backup_20261124_101112.sql",
            "other_backup_20261125_101112.json",
            "$(reboot)_backup_20261126_101112.json",
        ] {
            put(
                &dir.path().join(name),
                b"{\"tables\":[{\"name\":\"film\"},{\"name\":\"a b\"},{\"name\":\"--yes\"}]}",
            );
        }
        let lines = "{\"event\":\"restore\",\"target\":\"mydb__look\"}\n\
                     {\"event\":\"restore\",\"target\":\"mydb__gone\"}\n\
                     {\"event\":\"restore\",\"target\":\"mydb__`x`\"}\nno JSON\n\
                     {\"event\":\"restore\",\"target\":\"mydb\"}\n\
                     {\"event\":\"prune\",\"subject\":\"mydb__gone\"}\n";
        put(&dir.path().join(names::LEDGER), lines.as_bytes());
        let hints = Hints::of(dir.path(), "mydb");
        let labels: Vec<String> = hints.labels.iter().map(ToString::to_string).collect();
        assert_eq!(
            labels,
            [
                "mydb_backup_20261123_101112",
                "mydb_backup_20261122_101112",
                "other_backup_20261125_101112"
            ]
        );
        assert_eq!(hints.tables(), ["film"]);
        assert_eq!(hints.schemas(), ["mydb__look"]);
        assert!(Hints::of(&dir.path().join("none"), "mydb").labels.is_empty());
    }
}
