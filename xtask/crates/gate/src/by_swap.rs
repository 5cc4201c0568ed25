//! The rehearsed copy takes the live schema's place: all or nothing, under a write
//! lock, and only if under that lock nothing is found that wrote since the backup.

use anyhow::Result;

use crate::rehearse::Rehearsed;
use crate::{Gate, Live, told, undo};
use model::account::Role;
use model::exit::{ExitCode, Stop};
use model::facts::Flavour;
use model::gate::{Evidence, Strategy};
use model::ident::quote;
use model::inventory::{Inventory, ObjectKind};
use model::state::{SchemaState, UndoState};
use model::swap::Purpose;
use ops::sessions::Pair;
use ops::staging::Staged;
use ops::swap::Swap;
use ops::unchanged::Basis;
use ops::{staging, swap, unchanged};
use plan::definer::Owner;
use plan::restore::before_name;
use plan::swap::{Leaving, Sides};
use server::{Session, inventory};
use store::gate::WayBack;
use sys::fault::point;

/// How it ended.
#[derive(Debug)]
pub enum Swapped {
    /// It is live.
    Done(Live),
    /// Under the lock it was found that something had written: nothing was swapped.
    Moved(Moved),
}

/// What is left of a swap that was called off.
#[derive(Debug)]
pub struct Moved {
    /// What had been written.
    pub evidence: Evidence,
    /// Whether that was found under the lock, or after it.
    pub called_off: bool,
    /// The copy as it was to go live, where it is still there; its triggers are not.
    pub copy: Option<Box<Inventory>>,
}

impl Moved {
    fn off(evidence: Evidence, copy: Option<&Inventory>) -> Self {
        Self { evidence, called_off: true, copy: copy.cloned().map(Box::new) }
    }
}

/// Puts the rehearsed copy in place.
///
/// # Errors
/// The server refuses; the message says on which side of the change the live schema is.
pub fn go(
    gate: &Gate<'_>,
    pair: &mut Pair,
    rehearsed: &Rehearsed<'_>,
    basis: &Basis<'_>,
) -> Result<Swapped> {
    let staged = rehearsed.copy().staged();
    let copy = migrated(gate, pair.copy(), &staged.schema)?;
    let new_state = unchanged::of_schema(gate.ctx(), pair.copy(), &staged.schema, &copy, false)?;
    let session = pair.live();
    let before = staging::free_name(gate.ctx(), session, before_name)?;
    let mut reader = gate.ctx().session(gate.server(), Role::Backup, None)?.read_only()?;
    let undo = remembered(gate, basis, &before, &copy, new_state);
    if let WayBack::Refused(refused) = gate.held.store().way_back()? {
        gate.ctx().ui.warn(format!("{}; this migration's replaces it", refused.warning()));
    }
    let earlier = gate.held.store().undo_as_it_is()?;
    gate.held.store().write_undo(gate.held.lock(), &undo)?;
    point("gate.remembered")?;
    let definer = gate.ctx().settings.program_definer();
    let mut seen = None;
    let mut guard = |session: &mut Session| {
        let evidence = unchanged::look(gate.ctx(), session, &mut reader, basis)?;
        let refused = Stop::new(
            ExitCode::GateRefused,
            format!(
                "nothing was swapped, `{}` was not touched: {evidence}",
                gate.ctx().settings.schema
            ),
        );
        let unchanged = matches!(evidence, Evidence::Unchanged(_));
        seen = Some(evidence);
        if unchanged { Ok(()) } else { Err(refused.into()) }
    };
    let source = basis.manifest.label.to_string();
    let change = Swap {
        keep: true,
        ..Swap::of(
            &basis.manifest.server.uuid,
            Sides { owner: Owner::Locked(&definer), ..sides(gate, staged, &copy, &before) },
            &source,
            Purpose::Migrate,
        )
    };
    let locked_ms = match swap::execute(gate.held, session, &change, Some(&mut guard)) {
        Ok(locked_ms) => locked_ms,
        Err(error) if !inventory::schema_exists(session, &before).is_ok_and(|there| !there) => {
            // The tables did move, or it is not known: then the way back stays.
            return Err(error);
        }
        Err(error) => {
            gate.held.store().put_undo(gate.held.lock(), earlier.as_deref())?;
            let moved = seen.filter(|it| !matches!(it, Evidence::Unchanged(_)));
            let moved = moved.map(|evidence| Moved::off(evidence, Some(&copy)));
            return moved.map(Swapped::Moved).ok_or(error);
        }
    };
    point("gate.applied")?;
    if staged.flavour == Flavour::Mariadb {
        let found = slipped(session, &before, &[unchanged::of_backup(basis.manifest)]);
        if !found.is_empty() {
            staging::drop_schema(session, &staged.schema)?;
            return back(gate, session, &undo, &found);
        }
    }
    swap::demand_exact(session, &gate.ctx().settings.schema, &copy)?;
    staging::drop_schema(session, &staged.schema)?;
    Ok(Swapped::Done(Live {
        strategy: Strategy::Swap,
        previous_schema: Some(before),
        locked_ms,
        followed: false,
    }))
}

