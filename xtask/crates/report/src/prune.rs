//! What `db-prune` would delete, or deleted.

use chrono::{DateTime, Utc};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::{Deserialize, Serialize};

use super::human;

/// The document of `db-prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneDocument {
    /// The version of every document.
    pub version: u32,
    /// Whether nothing was to be changed.
    pub dry_run: bool,
    /// Everything that was checked.
    pub entries: Vec<PruneEntry>,
    /// What became free, or would, in bytes; what a schema takes up is the server's estimate.
    pub freed_bytes: u64,
    /// Where nothing could be checked or deleted.
    pub not_reached: Vec<NotReached>,
}

/// A backup in one place, or a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneEntry {
    /// `backup`, `copy` or `schema`.
    pub what: String,
    /// The label, or the schema's name.
    pub subject: String,
    /// `here`, the destination's name, or `server`.
    pub place: String,
    /// When it was taken or made; null where that is not known.
    pub taken_utc: Option<DateTime<Utc>>,
    /// What it takes up, in bytes.
    pub bytes: u64,
    /// `keep`, `delete`, `look`, or `deleted`.
    pub fate: String,
    pub reason: String,
}

/// A place that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotReached {
    /// The destination's name, or `server`.
    pub place: String,
    pub why: String,
}

/// The document as a table, with the sum.
pub fn text(document: &PruneDocument, now: DateTime<Utc>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["what", "where", "age", "size", "", "why"]);
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for entry in &document.entries {
        table.add_row([
            entry.subject.clone(),
            entry.place.clone(),
            entry.taken_utc.map_or_else(|| "-".to_owned(), |at| human::age(at, now)),
            human::bytes(entry.bytes),
            entry.fate.to_uppercase(),
            entry.reason.clone(),
        ]);
    }
    let mut text = String::new();
    if document.entries.is_empty() {
        text.push_str("There is nothing to prune.\n");
    } else {
        let table = table.to_string();
        text.extend(table.lines().flat_map(|line| [line.trim_end(), "\n"]));
    }
    for place in &document.not_reached {
        text.push_str(&format!("Not checked: {} ({}).\n", place.place, place.why));
    }
    text + &sum(document)
}

fn sum(document: &PruneDocument) -> String {
    let of = |fate: &str| document.entries.iter().filter(|it| it.fate == fate).count() as u64;
    let looks = match of("look") {
        0 => String::new(),
        n => format!("  To check: {n}."),
    };
    let free = human::bytes(document.freed_bytes);
    if document.dry_run {
        let (keep, delete) = (of("keep"), of("delete"));
        let how = if delete > 0 { " Delete them with `cargo xtask db-prune --yes`." } else { "" };
        format!("Keep: {keep}. Delete: {delete}, freeing {free}.{looks}{how}\n")
    } else {
        format!("Kept: {}. Deleted: {}, freeing {free}.{looks}\n", of("keep"), of("deleted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(fate: &str, dry_run: bool) -> PruneDocument {
        let taken = DateTime::from_timestamp(1_795_342_272, 0).unwrap();
        let entry = |subject: &str, fate: &str, reason: &str| PruneEntry {
            what: "backup".to_owned(),
            subject: subject.to_owned(),
            place: "here".to_owned(),
            taken_utc: Some(taken),
            bytes: 2048,
            fate: fate.to_owned(),
            reason: reason.to_owned(),
        };
        PruneDocument {
            version: 1,
            dry_run,
            entries: vec![
                entry("mydb_backup_20261122_101112", "keep", "last 7"),
                entry("mydb_backup_20261121_101112", fate, "no rule keeps it"),
            ],
            freed_bytes: 2048,
            not_reached: vec![NotReached { place: "nas".to_owned(), why: "no folder".to_owned() }],
        }
    }

    #[test]
    fn a_plan_says_what_and_why() {
        let now = DateTime::from_timestamp(1_795_342_272 + 7200, 0).unwrap();
        assert_eq!(
            text(&document("delete", true), now),
            [
                " what                         where  age             size          why\n",
                " mydb_backup_20261122_101112  here   2 hours ago  2.0 KiB  KEEP    last 7\n",
                " mydb_backup_20261121_101112  here   2 hours ago  2.0 KiB  DELETE  no rule keeps it\n",
                "Not checked: nas (no folder).\n",
                "Keep: 1. Delete: 1, freeing 2.0 KiB. Delete them with `cargo xtask db-prune --yes`.\n",
            ]
            .concat()
        );
        let done = text(&document("deleted", false), now);
        assert!(done.ends_with("Kept: 1. Deleted: 1, freeing 2.0 KiB.\n"), "{done}");
    }

    #[test]
    fn the_names_are_the_contract() {
        let text = serde_json::to_string(&document("look", true)).unwrap();
        let start = r#"{"version":1,"dry_run":true,"entries":[{"what":"backup","subject":"mydb_backup_20261122_101112","place":"here","taken_utc":"2026-11-22T10:11:12Z","bytes":2048,"fate":"keep","reason":"last 7"}"#;
        assert!(text.starts_with(start), "{text}");
        let end = r#""freed_bytes":2048,"not_reached":[{"place":"nas","why":"no folder"}]}"#;
        assert!(text.ends_with(end), "{text}");
    }
}
