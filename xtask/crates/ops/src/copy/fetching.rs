//! `--from`: a copy at a destination instead of a backup in the folder.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Bars, attempt, open, write};
use crate::ctx::Ctx;
use crate::held::HeldFolder;
use crate::verify::Verified;
use config::outside::{DestinationPolicy, named};
use model::check::Outcome;
use model::copy::CopyOutcome;
use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::manifest::Manifest;
use model::trust::Trust;
use model::wrong_clock::WrongClock;
use plan::timeline::Timeline;
use report::copies::CopyLine;
use store::age::identity_of;
use store::remote::fault::Fault;
use store::remote::{self, Depot, RemoteCopy, fetch, known};
use store::source::{Origin, Source, TextSaid, origin_note};
use store::{KeyFile, Keyring, Store};
use sys::{clock, fs, proc};
use ui::Step;

/// The copies at a destination, the newest first.
///
/// # Errors
/// There is no such destination, or it cannot be read ([`ExitCode::Offsite`]).
pub fn copies(ctx: &Ctx, name: &str) -> Result<Vec<RemoteCopy>> {
    let mut from = From::open(ctx, name)?;
    from.copies()
}

/// The label of the copy that `text` names, without fetching it.
///
/// # Errors
/// As [`copies`], and there is no such copy.
pub fn chosen(ctx: &Ctx, name: &str, text: &str) -> Result<Label> {
    let mut from = From::open(ctx, name)?;
    Ok(from.pick(text)?.0.label)
}

/// The copy as a restore's plan needs it, without fetching it.
///
/// # Errors
/// As [`copies`], and there is no such copy.
pub fn announced(ctx: &Ctx, name: &str, text: &str) -> Result<Source> {
    let mut from = From::open(ctx, name)?;
    let (copy, trust, wrong_clock) = from.pick(text)?;
    Ok(Source {
        path: PathBuf::from(copy.note.map_or_else(String::new, |note| note.object)),
        manifest: copy.manifest,
        name: copy.label.to_string(),
        origin: Origin::Own,
        trust,
        key: KeyFile::of(&ctx.settings),
        place: Some(name.to_owned()),
        no_end_line: false,
        text: TextSaid::default(),
        wrong_clock,
        notes: vec![format!("It would be fetched from `{name}` into the backups folder first.")],
    })
}

/// Makes the copy that `text` names a backup of `store`, and gives the copy.
///
/// # Errors
/// As [`copies`]; the copy is damaged ([`ExitCode::Store`]), or no key opens it.
pub fn into(ctx: &Ctx, store: &Store, name: &str, text: &str) -> Result<RemoteCopy> {
    let mut from = From::open(ctx, name)?;
    let (copy, trust, _) = from.pick(text)?;
    let lock = store.lock()?;
    for name in store.clean(&lock)? {
        ctx.ui.say(format!("removed {name}, left behind by an unfinished run"));
    }
    ctx.ui.step(Step::Fetch, format!("fetching {} from `{name}`", copy.label));
    let bytes = copy.note.as_ref().map_or(0, |note| note.bytes);
    let keys = || identity_of(&ctx.settings);
    let depot = from.depot.as_mut();
    let fetched = attempt::repeated(ctx, name, || {
        let mut bars = Bars::new(ctx, name, bytes);
        let entry = fetch::fetch(store, &lock, depot, &copy, &keys, &mut |phase, bytes| {
            bars.at(phase, bytes);
        });
        bars.done();
        entry
    })?;
    let entry = fetched.map_err(|fault| unreadable(ctx, name, &fault))?;
    // That it is what was sent can be said only where it is known who sent it.
    let what = match &trust {
        trust if trust.is_proven() => format!("equal to what was sent, {trust}"),
        trust => format!("what its note describes; {trust}"),
    };
    ctx.ui.say(format!("{} is here and {what}", entry.label));
    Ok(copy)
}

/// Writes down what a verification of a fetched copy says about the destination: all of
/// the object was read for it.
///
/// # Errors
/// The entry cannot be written.
pub fn judged(
    held: &HeldFolder<'_>,
    name: &str,
    copy: &RemoteCopy,
    verified: &Verified,
) -> Result<()> {
    let (Some(manifest), Some(note)) = (&copy.manifest, &copy.note) else { return Ok(()) };
    let failed = verified.checks.iter().find(|check| check.outcome == Outcome::Failed);
    let detail = failed.map(|check| format!("{}: {}", check.name, check.detail));
    let passed = verified.passed();
    let line = CopyLine {
        label: copy.label.clone(),
        destination: name.to_owned(),
        outcome: if passed { CopyOutcome::Checked } else { CopyOutcome::Failed },
        bytes: if passed { note.bytes } else { 0 },
        sha256: if passed { note.sha256.clone() } else { String::new() },
        detail: detail.unwrap_or_default(),
        duration_ms: verified.duration_ms,
    };
    write(held, &manifest.server.uuid, line).map(drop)
}