pub(crate) fn sides<'a>(
    gate: &'a Gate<'_>,
    staged: &'a Staged,
    copy: &'a Inventory,
    before: &'a str,
) -> Sides<'a> {
    Sides {
        flavour: staged.flavour,
        target: &gate.ctx().settings.schema,
        live: gate.before,
        staging: &staged.schema,
        staged: copy,
        before,
        owner: Owner::Swapper,
        leaving: Leaving::default(),
    }
}

/// Something had written to the old tables before they moved: they come back, where
/// nothing wrote to the new ones in the meantime.
fn back(
    gate: &Gate<'_>,
    session: &mut Session,
    undo: &UndoState,
    slipped: &[String],
) -> Result<Swapped> {
    gate.ctx().ui.warn("something wrote during the swap; putting the old tables back");
    let exchanged = undo::exchange(gate.held, session, undo);
    let aside = exchanged.map_err(|error| {
        let (schema, before) = (&gate.ctx().settings.schema, &undo.previous_schema);
        error.context(
            Stop::new(
                ExitCode::MigrationNotRestored,
                format!("`{schema}` is migrated, but something wrote to the old tables during the \
                swap: {}", slipped.join("; ")),
            )
            .hint(format!("Those rows are in `{before}`, which is kept, and nowhere else. Copy them over before it is dropped."))
            .hint("The old tables could not be put back, because something wrote to the new ones \
            too."),
        )
    })?;
    if let Some(stop) = aside.lost_between(&gate.ctx().settings.schema) {
        return Err(stop.into());
    }
    // The rehearsed copy, which nothing wrote to: that was just looked at.
    staging::drop_schema(session, &aside.before)?;
    let evidence = Evidence::Changed("in the moment of the swap".to_owned());
    Ok(Swapped::Moved(Moved::off(evidence, None)))
}

/// The copy as it is to go live: the API agrees that it is migrated, and its events
/// are gone, because a copy must not act. They are made again in the live schema.
pub(crate) fn migrated(gate: &Gate<'_>, session: &mut Session, schema: &str) -> Result<Inventory> {
    let told = told::ask(gate.ctx(), gate.server(), gate.api, schema)?;
    if !told.pending.is_empty() || told.dirty.is_some() {
        return Err(Stop::new(
            ExitCode::GateRefused,
            "the API does not agree that the rehearsed copy is migrated; the database was not touched",
        )
        .hint("A migration may change `_sqlx_migrations` itself; use `--strategy in-place`.")
        .into());
    }
    let copy = inventory::read(session, schema)?;
    for (kind, name) in copy.programs.keys() {
        if *kind == ObjectKind::Event {
            session.run(&format!("DROP EVENT {}", quote(name)))?;
        }
    }
    Ok(copy)
}

fn remembered(
    gate: &Gate<'_>,
    basis: &Basis<'_>,
    before: &str,
    copy: &Inventory,
    new_state: SchemaState,
) -> UndoState {
    UndoState {
        version: 1,
        server: basis.manifest.server.uuid.clone(),
        schema: gate.ctx().settings.schema.clone(),
        previous_schema: before.to_owned(),
        backup: basis.manifest.label.clone(),
        migrations: gate.names(),
        old: gate.before.clone(),
        old_state: unchanged::of_backup(basis.manifest),
        new: copy.clone(),
        new_state,
        log: None,
    }
}

/// MariaDB ends the lock just before the RENAME. What was waiting for the lock may
/// have written in between: then it is in the tables that moved to `before`, and is told.
/// `accepted` are the states that they may be in. What cannot be compared is told, too:
/// the swap has happened, and that must not be lost over it.
pub fn slipped(session: &mut Session, before: &str, accepted: &[SchemaState]) -> Vec<String> {
    compared(session, before, accepted)
        .unwrap_or_else(|error| vec![format!("it could not be compared: {error:#}")])
}

fn compared(session: &mut Session, before: &str, accepted: &[SchemaState]) -> Result<Vec<String>> {
    let old = inventory::read(session, before)?;
    let mut least: Option<Vec<String>> = None;
    for state in accepted {
        let found = unchanged::rows_differing(session, before, &old, state)?;
        if least.as_ref().is_none_or(|least| found.len() < least.len()) {
            least = Some(found);
        }
    }
    Ok(least.unwrap_or_default())
}
