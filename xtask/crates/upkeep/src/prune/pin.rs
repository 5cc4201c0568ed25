//! `db-pin`: a line in the ledger, which retention reads.

use anyhow::Result;

use model::entry::Event;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use ops::ctx::Ctx;
use ops::held::Entries;
use server::facts::UNKNOWN;

/// What is asked.
#[derive(Debug)]
pub struct Request {
    /// A label, or `latest` and its like.
    pub text: String,
    /// Whether it is to be kept whatever the rules say.
    pub pinned: bool,
    /// Why.
    pub note: String,
}

/// Which backup is pinned, or left to the rules again.
#[derive(Debug)]
pub struct Pin {
    /// The backup.
    pub label: Label,
    /// Whether it is kept whatever the rules say.
    pub pinned: bool,
    /// Why.
    pub note: String,
}

/// What the ledger says now.
#[derive(Debug)]
pub struct Pinned {
    /// As asked, without secrets.
    pub pin: Pin,
    /// What is wrong with the backup, where something is.
    pub problem: Option<String>,
}

/// Pins a backup, or lets the rules decide again.
///
/// # Errors
/// There is no such backup (2), or the ledger is damaged (40).
pub fn pin(ctx: &Ctx, request: Request) -> Result<Pinned> {
    let Request { text, pinned, note } = request;
    let backups = &ctx.settings.backups;
    // A mistake does not make the folder.
    if !backups.is_dir() {
        let message = format!("there is no backup `{text}`");
        return Err(Stop::new(ExitCode::Usage, message)
            .hint(format!("There are no backups in {} yet.", backups.display()))
            .into());
    }
    let (label, notes) = ctx.store()?.label_of(&text, &ctx.settings.schema)?;
    for note in notes {
        ctx.ui.warn(note);
    }
    let entries = Entries::open(ctx)?;
    let store = entries.store();
    let ledger = store.read()?;
    let entry = store.backup(&label)?;
    // One that only a destination still holds can be pinned, too.
    if entry.is_none() && !(ledger.knows(&label) || ledger.pins().contains_key(&label)) {
        return Err(store.missing(&label)?.into());
    }
    let uuid = entry.as_ref().and_then(|entry| entry.manifest());
    let uuid = uuid.map_or(UNKNOWN, |manifest| manifest.server.uuid.as_str());
    let note = ctx.settings.redact(&note);
    let event = Event::Pin { label: label.clone(), pinned, note: note.clone() };
    entries.append(uuid, label.schema(), event)?;
    let problem = entry.as_ref().and_then(|entry| entry.problem());
    Ok(Pinned { pin: Pin { label, pinned, note }, problem })
}
