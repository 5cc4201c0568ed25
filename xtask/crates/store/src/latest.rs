//! Which backup `latest` means: the newest that is whole, proven wrong by nothing, and lost nothing.

use anyhow::Result;

use super::ledger::Ledger;
use super::source::Source;
use super::{Backup, Store};
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::loss::Loss;
use model::manifest::Reason;

/// Why `latest` does not mean this one, as in "is damaged: …".
fn passed_over(ledger: &Ledger, entry: &Backup) -> Option<String> {
    let Some(manifest) = entry.manifest() else { return entry.problem() };
    if manifest.is_partial() {
        return Some("is a partial safety backup".to_owned());
    }
    ledger.last_failed(&entry.label).then(|| "failed its last verification".to_owned())
}

fn suspect_note(label: &Label, loss: &Loss) -> String {
    format!(
        "{label} is newer, but `latest` never picks a suspect backup: {loss}. To restore it, give \
        its label."
    )
}

impl Store {
    /// The latest of a schema, or of the only one there is.
    pub(super) fn latest(&self, schema: Option<&str>) -> Result<Source> {
        let mut entries = self.list()?;
        entries.retain(|entry| schema.is_none_or(|schema| entry.label.schema() == schema));
        let mut schemas: Vec<&str> = entries.iter().map(|entry| entry.label.schema()).collect();
        schemas.sort_unstable();
        schemas.dedup();
        if let [first, second, ..] = schemas[..] {
            let message = format!("`latest` could mean a backup of `{first}` or of `{second}`");
            return Err(Stop::new(ExitCode::Store, message)
                .hint("Give the label of the backup: `cargo xtask db-list` lists them.")
                .into());
        }
        let ledger = self.known();
        let skipped = |entry: &Backup| {
            Some(format!("Skipped {}, which {}.", entry.label, passed_over(&ledger, entry)?))
        };
        // A safety backup has the state that a restore replaced: `latest` never means that, unless
        // there is no other.
        let safety = |entry: &&Backup| entry.manifest().is_some_and(|m| m.reason == Reason::Safety);
        let suspects = self.suspects(&entries, &ledger);
        let sound = |entry: &&Backup| passed_over(&ledger, entry).is_none();
        let lossless = |entry: &&Backup| !suspects.contains_key(&entry.label);
        let whole = |entry: &&Backup| entry.manifest().is_some_and(|m| !m.is_partial());
        let own = || entries.iter().filter(|entry| !safety(entry));
        let wanted = own().filter(sound).find(lossless).or_else(|| own().find(sound));
        // One that failed can be verified again, and a restore compares before it replaces.
        let failed = || entries.iter().filter(whole).find(|entry| !safety(entry));
        let wanted = wanted.or_else(failed).or_else(|| entries.iter().find(sound));
        let newer = |entry: &&Backup| wanted.is_none_or(|wanted| entry.label != wanted.label);
        let mut notes: Vec<String> = entries.iter().take_while(newer).filter_map(skipped).collect();
        let above = entries.iter().take_while(newer).filter(sound).find(safety);
        if let (Some(_), Some(newer)) = (wanted, above) {
            notes.push(format!(
                "{} is newer, but `latest` never picks a safety backup; to restore it, give its \
                label.",
                newer.label
            ));
        }
        if let Some(why) = wanted.and_then(|wanted| passed_over(&ledger, wanted)) {
            notes.push(format!("`latest` {why}, and there is no other backup."));
        }
        let newer = entries.iter().take_while(newer).filter(|entry| !safety(entry));
        notes
            .extend(newer.filter_map(|it| Some(suspect_note(&it.label, suspects.get(&it.label)?))));
        match wanted {
            Some(entry) => {
                let mut source = Source::own(entry.clone())?;
                notes.append(&mut source.notes);
                Ok(Source { notes, ..source })
            }
            None => {
                let of = schema.map(|schema| format!(" of `{schema}`")).unwrap_or_default();
                let dir = self.dir().display();
                let mut stop =
                    Stop::new(ExitCode::Store, format!("there is no usable backup{of} in {dir}"));
                stop.hints.extend(notes);
                Err(stop.hint("`cargo xtask db-backup` takes one.").into())
            }
        }
    }
}
