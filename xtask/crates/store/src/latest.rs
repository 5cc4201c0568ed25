//! What `latest`, `latest~1` and `before:…` mean among the backups here.

use std::collections::BTreeMap;

use anyhow::Result;

use super::ledger::Ledger;
use super::source::Source;
use super::{Backup, Store};
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::loss::Loss;
use model::manifest::{Manifest, Reason};
use plan::timeline::Timeline;
use plan::which::{self, Candidate, Moment, Newest, Until};
use sys::clock;

/// A moment as it was typed, on both clocks.
pub fn until(moment: Moment) -> Until {
    match moment {
        Moment::Utc(utc) => Until { utc, local: clock::local(utc) },
        Moment::Local(local) => Until { utc: clock::utc(local), local },
    }
}

fn candidate<'a>(
    entry: &'a Backup,
    ledger: &Ledger,
    timeline: &Timeline,
    suspects: &'a BTreeMap<Label, Loss>,
) -> Candidate<'a> {
    let manifest = entry.manifest();
    Candidate {
        label: &entry.label,
        taken_utc: entry
            .wrong_clock
            .and_then(|wrong| wrong.until_utc)
            .or(manifest.map(Manifest::ended_utc)),
        problem: entry.problem(),
        undated: manifest.is_some_and(|it| timeline.is_undated(&it.label, it.ended_utc())),
        failed: ledger.last_failed(&entry.label),
        partial: manifest.is_some_and(Manifest::is_partial),
        safety: manifest.is_some_and(|it| it.reason == Reason::Safety),
        loss: suspects.get(&entry.label),
    }
}

impl Store {
    /// The newest of a schema, or of the only one there is.
    pub(super) fn newest(
        &self,
        text: &str,
        wanted: Newest,
        schema: Option<&str>,
    ) -> Result<Source> {
        let mut entries = self.list()?;
        entries.retain(|entry| schema.is_none_or(|schema| entry.label.schema() == schema));
        let mut schemas: Vec<&str> = entries.iter().map(|entry| entry.label.schema()).collect();
        schemas.sort_unstable();
        schemas.dedup();
        if let [first, second, ..] = schemas[..] {
            let message = format!("`{text}` could mean a backup of `{first}` or of `{second}`");
            return Err(Stop::new(ExitCode::Store, message)
                .hint("Give the label of the backup: `cargo xtask db-list` lists them.")
                .into());
        }
        let ledger = self.known();
        let suspects = self.suspects(&entries, &ledger);
        let timeline = Timeline::of(&ledger.entries, clock::now());
        let all: Vec<Candidate<'_>> =
            entries.iter().map(|entry| candidate(entry, &ledger, &timeline, &suspects)).collect();
        let chosen = which::choose(&all, wanted.before.map(until), wanted.back);
        let found = chosen.label.and_then(|label| entries.iter().find(|it| it.label == label));
        let mut notes = chosen.notes;
        if let Some(entry) = found {
            let mut source = Source::own(entry.clone())?;
            notes.append(&mut source.notes);
            return Ok(Source { notes, ..source });
        }
        let of = schema.map(|schema| format!(" of `{schema}`")).unwrap_or_default();
        let dir = self.dir().display();
        let what = if text == which::LATEST { String::new() } else { format!(" for `{text}`") };
        let message = format!("there is no usable backup{of}{what} in {dir}");
        let mut stop = Stop::new(ExitCode::Store, message);
        stop.hints.extend(notes);
        let elsewhere = schema.map(|schema| self.elsewhere(schema)).unwrap_or_default();
        if !elsewhere.is_empty() {
            stop.hints.extend(elsewhere);
            return Err(stop.into());
        }
        // Others there are, only not so far back.
        let others = entries.iter().any(|entry| entry.manifest().is_some());
        Err(stop
            .hint(if others && text != which::LATEST {
                "`cargo xtask db-list` shows what there is."
            } else {
                "`cargo xtask db-backup` takes one."
            })
            .into())
    }

    /// The label that a text means: `latest` and its like, or the label itself, whether there
    /// is such a backup here or not.
    ///
    /// # Errors
    /// It is neither; the nearest labels are named ([`ExitCode::Usage`]).
    pub fn label_of(&self, text: &str, schema: &str) -> Result<(Label, Vec<String>)> {
        if let Some(wanted) = which::parse(text, clock::now_local())? {
            let source = self.newest(text, wanted, Some(schema))?;
            if let Some(manifest) = source.manifest {
                return Ok((manifest.label, source.notes));
            }
        }
        match text.parse() {
            Ok(label) => Ok((label, Vec::new())),
            Err(_) => Err(self.unknown(text, "there is no backup")?.into()),
        }
    }
}
