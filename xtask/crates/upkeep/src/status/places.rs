//! Where copies are: the backups folder, and each destination as it is listed now.

use anyhow::Result;

use config::outside::DestinationPolicy;
use model::copy::DestinationKind;
use model::label::Label;
use model::manifest::Manifest;
use model::status::{Answer, Flaw, LOCAL, Place, ReadBack, Storage};
use model::wrong_clock::SLACK;
use ops::ctx::Ctx;
use plan::history::History;
use plan::timeline::Timeline;
use store::remote::{self, fetch};
use sys::{clock, disk};

pub(super) fn local(
    labels: &[Label],
    usable: &[&Manifest],
    newest: Option<&Label>,
    history: &History<'_>,
    flaws: Vec<Flaw>,
) -> Place {
    Place {
        name: LOCAL.to_owned(),
        storage: Answer::Known(Storage::ThisDisk),
        off_site: false,
        usable: Answer::Known(labels.len() as u64),
        bytes: Some(usable.iter().map(|m| m.bytes).sum()),
        newest: usable.first().map(|m| m.label.clone()),
        has_newest_verified: match newest {
            Some(_) => Answer::Known(true),
            None => Answer::unknown("there is no verified backup"),
        },
        read_back: history.read_back_here(labels),
        flaws,
        insecure: Vec::new(),
    }
}

/// What a destination's copies are held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here<'a> {
    /// The backups in the folder that can be used.
    pub usable: &'a [&'a Manifest],
    /// The newest verified one.
    pub newest: Option<&'a Label>,
    /// The order of backups.
    pub timeline: Option<&'a Timeline>,
}

impl Here<'_> {
    /// Two machines may use one destination, and give the same name.
    fn other(&self, copy: &remote::RemoteCopy) -> Option<&'static str> {
        let there = copy.manifest.as_ref()?;
        let here = self.usable.iter().find(|manifest| manifest.label == copy.label)?;
        (here.sha256 != there.sha256).then_some("is another backup of the same name")
    }
}

/// A destination. Its copies are listed and their sizes compared with what their notes
/// say; when they were last read to their end is in the ledger.
pub(super) fn destination(
    ctx: &Ctx,
    policy: &DestinationPolicy,
    here: &Here<'_>,
    history: &History<'_>,
    offline: bool,
) -> Place {
    let unknown = |why: &str| Place {
        name: policy.name.clone(),
        storage: storage(ctx, policy),
        off_site: policy.is_off_site(),
        usable: Answer::unknown(why),
        bytes: None,
        newest: None,
        has_newest_verified: Answer::unknown(why),
        read_back: None,
        flaws: Vec::new(),
        insecure: Vec::new(),
    };
    let copies = (!offline).then(|| list(ctx, policy));
    let place = match copies {
        None => unknown("not asked (--offline)"),
        Some(Err(error)) => unknown(&ctx.settings.redact(&format!("{error:#}"))),
        Some(Ok(mut copies)) => {
            if let Some(timeline) = here.timeline {
                fetch::sort(&mut copies, timeline);
            }
            listed(policy, storage(ctx, policy), &copies, here, history)
        }
    };
    Place { insecure: ctx.settings.outside.weak(policy), ..place }
}

fn list(ctx: &Ctx, policy: &DestinationPolicy) -> Result<Vec<remote::RemoteCopy>> {
    let mut depot = remote::open(&ctx.settings, policy)?;
    let mut copies = remote::copies(depot.as_mut())?;
    copies.retain(|copy| copy.label.schema() == ctx.settings.schema);
    Ok(copies)
}

fn listed(
    policy: &DestinationPolicy,
    storage: Answer<Storage>,
    copies: &[remote::RemoteCopy],
    here: &Here<'_>,
    history: &History<'_>,
) -> Place {
    let failed = history.failed_at(&policy.name);
    let read = history.read_back_at(&policy.name);
    let soon = clock::now() + SLACK;
    let rewritten = |copy: &remote::RemoteCopy| {
        let at = copy.rewritten?;
        // A later read is more current; one that is yet to come is of a clock that was wrong.
        let known = read.get(&copy.label).is_some_and(|read| *read > at && *read <= soon);
        let when = at.format("%Y-%m-%d %H:%M");
        (!known).then(|| format!("was rewritten at {when} UTC, after it was read back"))
    };
    let problem = |copy: &remote::RemoteCopy| {
        let known = || failed.get(&copy.label).cloned();
        let other = || here.other(copy).map(str::to_owned);
        copy.problem.clone().or_else(other).or_else(known).or_else(|| rewritten(copy))
    };
    let sound: Vec<&remote::RemoteCopy> =
        copies.iter().filter(|copy| problem(copy).is_none()).collect();
    let read_back = sound
        .iter()
        .filter_map(|copy| {
            Some(ReadBack { label: copy.label.clone(), at_utc: *read.get(&copy.label)? })
        })
        .max_by_key(|read| read.at_utc);
    Place {
        name: policy.name.clone(),
        storage,
        off_site: policy.is_off_site(),
        usable: Answer::Known(sound.len() as u64),
        bytes: Some(copies.iter().map(|copy| copy.bytes).sum()),
        newest: sound.first().map(|copy| copy.label.clone()),
        has_newest_verified: match here.newest {
            Some(label) => Answer::Known(sound.iter().any(|copy| copy.label == *label)),
            None => Answer::unknown("there is no verified backup"),
        },
        read_back,
        flaws: copies
            .iter()
            .filter_map(|copy| Some(Flaw { label: copy.label.clone(), problem: problem(copy)? }))
            .collect(),
        insecure: Vec::new(),
    }
}

/// What it is on. A folder on the backups' disk is not a second kind of storage, whatever its name.
fn storage(ctx: &Ctx, policy: &DestinationPolicy) -> Answer<Storage> {
    if policy.kind() == DestinationKind::Object {
        return Answer::Known(Storage::ObjectStore);
    }
    let same = remote::folder_of(&ctx.settings.root, &policy.url)
        .ok()
        .and_then(|folder| disk::same_disk(&folder, &ctx.settings.backups));
    match same {
        Some(true) => Answer::Known(Storage::ThisDisk),
        Some(false) => Answer::Known(Storage::OtherDisk),
        None => Answer::unknown("the folder does not exist"),
    }
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
