//! What a file name in the folder says: whose it is, and what.

use std::path::Path;

use model::label::Label;
use sys::fs::PARTIAL;

pub(super) const LOCK: &str = ".lock";
/// The lock of those who send copies.
pub(super) const COPY_LOCK: &str = ".copy.lock";
pub(super) const LEDGER: &str = "ledger.jsonl";
/// Where the last entry is written down a second time.
pub(super) const LEDGER_HEAD: &str = "ledger.head";
/// Where torn last lines of the ledger are kept.
pub(super) const LEDGER_TORN: &str = "ledger.torn";
/// The journal of a swap.
pub(super) const JOURNAL: &str = ".swap.json";
/// Events of a restored schema that do not run yet.
pub(super) const EVENTS: &str = ".events.json";
/// The journal of migrations that run in place.
pub(super) const IN_PLACE: &str = ".in-place.json";
/// What takes the last migration by swap back.
pub(super) const UNDO: &str = ".undo.json";

pub(super) const MANIFEST: &str = ".json";
/// Ending of the marker that tells our own unfinished backup from a file that
/// the user put here; `store::commit` says how.
pub(super) const MARKER: &str = ".pending";

/// Added to the ending of a file that is encrypted.
pub(super) const ENCRYPTED: &str = ".age";

const MIDDLE: &str = "_backup_";
const STAMP_LENGTH: usize = "YYYYMMDD_HHMMSS".len();

/// What a file is whose name begins with a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `<label>.sql` or `<label>.sql.zst`, either with `.age`: ours, or made by hand with
    /// the guide's command.
    Data,
    /// `<label>.json`.
    Manifest,
    /// `<label>.pending`.
    Marker,
    /// One of the others, still being written.
    Partial,
    /// Nothing that this tool writes.
    Other,
}

/// The label that a name begins with, and the rest of the name.
pub(super) fn split_label(name: &str) -> Option<(Label, &str)> {
    name.rmatch_indices(MIDDLE).find_map(|(at, _)| {
        let end = at + MIDDLE.len() + STAMP_LENGTH;
        let label = name.get(..end)?.parse().ok()?;
        Some((label, &name[end..]))
    })
}

/// What the rest of a name says, the label taken off.
pub(super) fn kind(rest: &str) -> Kind {
    match rest {
        ".sql" | ".sql.zst" | ".sql.age" | ".sql.zst.age" => Kind::Data,
        MANIFEST => Kind::Manifest,
        MARKER => Kind::Marker,
        _ => match rest.strip_suffix(PARTIAL).map(kind) {
            Some(Kind::Data | Kind::Manifest | Kind::Marker) => Kind::Partial,
            _ => Kind::Other,
        },
    }
}

/// Whether a name is one of the store's own that belong to no backup.
pub(super) fn is_own(name: &str) -> bool {
    let name = name.strip_suffix(PARTIAL).unwrap_or(name);
    [LOCK, LEDGER, LEDGER_HEAD, LEDGER_TORN, JOURNAL, EVENTS, IN_PLACE, UNDO].contains(&name)
}

/// Whether a name looks like a dump.
pub(super) fn is_dump(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(ENCRYPTED).unwrap_or(&name);
    [".sql", ".sql.gz", ".sql.zst"].iter().any(|ending| name.ends_with(ending))
}

/// Whether a name stays inside the folder it is joined to, on every platform.
pub(super) fn is_plain(name: &str) -> bool {
    !name.contains(['/', '\\', ':'])
        && !name.chars().any(char::is_control)
        && Path::new(name).file_name().is_some_and(|last| last == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_at_the_front() {
        let label =
            |name: &str| split_label(name).map(|(l, rest)| (l.to_string(), rest.to_owned()));
        let found = |l: &str, rest: &str| Some((l.to_owned(), rest.to_owned()));
        let plain = "mydb_backup_20261122_101112";
        assert_eq!(label(&format!("{plain}.sql.zst")), found(plain, ".sql.zst"));
        assert_eq!(label(&format!("{plain}_backup_copy.sql")), found(plain, "_backup_copy.sql"));
        assert_eq!(
            label("a_backup_b_backup_20261122_101112.json"),
            found("a_backup_b_backup_20261122_101112", ".json")
        );
        for other in
            ["mydb.sql", "mydb_backup_2026.sql", "_backup_20261122_101112.sql", "ü_backup_ü"]
        {
            assert_eq!(label(other), None, "{other}");
        }
    }

    #[test]
    fn kinds_are_exact() {
        assert_eq!(kind(".sql"), Kind::Data);
        assert_eq!(kind(".sql.zst"), Kind::Data);
        assert_eq!(kind(".sql.age"), Kind::Data);
        assert_eq!(kind(".sql.zst.age"), Kind::Data);
        assert_eq!(kind(".sql.zst.age.partial"), Kind::Partial);
        assert_eq!(kind(".sql.zst.partial"), Kind::Partial);
        assert_eq!(kind(".json.partial"), Kind::Partial);
        assert_eq!(kind(".json"), Kind::Manifest);
        assert_eq!(kind(".pending"), Kind::Marker);
        for other in
            ["", ".partial", ".sql.partial.partial", "_copy.sql", ".SQL", ".sql.gz", ".age"]
        {
            assert_eq!(kind(other), Kind::Other, "{other}");
        }
    }

    #[test]
    fn dumps_are_known_by_their_endings() {
        for name in ["a.sql", "A.SQL", "a.sql.gz", "a.sql.zst", "a.sql.age", "a.sql.gz.age"] {
            assert!(is_dump(name), "{name}");
        }
        for name in ["a.age", "a.sql.age.age", "a.sql.old", "a.json.age", "sql.age"] {
            assert!(!is_dump(name), "{name}");
        }
    }

    #[test]
    fn names_stay_in_the_folder() {
        assert!(is_plain("mydb_backup_20261122_101112.sql"));
        for bad in ["", ".", "..", "a/b", "../a", "/a", "a\\b", "C:a", "a/", "a\0", "a\n"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
    }
}
