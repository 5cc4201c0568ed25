//! `db-list` and `db-show`

use std::collections::BTreeMap;

use anyhow::Result;

use cli::list::{DbList, DbShow};
use model::copy::CopyOutcome;
use model::entry::{Entry, Event};
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::loss::Loss;
use model::manifest::Manifest;
use model::trust::Trust;
use model::wrong_clock::WrongClock;
use ops::copy::fetching;
use ops::ctx::Ctx;
use plan::timeline::Timeline;
use plan::which::{self, Until};
use report::json::{
    DOCUMENT_VERSION, ListDocument, ListedBackup, ListedPlace, PlaceState, ShowDocument, Unusable,
};
use report::text::ListRow;
use store::latest::until;
use store::ledger::Ledger;
use store::remote::{RemoteCopy, fetch};
use store::{Backup, Store};
use sys::clock;

/// The backups folder among the places.
const HERE: &str = "here";

/// Runs the command. It takes no lock and changes nothing.
pub(crate) fn run(ctx: &mut Ctx, args: &DbList) -> Result<()> {
    let store = ctx.store()?;
    let found = match &args.from {
        Some(name) => remote(ctx, &store, name)?,
        None => local(&store)?,
    };
    let since = args.since.as_deref().map(since).transpose()?;
    let known = Known::of(&store, &found)?;
    let rows: Vec<ListRow> = (0..found.len()).map(|at| known.row(&found, at)).collect();
    let all = rows.len();
    let young = |row: &ListRow| since.as_ref().is_none_or(|since| is_since(row, since));
    let limit = args.limit.map_or(usize::MAX, |limit| limit as usize);
    let rows: Vec<ListRow> = rows.into_iter().filter(young).take(limit).collect();
    let left_off = (all - rows.len()) as u64;
    let elsewhere = match args.from {
        Some(_) => Vec::new(),
        None => store.elsewhere(&ctx.settings.schema),
    };
    if ctx.ui.json() {
        ctx.ui.result(report::json::render(&document(&rows, left_off))?);
    } else if all == 0 && !elsewhere.is_empty() {
        ctx.ui.result(format!("There are no backups in {}.\n", store.dir().display()));
    } else {
        ctx.ui.result(report::text::list(&rows, left_off, clock::now(), ctx.ui.width()));
    }
    for line in elsewhere {
        ctx.ui.say(line);
    }
    let what = if args.from.is_some() { "the copy of " } else { "" };
    for row in &rows {
        if let ListRow::Unusable { label, problem } = row {
            ctx.ui.warn(format!("{what}{label} cannot be used: {problem}"));
        }
    }
    if args.from.is_none() {
        for name in store.strangers()? {
            ctx.ui.say(format!(
                "{name} was not made by this tool; it can be restored, but its contents are unknown"
            ));
        }
    }
    Ok(())
}

fn since(text: &str) -> Result<Until, Stop> {
    let moment = which::moment(text, clock::now_local()).ok_or_else(|| {
        Stop::new(ExitCode::Usage, format!("--since: `{text}` is not a time")).hint(which::TIMES)
    })?;
    Ok(until(moment))
}

fn is_since(row: &ListRow, since: &Until) -> bool {
    match row {
        // What may be as young is shown.
        ListRow::Usable(backup) => match &backup.wrong_clock {
            Some(wrong) => wrong.until_utc.is_none_or(|until| until >= since.utc),
            None => backup.created_utc >= since.utc,
        },
        ListRow::Unusable { label, .. } => label.time() >= since.local,
    }
}

fn document(rows: &[ListRow], left_off: u64) -> ListDocument {
    let (mut backups, mut unusable) = (Vec::new(), Vec::new());
    for row in rows {
        match row {
            ListRow::Usable(backup) => backups.push((**backup).clone()),
            ListRow::Unusable { label, problem } => {
                unusable.push(Unusable { label: label.clone(), problem: problem.clone() });
            }
        }
    }
    ListDocument { version: DOCUMENT_VERSION, backups, unusable, left_off }
}

