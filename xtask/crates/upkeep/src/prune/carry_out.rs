//! Deletes what the plan lets go: schemas, then copies, then the files here.

use anyhow::{Context, Result};

use super::facts::Found;
use super::why;
use model::entry::Event;
use model::label::Label;
use ops::held::HeldFolder;
use ops::{old_tables, staging};
use plan::companions::CompanionKind;
use plan::retention::{Fate, Place, Verdict};
use report::human;
use report::prune::NotReached;
use server::Session;
use store::prune;
use store::remote::{self, fault::Fault};
use sys::fault::point;
use sys::signal;

/// Deletes, and writes an entry for each. A failing destination is skipped with a warning.
///
/// # Errors
/// The folder or the server refuses, or someone pressed Ctrl-C; what was deleted until
/// then is in the ledger.
pub(super) fn carry_out(held: &HeldFolder<'_>, found: &mut Found) -> Result<()> {
    let ctx = held.ctx();
    let run = Run { held, uuid: found.uuid.clone() };
    if let Some(mut session) = found.session.take() {
        let dropped = run.schemas(&mut session, found);
        found.session = Some(session);
        dropped?;
    }
    for at in 0..found.depots.len() {
        if let Err(error) = run.copies(found, at) {
            signal::check()?;
            let place = found.depots[at].name().to_owned();
            let why = ctx.settings.redact(&Fault::of(&error).message);
            ctx.ui.warn(format!("{place}: {why}"));
            found.not_reached.push(NotReached { place, why });
        }
    }
    run.files(found)?;
    run.sweep(found)
}

struct Run<'a> {
    held: &'a HeldFolder<'a>,
    uuid: String,
}

impl Run<'_> {
    fn record(&self, destination: Option<&str>, schema: &str, gone: Gone<'_>) -> Result<()> {
        let Gone { subject, reason, bytes } = gone;
        let event = Event::Prune {
            destination: destination.map(str::to_owned),
            subject: subject.to_owned(),
            reason: reason.to_owned(),
            bytes,
        };
        self.held.append(&self.uuid, schema, event)?;
        let place = destination.map_or_else(String::new, |name| format!(" from {name}"));
        let size = human::bytes(bytes);
        self.held.ctx().ui.say(format!("deleted {subject}{place} ({size}): {reason}"));
        Ok(())
    }

    fn schemas(&self, session: &mut Session, found: &mut Found) -> Result<()> {
        let schema = &self.held.ctx().settings.schema;
        for (it, verdict) in &mut found.schemas {
            if verdict.fate != Fate::Go {
                continue;
            }
            signal::check()?;
            if it.kind == CompanionKind::Before
                && let Some(more) = self.only_there(session, &it.name, it.backup.as_ref())?
            {
                *verdict = Verdict::new(Fate::Look, more);
                continue;
            }
            staging::drop_schema(session, &it.name)
                .with_context(|| format!("drop `{}`", it.name))?;
            point("prune.schema_dropped")?;
            found.dropped.insert(it.name.clone());
            let gone = Gone { subject: &it.name, reason: &verdict.reason, bytes: it.bytes };
            self.record(None, schema, gone)?;
        }
        Ok(())
    }

    /// Why old tables stay after all: something in them is in no backup.
    fn only_there(
        &self,
        session: &mut Session,
        schema: &str,
        backup: Option<&Label>,
    ) -> Result<Option<String>> {
        let entry = backup.map(|label| self.held.store().backup(label)).transpose()?.flatten();
        let Some(manifest) = entry.as_ref().and_then(|entry| entry.manifest()) else {
            return Ok(Some("its backup no longer exists: check it".to_owned()));
        };
        self.held.ctx().ui.say(format!("comparing `{schema}` with {}", manifest.label));
        let more = match old_tables::not_in(session, schema, manifest) {
            Ok(more) => more,
            Err(error) => {
                signal::check()?;
                return Ok(Some(format!("cannot be compared ({}): check it", why(&error))));
            }
        };
        Ok((!more.is_empty()).then(|| {
            format!("{} does not contain what is in {}: check it", manifest.label, more.join(", "))
        }))
    }

    fn copies(&self, found: &mut Found, at: usize) -> Result<()> {
        let name = found.depots[at].name().to_owned();
        let place = Place::At(name.clone());
        for (backup, verdict) in &found.backups {
            let usable = |c: &plan::retention::Held| c.place == place && c.counts();
            if verdict.fate != Fate::Go || !backup.copies.iter().any(usable) {
                continue;
            }
            signal::check()?;
            let bytes = remote::delete(found.depots[at].as_mut(), &backup.label)?;
            point("prune.copy_deleted")?;
            found.deleted.insert((backup.label.clone(), place.clone()));
            let subject = backup.label.to_string();
            let gone = Gone { subject: &subject, reason: &verdict.reason, bytes };
            self.record(Some(&name), backup.label.schema(), gone)?;
        }
        Ok(())
    }

    fn files(&self, found: &mut Found) -> Result<()> {
        for (backup, verdict) in &found.backups {
            let here = backup.copies.iter().find(|c| c.place == Place::Here && c.counts());
            if verdict.fate != Fate::Go || here.is_none() {
                continue;
            }
            signal::check()?;
            let subject = backup.label.to_string();
            self.held.store().delete(self.held.lock(), &backup.label, |bytes| {
                let gone = Gone { subject: &subject, reason: &verdict.reason, bytes };
                self.record(None, backup.label.schema(), gone)
            })?;
            found.deleted.insert((backup.label.clone(), Place::Here));
        }
        Ok(())
    }

    /// What an earlier run that died left at the destinations.
    fn sweep(&self, found: &mut Found) -> Result<()> {
        let ledger = self.held.store().read()?;
        for depot in &mut found.depots {
            let name = depot.name().to_owned();
            if found.not_reached.iter().any(|it| it.place == name) {
                continue;
            }
            match prune::sweep(depot.as_mut(), &ledger) {
                Ok(swept) => {
                    for (label, bytes) in swept {
                        let subject = label.to_string();
                        let reason = "the rest of a partly deleted copy";
                        let gone = Gone { subject: &subject, reason, bytes };
                        self.record(Some(&name), label.schema(), gone)?;
                    }
                }
                Err(error) => {
                    let why = self.held.ctx().settings.redact(&Fault::of(&error).message);
                    found.not_reached.push(NotReached { place: name, why });
                }
            }
        }
        Ok(())
    }
}

/// What was deleted, for its entry.
struct Gone<'a> {
    subject: &'a str,
    reason: &'a str,
    bytes: u64,
}
