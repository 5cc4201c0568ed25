//! The list of backups, made to fit the terminal: columns go by importance, and no line wraps.

use chrono::{DateTime, Utc};

use super::columns::{Column, Fit};
use crate::human;
use crate::json::{ListedBackup, PlaceState};
use model::entry::Level;
use model::label::Label;
use model::toned::{Tone, Toned};
use model::trust::Trust;
use model::visible::visible;

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListRow {
    /// A backup that can be used.
    Usable(Box<ListedBackup>),
    /// One that cannot, and why, as in "is damaged: …".
    Unusable {
        label: Label,
        /// What is wrong with it.
        problem: String,
    },
}

impl ListRow {
    pub fn label(&self) -> &Label {
        match self {
            Self::Usable(backup) => &backup.label,
            Self::Unusable { label, .. } => label,
        }
    }
}

/// The list, in the order given; below it stands what is wrong. `width`: of the terminal, where
/// there is one. `left_off`: how many older ones were not asked for.
pub fn list(rows: &[ListRow], left_off: u64, now: DateTime<Utc>, width: Option<usize>) -> Toned {
    let older = match left_off {
        0 => String::new(),
        1 => "1 older backup is not shown.\n".to_owned(),
        n => format!("{} older backups are not shown.\n", human::thousands(n)),
    };
    if rows.is_empty() {
        return if left_off == 0 { "There are no backups yet.\n".into() } else { older.into() };
    }
    let fit = Fit::of(columns(rows, now), width);
    let mut text = Toned::from(fit.head());
    for (at, row) in rows.iter().enumerate() {
        text.append(fit.line(at));
        let note = match row {
            ListRow::Usable(backup) => backup.note.as_deref(),
            ListRow::Unusable { .. } => None,
        };
        if let Some(note) = note {
            text.push(&fit.below(&format!("“{}”", visible(note))));
        }
    }
    for said in rows.iter().flat_map(said).chain(doubted(rows)) {
        // A name or a reason may hold a line break: it must not begin a line.
        text.push(&super::columns::wrapped(&visible(&said), width));
    }
    text.push(&older);
    text
}

/// What is wrong with it, in sentences.
fn said(row: &ListRow) -> Vec<String> {
    let backup = match row {
        ListRow::Unusable { label, problem } => return vec![format!("{label} {problem}.")],
        ListRow::Usable(backup) => backup,
    };
    let label = &backup.label;
    let suspect = backup.suspect.iter();
    let suspect =
        suspect.map(|loss| format!("{label} is suspect: since {}, {loss}.", loss.against));
    let failed = backup.places.iter().filter(|it| it.state == PlaceState::Failed);
    let failed = failed.map(|it| {
        format!("{label}: the last attempt to copy it to `{}` or read it there failed.", it.name)
    });
    let clock = backup.wrong_clock.iter().filter(|wrong| !wrong.may_be_this_clock());
    let clock = clock.map(|wrong| format!("{label}: {wrong}."));
    suspect.chain(clock).chain(failed).collect()
}

/// That no time is believed, because this machine's clock may be wrong: once for all of them.
fn doubted(rows: &[ListRow]) -> Option<String> {
    let all = rows.iter().filter_map(|row| match row {
        ListRow::Usable(backup) => Some((backup, backup.wrong_clock.as_ref()?)),
        ListRow::Unusable { .. } => None,
    });
    let all: Vec<_> = all.filter(|(_, wrong)| wrong.may_be_this_clock()).collect();
    let (backup, wrong) = all.iter().max_by_key(|(_, wrong)| wrong.said_utc)?;
    let more = match all.len() {
        1 => String::new(),
        2 => " The age of 1 more is not known either.".to_owned(),
        n => format!(" The ages of {} more are not known either.", n - 1),
    };
    Some(format!("{}: {wrong}.{more}", backup.label))
}