/// A backup or a copy.
struct Found {
    label: Label,
    /// What it holds, or why it cannot be used.
    content: Result<Box<Manifest>, String>,
    trust: Trust,
    wrong_clock: Option<WrongClock>,
    /// The destination; `None`: it is here.
    place: Option<String>,
}

impl Found {
    fn manifest(&self) -> Option<&Manifest> {
        self.content.as_deref().ok()
    }
}

/// What lies here, the newest first.
fn local(store: &Store) -> Result<Vec<Found>> {
    let found = store.list()?.into_iter().map(|entry| {
        let content = match entry.manifest() {
            Some(manifest) => Ok(Box::new(manifest.clone())),
            None => Err(entry.problem().unwrap_or_default()),
        };
        let Backup { label, trust, wrong_clock, .. } = entry;
        Found { label, content, trust, wrong_clock, place: None }
    });
    Ok(found.collect())
}

/// What lies at a destination. How far a backup was proven is in the ledger here.
fn remote(ctx: &Ctx, store: &Store, name: &str) -> Result<Vec<Found>> {
    let ledger = store.read()?;
    let timeline = Timeline::of(&ledger.entries, clock::now());
    let mut copies = fetching::copies(ctx, name)?;
    fetch::sort(&mut copies, &timeline);
    let found = copies.into_iter().map(|copy| {
        let wrong_clock = fetch::placed(&copy, &timeline).1;
        let RemoteCopy { label, manifest, problem, .. } = copy;
        // What is there under the name of a backup of this machine must be that one.
        let other = manifest.as_ref().and_then(|it| ledger.contradicts(it));
        let problem = problem.or(other.map(|why| format!("was replaced: {why}")));
        let (content, trust) = match (manifest, problem) {
            (Some(manifest), None) => {
                let signed = store.keyring().judge(manifest.signer.as_deref());
                let trust = ledger.origin(&manifest, signed);
                (Ok(Box::new(manifest)), trust)
            }
            (_, problem) => (Err(problem.unwrap_or_default()), Trust::Unsigned),
        };
        Found { label, content, trust, wrong_clock, place: Some(name.to_owned()) }
    });
    Ok(found.collect())
}

/// What the ledger says about them.
struct Known {
    ledger: Ledger,
    /// The same with times that make no proof younger than it is.
    told: Ledger,
    pins: BTreeMap<Label, String>,
    suspects: BTreeMap<Label, Loss>,
    copies: BTreeMap<(Label, String), PlaceState>,
}

impl Known {
    fn of(store: &Store, found: &[Found]) -> Result<Self> {
        let ledger = store.read()?;
        let manifests: Vec<&Manifest> = found.iter().filter_map(Found::manifest).collect();
        let suspects = store.suspects_among(&manifests, &ledger);
        let (pins, copies) = (ledger.pins(), copies(&ledger));
        let timeline = Timeline::of(&ledger.entries, clock::now());
        let entries = timeline.earliest(ledger.entries.clone());
        let told = Ledger { entries, ..ledger.clone() };
        Ok(Self { ledger, told, pins, suspects, copies })
    }

    fn row(&self, found: &[Found], at: usize) -> ListRow {
        let it = &found[at];
        match &it.content {
            Err(problem) => ListRow::Unusable { label: it.label.clone(), problem: problem.clone() },
            Ok(manifest) => {
                let before = before(found, at);
                ListRow::Usable(Box::new(self.listed(it, manifest, before)))
            }
        }
    }

    fn listed(&self, it: &Found, manifest: &Manifest, before: Option<&Manifest>) -> ListedBackup {
        let (label, sha256) = (&manifest.label, &manifest.sha256);
        let ledger = &self.told;
        let verified = ledger.highest_verification(label, sha256);
        ListedBackup::new(manifest, clock::local(manifest.created_utc), verified)
            .vouched(&it.trust, ledger.claimed_verification(label, sha256))
            .pinned(self.pins.get(label))
            .judged(ledger.last_failed(label))
            .suspect(self.suspects.get(label))
            .misdated(it.wrong_clock)
            .after(before)
            .at(self.places(it))
    }

