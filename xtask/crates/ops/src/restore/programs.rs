//! What becomes of the views, triggers, routines and events of a restored file: whose they
//! are, which are new, and when events may run.

use std::collections::BTreeSet;

use crate::ctx::Ctx;
use crate::staging::Staged;
use model::inventory::{Inventory, ObjectKind, Program};
use model::swap::EventStatement;
use plan::definer::{self, Owner};
use plan::restore::Brought;
use plan::swap as swap_plan;
use sql::fingerprint;
use store::Provenance;
use store::source::Source;

/// Programs by kind and name.
pub(super) type Names = BTreeSet<(ObjectKind, String)>;

/// Who the programs will belong to.
pub(super) fn owner<'a>(definer: &'a str, provenance: Provenance) -> Owner<'a> {
    if provenance.is_proven() { Owner::Locked(definer) } else { Owner::LockedAll(definer) }
}

/// What goes live, and what becomes of its events.
#[derive(Debug)]
pub(super) struct Incoming {
    /// What the target holds directly after the swap.
    pub inventory: Inventory,
    /// Enables those that may run, once the entry is written.
    pub enable: Vec<EventStatement>,
    /// The statements for those that stay disabled, for the user.
    pub left: Vec<String>,
}

/// Makes every event that runs in the file wait: until the entry is written where `may_run`,
/// until someone asks for it where not. Only one that the swap does not touch goes on
/// running: one that it makes again could call what else the file brings.
pub(super) fn incoming(
    (target, live): (&str, &Inventory),
    staged: &Staged,
    owner: &Owner<'_>,
    may_run: bool,
) -> Incoming {
    let mut inventory = staged.inventory.clone();
    let (mut enable, mut left) = (Vec::new(), Vec::new());
    for (name, idle) in &staged.events {
        let key = (ObjectKind::Event, name.clone());
        let Some(wanted) = staged.inventory.programs.get(&key) else { continue };
        let stays = swap_plan::left_alone((live, &staged.inventory), owner, &key, wanted);
        if wanted.ddl == idle.ddl || stays {
            continue;
        }
        inventory.programs.insert(key, idle.clone());
        if may_run {
            let mut statement = swap_plan::statement(wanted);
            statement.sql = definer::enabling(owner, name, None);
            enable.push(EventStatement { event: name.clone(), statement });
        } else {
            left.push(definer::enabling(owner, name, Some(target)));
        }
    }
    Incoming { inventory, enable, left }
}

/// A copy beside the live schema never acts: all its events are disabled.
pub(super) fn beside(staged: &Staged) -> Inventory {
    let mut inventory = staged.inventory.clone();
    for (name, idle) in &staged.events {
        inventory.programs.insert((ObjectKind::Event, name.clone()), idle.clone());
    }
    inventory
}

/// Names the events that run in the backup, and not in its copy.
pub(super) fn say_idle(ctx: &Ctx, target: &str, staged: &Staged) {
    let runs = |(name, idle): &(&String, &Program)| {
        let wanted = staged.inventory.programs.get(&(ObjectKind::Event, (*name).clone()));
        wanted.is_some_and(|wanted| wanted.ddl != idle.ddl)
    };
    let names: Vec<String> =
        staged.events.iter().filter(runs).map(|(name, _)| format!("`{name}`")).collect();
    if !names.is_empty() {
        let all = names.join(", ");
        ctx.ui.say(format!(
            "nothing acts in a copy: in `{target}` these events stay disabled: {all}"
        ));
    }
}

/// What a file of unknown origin brings, as far as it can be told before it is loaded:
/// by its manifest, which is compared with what is loaded, or else by name.
pub(super) fn announced(source: &Source, named: &Names, live: &Inventory) -> Vec<Brought> {
    let table = |kind: &ObjectKind| *kind == ObjectKind::Table;
    let here = fingerprint::definitions(live);
    let Some(manifest) = &source.manifest else {
        let told = named.iter().filter(|(kind, _)| !table(kind));
        return told
            .map(|key| Brought::of(key, if here.contains_key(key) { None } else { Some(false) }))
            .collect();
    };
    let listed = fingerprint::listed(manifest);
    let other = listed.iter().filter(|((kind, _), _)| !table(kind));
    other
        .filter(|(key, hash)| here.get(*key) != Some(*hash))
        .map(|(key, _)| Brought::of(key, Some(here.contains_key(key))))
        .collect()
}

/// The last word before the swap: by then the definitions were read from the server.
pub(super) fn say(ctx: &Ctx, source: &Source, live: &Inventory, staged: &Inventory) {
    let brought = definer::brought(live, staged);
    if brought.is_empty() {
        return;
    }
    let all: Vec<String> = brought
        .into_iter()
        .map(|(kind, name, there)| Brought::of(&(kind, name), Some(there)).to_string())
        .collect();
    let name = &source.name;
    ctx.ui.warn(format!("the origin of {name} is unknown, and it contains: {}", all.join(", ")));
}
