//! One backup on a screen: what it holds, how far it was proven, and where it is.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::columns::{Column, Fit, wrapped};
use super::list::{change, origin, places, tone};
use crate::human;
use crate::json::ShowDocument;
use crate::page::words;
use model::entry::Level;
use model::manifest::Compression;
use model::toned::Toned;
use model::visible::visible;

/// Names of views, triggers, routines and events beyond these are counted.
const NAMED: usize = 40;
/// The newest receipts that are shown.
const RECEIPTS: usize = 20;

/// A moment on the clock of the reader's machine.
type Local<'a> = &'a dyn Fn(DateTime<Utc>) -> NaiveDateTime;

/// The backup. `width`: of the terminal, where there is one.
pub fn show(
    document: &ShowDocument,
    local: Local<'_>,
    now: DateTime<Utc>,
    width: Option<usize>,
) -> Toned {
    let mut text = Toned::from(format!("{}\n", document.backup.label));
    let facts = facts(document, local, now);
    let name_width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in &facts {
        text.push(&format!("  {name:name_width$}  "));
        let told = ["SUSPECT", "proof"].contains(name);
        text.push_as(tone(&document.backup).filter(|_| told), &visible(value));
        text.push("\n");
    }
    text.append(tables(document, width));
    let names = document.programs.iter().take(NAMED);
    let names: Vec<String> = names
        .map(|it| format!("{} {}", it.kind.keyword().to_lowercase(), visible(&it.name)))
        .collect();
    if !names.is_empty() {
        let more = match document.programs.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        text.push(&wrapped(&format!("Also {}{more}.", names.join(", ")), width));
    }
    text.push(&receipts(document, local, width));
    text
}

fn facts(
    document: &ShowDocument,
    local: Local<'_>,
    now: DateTime<Utc>,
) -> Vec<(&'static str, String)> {
    let it = &document.backup;
    let clock = |at: DateTime<Utc>| local(at).format("%Y-%m-%d %H:%M:%S").to_string();
    let taken = match &it.wrong_clock {
        Some(wrong) => {
            let clock = |at: DateTime<Utc>| local(at).format("%Y-%m-%d %H:%M").to_string();
            format!("unknown; {}", wrong.words(&clock))
        }
        None => format!("{}, {}", clock(it.created_utc), human::age(it.created_utc, now)),
    };
    let mut all = vec![("taken", taken)];
    let part = if it.partial { ", partial" } else { "" };
    let why = it.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
    all.push(("why", format!("{}{part}{why}", it.reason)));
    if let Some(loss) = &it.suspect {
        all.push(("SUSPECT", format!("since {}, {loss}", loss.against)));
    }
    let proven = |level: Level| match level {
        Level::File => "its file was read and compared",
        Level::Restore => "restored and compared",
    };
    let proof = match (it.failed, it.verified, it.claimed) {
        (true, ..) => "FAILED its last verification".to_owned(),
        (_, Some(level), _) => {
            let when = it
                .verified_utc
                .filter(|_| !it.wrong_clock.is_some_and(|it| it.may_be_this_clock()))
                .map_or_else(String::new, |at| format!(", {}, {}", clock(at), human::age(at, now)));
            format!("{}{when}", proven(level))
        }
        (_, None, Some(level)) => {
            format!("none; {} according to entries that are not proven", proven(level))
        }
        (_, None, None) => "none; `db-verify` with this label makes one".to_owned(),
    };
    all.push(("proof", proof));
    all.push(("origin", origin(it)));
    if let Some(note) = &it.pinned {
        let note = if note.is_empty() { "yes" } else { note };
        all.push(("pinned", note.to_owned()));
    }
    all.push(("contents", format!("{}; {}", document.contents, human::count(it.rows, "row"))));
    if let Some(before) = &it.compared_with {
        let (rows, tables) = (change(it.rows_change), change(it.tables_change));
        all.push(("change", format!("rows {rows}, tables {tables} against {before}")));
    }
    let migrations = match document.migrations.last() {
        None => "none".to_owned(),
        Some(last) => format!("{}, the last is {last}", document.migrations.len()),
    };
    all.push(("migrations", migrations));
    all.push(("from", format!("`{}` on {}", document.schema, document.server)));
    let sizes = match document.compression {
        Compression::None => human::bytes(it.bytes),
        Compression::Zstd => {
            format!("{}, {} of SQL", human::bytes(it.bytes), human::bytes(document.text_bytes))
        }
    };
    let sealed = if document.encrypted { ", encrypted" } else { "" };
    all.push(("file", format!("{} ({sizes}{sealed})", document.file)));
    all.push(("sha-256", document.sha256.clone()));
    all.push(("places", places(it)));
    all
}

fn tables(document: &ShowDocument, width: Option<usize>) -> Toned {
    let all = &document.contains;
    let of = |cell: &dyn Fn(&crate::json::ShownTable) -> String| all.iter().map(cell).collect();
    let new = if document.backup.compared_with.is_some() { "new" } else { "-" };
    let by = |it: &crate::json::ShownTable| match it.rows_change {
        None => new.to_owned(),
        by => change(by),
    };
    let size =
        |it: &crate::json::ShownTable| it.text_bytes.map_or_else(|| "-".to_owned(), human::bytes);
    let columns = vec![
        Column::left("table", 0, of(&|it| visible(&it.name))),
        Column::right("rows", 1, of(&|it| human::thousands(it.rows))),
        Column::right("change", 2, of(&by)),
        Column::right("SQL text", 3, of(&size)),
    ];
    let mut text = Toned::default();
    if !all.is_empty() {
        let fit = Fit::of(columns, width);
        text.push(&format!("\n{}", fit.head()));
        (0..all.len()).for_each(|at| text.append(fit.line(at)));
    }
    let gone: Vec<String> = document.tables_gone.iter().map(|it| visible(it)).collect();
    if !gone.is_empty() {
        text.push(&wrapped(&format!("Not there any more: {}.", gone.join(", ")), width));
    }
    text
}

fn receipts(document: &ShowDocument, local: Local<'_>, width: Option<usize>) -> String {
    let all = &document.receipts;
    if all.is_empty() {
        return "\nThe ledger has no entry about it.\n".to_owned();
    }
    let mut text = match all.len().checked_sub(RECEIPTS) {
        Some(more @ 1..) => format!("\nThe newest {RECEIPTS} of {} receipts:\n", RECEIPTS + more),
        _ => "\nReceipts:\n".to_owned(),
    };
    let own = document.backup.label.to_string();
    for entry in all.iter().skip(all.len().saturating_sub(RECEIPTS)) {
        let at = local(entry.at_utc).format("%Y-%m-%d %H:%M");
        let said = words::said_by(entry);
        // The label stands at the top.
        let said = said
            .strip_prefix(&own)
            .map_or(said.as_str(), |rest| rest.trim_start_matches([':', ' ']));
        let line = format!("  {at}  {}  {}", words::kind(&entry.event), visible(said));
        text += &wrapped(&line, width);
    }
    text
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