fn unreadable(ctx: &Ctx, name: &str, fault: &Fault) -> Stop {
    let message = format!("`{name}` cannot be read: {}", ctx.settings.redact(&fault.message));
    let advice = fault.kind.advice(name).replace(
        &format!("`cargo xtask db-copy --to {name}` tries again."),
        "Then run this command again.",
    );
    Stop::new(ExitCode::Offsite, message).hint(advice).hint("Nothing was changed.")
}

struct From<'a> {
    ctx: &'a Ctx,
    policy: DestinationPolicy,
    depot: Box<dyn Depot>,
}

impl<'a> From<'a> {
    fn open(ctx: &'a Ctx, name: &str) -> Result<Self> {
        let policy = named(&ctx.settings.policy.destination, name)?.clone();
        let depot = open(ctx, &policy)?;
        Ok(Self { ctx, policy, depot })
    }

    fn copies(&mut self) -> Result<Vec<RemoteCopy>> {
        let name = &self.policy.name;
        let depot = self.depot.as_mut();
        let found = attempt::repeated(self.ctx, name, || remote::copies(depot))?;
        Ok(found.map_err(|fault| unreadable(self.ctx, name, &fault))?)
    }

    fn pick(&mut self, text: &str) -> Result<(RemoteCopy, Trust, Option<WrongClock>)> {
        let copies = self.copies()?;
        let (ctx, name) = (self.ctx, &self.policy.name);
        let backups = &ctx.settings.backups;
        // Looking does not make the folder.
        let store = backups.is_dir().then(|| Store::of(&ctx.settings)).transpose()?;
        let ledger = store.as_ref().map(Store::read).transpose()?.unwrap_or_default();
        let known: Vec<&Manifest> = copies.iter().filter_map(|it| it.manifest.as_ref()).collect();
        let suspects = store.map(|it| it.suspects_among(&known, &ledger)).unwrap_or_default();
        let schema = &ctx.settings.schema;
        let timeline = Timeline::of(&ledger.entries, clock::now());
        let picked = fetch::pick(&copies, text, schema, name, &suspects, &timeline)?;
        let trust = known::demand_own(&ledger, &Keyring::of(&ctx.settings), name, &picked.copy)?;
        let unproven = origin_note(&format!("the copy of {}", picked.copy.label), &trust);
        for note in picked.notes.into_iter().chain(unproven) {
            ctx.ui.warn(note);
        }
        let wrong_clock = fetch::placed(&picked.copy, &timeline).1;
        Ok((picked.copy, trust, wrong_clock))
    }
}

const PREFIX: &str = "fetched-";

/// Folders of dead runs for copies that were only looked at. Each can be as large as a
/// backup, and holds what is in it in clear text where the backup itself does.
///
/// # Errors
/// The folder `.local` cannot be read.
pub fn abandoned(local: &Path) -> Result<Vec<String>> {
    let mut names = fs::names(local)?;
    names.retain(|name| {
        let pid = name.strip_prefix(PREFIX).and_then(|pid| pid.parse::<u32>().ok());
        pid.is_some_and(|pid| !proc::alive(pid))
    });
    Ok(names)
}

/// Removes them, and gives their names.
///
/// # Errors
/// One cannot be removed.
pub fn sweep(local: &Path) -> Result<Vec<String>> {
    let names = abandoned(local)?;
    for name in &names {
        fs::remove_dir_if_exists(&local.join(name))?;
    }
    Ok(names)
}

/// A folder for copies that are only looked at; gone when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one below `.local`; what dead runs left there goes, for its room is needed.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn new(ctx: &Ctx) -> Result<Self> {
        sweep(&ctx.settings.local)?;
        let path = ctx.settings.local.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_private_dir(&path)?;
        Ok(Self(path))
    }

    /// The folder as a store.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn store(&self, ctx: &Ctx) -> Result<Store> {
        let store = Store::open(&self.0)?.with_key(KeyFile::of(&ctx.settings));
        Ok(store.with_keyring(Keyring::of(&ctx.settings)))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next command that changes something.
        fs::remove_dir_if_exists(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_dead_runs_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let local = dir.path();
        assert!(abandoned(&local.join("none")).unwrap().is_empty());
        let own = format!("{PREFIX}{}", std::process::id());
        // No process has so high an id.
        let dead = format!("{PREFIX}{}", i32::MAX);
        for name in [own.as_str(), dead.as_str(), "fetched-by-hand", "mariadb"] {
            fs::create_private_dir(&local.join(name)).unwrap();
        }
        assert_eq!(abandoned(local).unwrap(), std::slice::from_ref(&dead));
        assert_eq!(sweep(local).unwrap(), [dead]);
        let left = fs::names(local).unwrap();
        assert_eq!(left, [own.as_str(), "fetched-by-hand", "mariadb"]);
    }
}
