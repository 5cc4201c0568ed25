//! The definitions of a schema, written as a backup has them, loaded beside it without a row,
//! and compared: what does not come back so is in no backup that could be restored.

use anyhow::Result;

use crate::ctx::Ctx;
use crate::staging;
use model::facts::ServerFacts;
use model::inventory::{Inventory, ObjectKind};
use rows::load::{self, Loaded, Part};
use rows::native;
use server::{Session, inventory};
use sql::{Reading, fingerprint};

/// Makes the definitions in a schema of their own, without a row, and gives its name to `look`.
///
/// # Errors
/// The server or the guard refuses one of them, or as `look`.
pub fn on_empty_copy<T>(
    ctx: &Ctx,
    session: &mut Session,
    facts: &ServerFacts,
    wanted: &Inventory,
    look: impl FnOnce(&str) -> Result<T>,
) -> Result<T> {
    staging::scratch(ctx, session, wanted, |session, schema| {
        loaded(session, schema, facts, wanted)?;
        look(schema)
    })
}

/// What differs when the definitions come back; empty where they are the same.
///
/// # Errors
/// The server or the guard refuses one of them.
pub fn come_back(
    ctx: &Ctx,
    session: &mut Session,
    facts: &ServerFacts,
    wanted: &Inventory,
) -> Result<Vec<String>> {
    staging::scratch(ctx, session, wanted, |session, schema| {
        compared(session, schema, facts, wanted)
    })
}

fn loaded(
    session: &mut Session,
    schema: &str,
    facts: &ServerFacts,
    wanted: &Inventory,
) -> Result<Loaded> {
    let text = native::definitions_alone(schema, facts, wanted);
    let text = (text.as_bytes(), Reading::default());
    load::load(text, session, schema, &Part::Everything, 1, &mut |_| ())
}

fn compared(
    session: &mut Session,
    schema: &str,
    facts: &ServerFacts,
    wanted: &Inventory,
) -> Result<Vec<String>> {
    let loaded = loaded(session, schema, facts, wanted)?;
    let mut found = inventory::read(session, schema)?;
    staging::enable_events(&mut found, &loaded);
    let mut wanted = wanted.clone();
    // No server makes these: a backup leaves them out, and says so.
    wanted.broken_views.clear();
    let passed = |name: &str| loaded.past_events.contains(name);
    wanted.programs.retain(|(kind, name), _| *kind != ObjectKind::Event || !passed(name));
    Ok(fingerprint::differences(&wanted, &found))
}