/// Every column that says something, with how soon it goes where there is no room.
fn columns(rows: &[ListRow], now: DateTime<Utc>) -> Vec<Column> {
    let of = |cell: &dyn Fn(&ListedBackup) -> String| -> Vec<String> {
        let one = |row: &ListRow| match row {
            ListRow::Usable(backup) => cell(backup),
            ListRow::Unusable { .. } => "-".to_owned(),
        };
        rows.iter().map(one).collect()
    };
    let labels = rows.iter().map(|row| visible(&row.label().to_string())).collect();
    let state = rows.iter().map(|row| match row {
        ListRow::Usable(backup) => (state(backup, now), tone(backup)),
        ListRow::Unusable { .. } => ("NOT USABLE".to_owned(), Some(Tone::Bad)),
    });
    let (state, tones) = state.unzip();
    let mut all = vec![
        Column::left("label", 0, labels),
        Column::left("made", 5, of(&|it| made(it, now))),
        Column::right("age", 2, of(&|it| age(it, now))),
        Column::right("rows", 3, of(&|it| human::thousands(it.rows))),
        Column::right("change", 4, of(&|it| change(it.rows_change))),
        Column::right("tables", 8, of(&tables)),
        Column::right("size", 9, of(&|it| human::bytes(it.bytes))),
        Column::left("reason", 6, of(&reason)),
        Column::left("proof", 1, state).toned(tones),
        Column::left("places", 7, of(&places)),
    ];
    let own = |row: &ListRow| match row {
        ListRow::Usable(backup) => backup.origin == Trust::Own.word(),
        ListRow::Unusable { .. } => true,
    };
    if !rows.iter().all(own) {
        all.push(Column::left("origin", 10, of(&origin)));
    }
    all
}

/// "30 Nov 14:03" on this machine's clock; with the year where that is not plain.
fn made(backup: &ListedBackup, now: DateTime<Utc>) -> String {
    if backup.wrong_clock.is_some() {
        return "unknown".to_owned();
    }
    let recent = (now - backup.created_utc).num_days().abs() < 300;
    let form = if recent { "%d %b %H:%M" } else { "%Y-%m-%d" };
    backup.created_local.format(form).to_string()
}

fn age(backup: &ListedBackup, now: DateTime<Utc>) -> String {
    match backup.wrong_clock {
        Some(_) => "?".to_owned(),
        None => human::short_age(backup.created_utc, now),
    }
}

/// "+12", "-684,000", "=" or nothing to compare with.
pub(super) fn change(by: Option<i64>) -> String {
    match by {
        None => "-".to_owned(),
        Some(0) => "=".to_owned(),
        Some(by) => {
            let sign = if by > 0 { '+' } else { '-' };
            format!("{sign}{}", human::thousands(by.unsigned_abs()))
        }
    }
}

fn tables(backup: &ListedBackup) -> String {
    match backup.tables_change {
        None | Some(0) => human::thousands(backup.tables),
        by => format!("{} ({})", human::thousands(backup.tables), change(by)),
    }
}

fn reason(backup: &ListedBackup) -> String {
    let part = if backup.partial { ", partial" } else { "" };
    let mark = if backup.pinned.is_some() { ", pinned" } else { "" };
    format!("{}{part}{mark}", backup.reason)
}

/// What matters most about it: what is wrong, else how far it was proven and how long ago.
fn state(backup: &ListedBackup, now: DateTime<Utc>) -> String {
    if backup.failed {
        return "FAILED".to_owned();
    }
    if backup.suspect.is_some() {
        return "SUSPECT".to_owned();
    }
    if backup.partial {
        return "partial".to_owned();
    }
    match (backup.verified, backup.verified_utc) {
        // No age is known by a clock that may be wrong.
        (Some(level), _) if backup.wrong_clock.is_some_and(|it| it.may_be_this_clock()) => {
            level.word().to_owned()
        }
        (Some(level), Some(at)) => format!("{} {}", level.word(), human::short_age(at, now)),
        (Some(level), None) => level.word().to_owned(),
        (None, _) if backup.claimed.is_some() => "claimed".to_owned(),
        (None, _) => "none".to_owned(),
    }
}

/// Of its state.
pub(super) fn tone(backup: &ListedBackup) -> Option<Tone> {
    if backup.failed {
        return Some(Tone::Bad);
    }
    if backup.suspect.is_some() {
        return Some(Tone::Unsure);
    }
    let restored = backup.verified == Some(Level::Restore) && !backup.partial;
    restored.then_some(Tone::Good)
}

pub(super) fn places(backup: &ListedBackup) -> String {
    let one = |it: &crate::json::ListedPlace| match it.state {
        PlaceState::There => visible(&it.name),
        PlaceState::Failed => format!("{} FAILED", visible(&it.name)),
    };
    backup.places.iter().map(one).collect::<Vec<_>>().join(", ")
}

pub(super) fn origin(backup: &ListedBackup) -> String {
    match (backup.origin.as_str(), &backup.signer) {
        ("own", _) => "this machine".to_owned(),
        ("trusted", Some(name)) => name.clone(),
        ("unknown", Some(fingerprint)) => Trust::Unknown(fingerprint.clone()).to_string(),
        _ => Trust::Unsigned.to_string(),
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
pub(super) mod tests;