    fn places(&self, it: &Found) -> Vec<ListedPlace> {
        if let Some(name) = &it.place {
            return vec![ListedPlace { name: name.clone(), state: PlaceState::There }];
        }
        let here = ListedPlace { name: HERE.to_owned(), state: PlaceState::There };
        let copies = self.copies.iter().filter(|((label, _), _)| *label == it.label);
        let copies =
            copies.map(|((_, name), state)| ListedPlace { name: name.clone(), state: *state });
        std::iter::once(here).chain(copies).collect()
    }
}

/// The whole backup of the same schema before it.
fn before(found: &[Found], at: usize) -> Option<&Manifest> {
    let own = |it: &&Found| it.label.schema() == found[at].label.schema();
    let earlier = found[at + 1..].iter().filter(own).filter_map(Found::manifest);
    let mut whole = earlier.filter(|manifest| !manifest.is_partial());
    whole.next()
}

/// The last word about each copy. Anyone can write that one is good.
fn copies(ledger: &Ledger) -> BTreeMap<(Label, String), PlaceState> {
    let mut copies = BTreeMap::new();
    for entry in &ledger.entries {
        let proven = entry.trust.is_proven();
        match &entry.event {
            Event::Copy { label, destination, outcome, .. } => {
                let at = (label.clone(), destination.clone());
                if *outcome == CopyOutcome::Failed {
                    copies.insert(at, PlaceState::Failed);
                } else if proven {
                    copies.insert(at, PlaceState::There);
                }
            }
            Event::Prune { destination: Some(destination), subject, .. } => {
                if let Ok(label) = subject.parse() {
                    copies.remove(&(label, destination.clone()));
                }
            }
            _ => {}
        }
    }
    copies
}

/// `db-show`: one backup, whole. It takes no lock and changes nothing.
pub(crate) fn show(ctx: &mut Ctx, args: &DbShow) -> Result<()> {
    let store = ctx.store()?;
    let schema = &ctx.settings.schema;
    let found = match &args.from {
        Some(name) => remote(ctx, &store, name)?,
        None => local(&store)?,
    };
    let label = match &args.from {
        Some(name) => fetching::chosen(ctx, name, &args.label)?,
        None => {
            let (label, notes) = store.label_of(&args.label, schema)?;
            for note in notes {
                ctx.ui.warn(note);
            }
            label
        }
    };
    let Some(at) = found.iter().position(|it| it.label == label) else {
        return Err(store.missing(&label)?.into());
    };
    let manifest = match &found[at].content {
        Ok(manifest) => manifest,
        Err(problem) => {
            return Err(Stop::new(ExitCode::Store, format!("backup {label} {problem}"))
                .hint("Use another backup: `cargo xtask db-list` shows them.")
                .into());
        }
    };
    let (known, before) = (Known::of(&store, &found)?, before(&found, at));
    let name = label.to_string();
    let about = |it: &&Entry| report::page::about(&it.event).contains(&name);
    let receipts: Vec<Entry> = known.ledger.entries.iter().filter(about).cloned().collect();
    let listed = known.listed(&found[at], manifest, before);
    let file = match &args.from {
        Some(_) => manifest.file.clone(),
        None => store.dir().join(&manifest.file).display().to_string(),
    };
    let document = ShowDocument::new(listed, manifest, before, receipts).lies_at(file);
    if ctx.ui.json() {
        ctx.ui.result(report::json::render(&document)?);
    } else {
        let (now, width) = (clock::now(), ctx.ui.width());
        ctx.ui.result(report::text::show(&document, &clock::local, now, width));
    }
    Ok(())
}
