//! The list of backups.

use chrono::{DateTime, Utc};
use comfy_table::CellAlignment;

use super::{finished, table};
use crate::human;
use crate::json::ListedBackup;
use model::label::Label;
use model::trust::Trust;

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListRow {
    /// A backup that can be used.
    Usable(ListedBackup),
    /// One that cannot, and why, as in "is damaged: …".
    Unusable {
        label: Label,
        /// What is wrong with it.
        problem: String,
    },
}

/// The list of backups, in the order given; the problems of unusable ones are below the table.
pub fn list(rows: &[ListRow], now: DateTime<Utc>) -> String {
    if rows.is_empty() {
        return "There are no backups yet.\n".to_owned();
    }
    let mut table = table();
    table.set_header(["label", "age", "size", "rows", "reason", "verified", "origin"]);
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut problems = String::new();
    for row in rows {
        match row {
            ListRow::Usable(backup) => {
                if let Some(loss) = &backup.suspect {
                    let (label, against) = (&backup.label, &loss.against);
                    problems.push_str(&format!("{label} is suspect: since {against}, {loss}.\n"));
                }
                table.add_row([
                    backup.label.to_string(),
                    human::age(backup.created_utc, now),
                    human::bytes(backup.bytes),
                    human::thousands(backup.rows),
                    reason(backup),
                    verified(backup, now),
                    origin(backup),
                ]);
            }
            ListRow::Unusable { label, problem } => {
                let label = label.to_string();
                problems.push_str(&format!("{label} {problem}.\n"));
                table.add_row([label.as_str(), "-", "-", "-", "-", "NOT USABLE", ""]);
            }
        }
    }
    finished(&table) + &problems
}

fn reason(backup: &ListedBackup) -> String {
    let part = if backup.partial { ", partial" } else { "" };
    let mark = if backup.pinned.is_some() { ", pinned" } else { "" };
    format!("{}{part}{mark}", backup.reason)
}

fn verified(backup: &ListedBackup, now: DateTime<Utc>) -> String {
    let suspect = if backup.suspect.is_some() { ", SUSPECT" } else { "" };
    format!("{}{suspect}", proven(backup, now))
}

fn proven(backup: &ListedBackup, now: DateTime<Utc>) -> String {
    if backup.failed {
        return "FAILED".to_owned();
    }
    match (backup.verified, backup.verified_utc) {
        (Some(level), Some(at)) => format!("{}, {}", level.word(), human::age(at, now)),
        (Some(level), None) => level.word().to_owned(),
        (None, _) => match backup.claimed {
            Some(level) => format!("never; {} according to unproven entries", level.word()),
            None => "never".to_owned(),
        },
    }
}

fn origin(backup: &ListedBackup) -> String {
    match (backup.origin.as_str(), &backup.signer) {
        ("own", _) => "this machine".to_owned(),
        ("trusted", Some(name)) => name.clone(),
        ("unknown", Some(fingerprint)) => Trust::Unknown(fingerprint.clone()).to_string(),
        _ => Trust::Unsigned.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::entry::Level;

    fn listed(stamp: &str) -> ListedBackup {
        ListedBackup {
            label: format!("mydb_backup_{stamp}").parse().unwrap(),
            created_utc: DateTime::from_timestamp(1_795_342_272, 0).unwrap(),
            bytes: 12_345_678,
            rows: 1_234_567,
            reason: "migrate".to_owned(),
            verified: None,
            verified_utc: None,
            pinned: None,
            origin: "own".to_owned(),
            signer: None,
            claimed: None,
            suspect: None,
            failed: false,
            partial: false,
        }
    }

    #[test]
    fn a_list_names_what_failed_and_what_is_partial() {
        let now = DateTime::from_timestamp(1_795_342_272 + 7200, 0).unwrap();
        let failed = ListedBackup { failed: true, ..listed("20261122_101112") };
        let partial = ListedBackup {
            partial: true,
            reason: "safety".to_owned(),
            ..listed("20261121_101112")
        };
        let text = list(&[ListRow::Usable(failed), ListRow::Usable(partial)], now);
        assert!(text.contains("migrate          FAILED    this machine"), "{text}");
        assert!(text.contains("safety, partial  never     this machine"), "{text}");
    }

    #[test]
    fn a_list() {
        let now = DateTime::from_timestamp(1_795_342_272 + 7200, 0).unwrap();
        let proven = ListedBackup {
            verified: Some(Level::Restore),
            verified_utc: Some(now),
            rows: 7,
            bytes: 900,
            pinned: Some(String::new()),
            ..listed("20261122_101112")
        };
        let rows = [
            ListRow::Unusable {
                label: "mydb_backup_20261123_101112".parse().unwrap(),
                problem: "is damaged: its data file is missing".to_owned(),
            },
            ListRow::Usable(proven),
            ListRow::Usable(listed("20261121_101112")),
        ];
        assert_eq!(
            list(&rows, now),
            [
                " label                        age            size       rows  reason           verified           origin\n",
                " mydb_backup_20261123_101112  -                 -          -  -                NOT USABLE\n",
                " mydb_backup_20261122_101112  2 hours ago   900 B          7  migrate, pinned  restore, just now  this machine\n",
                " mydb_backup_20261121_101112  2 hours ago  12 MiB  1,234,567  migrate          never              this machine\n",
                "mydb_backup_20261123_101112 is damaged: its data file is missing.\n",
            ]
            .concat()
        );
        assert_eq!(list(&[], now), "There are no backups yet.\n");
    }
}
