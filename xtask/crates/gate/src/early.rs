//! The pending migrations on the structure alone, before a large schema is backed up and
//! restored: a mistake in them is found in seconds.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;

use crate::rehearse::{self, Copy};
use crate::state::Pending;
use crate::told::ApiSession;
use model::exit::{ExitCode, Stop};
use model::inventory::Inventory;
use ops::ctx::Ctx;
use ops::definitions;
use plan::early::{is_conclusive, is_plain};
use report::human;
use server::session::{code, said};
use server::{Server, Session, facts};
use sql::split;
use sys::{clock, signal};
use ui::{Step, Total};

/// Looks, where the schema is large enough that waiting for the proof would be worse.
///
/// # Errors
/// A migration is wrong whatever the rows are (20), or the server cannot be reached.
pub(crate) fn look(
    ctx: &Ctx,
    server: &Server,
    session: &mut Session,
    (before, settings): (&Inventory, &ApiSession),
    pending: &[Pending],
) -> Result<()> {
    if !is_worth_it(ctx, before) {
        return Ok(());
    }
    ctx.ui.step(Step::Structure, "trying the migrations on the structure alone");
    let bar = ctx.ui.bar("try", Total::Unknown);
    let start = Instant::now();
    let facts = facts::read(session)?;
    let found = definitions::on_empty_copy(ctx, session, &facts, before, |schema| {
        let rows = BTreeMap::new();
        let copy = Copy { settings, schema, rows: &rows };
        run(ctx, server, &copy, pending)
    });
    bar.done();
    match found {
        Ok(Seen::All) => ctx.ui.say(format!(
            "the migrations pass on the structure alone, in {}",
            human::duration(clock::elapsed_ms(start))
        )),
        Ok(Seen::UpTo(place)) => ctx.ui.say(format!(
            "on the structure alone the migrations pass up to {place}; what comes from there on can \
             depend on rows"
        )),
        Ok(Seen::Wrong(stop)) => return Err(stop.into()),
        // What cannot be made without its rows is no mistake of the migration.
        Err(error) if code(&error).is_some() || error.downcast_ref::<Stop>().is_some() => {
            signal::check()?;
            ctx.ui.detail(format!("the structure alone cannot be tried: {error:#}"));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Whether waiting for the proof would be worse.
pub(crate) fn is_worth_it(ctx: &Ctx, before: &Inventory) -> bool {
    let from = ctx.settings.policy.gate.look_first_mib;
    from > 0 && before.bytes_estimate() >= from << 20
}

enum Seen {
    /// Every statement ran.
    All,
    /// As far as a copy without rows can tell; the place of the first statement that it cannot.
    UpTo(String),
    /// Whatever the rows are.
    Wrong(Stop),
}

fn run(ctx: &Ctx, server: &Server, copy: &Copy<'_>, pending: &[Pending]) -> Result<Seen> {
    let mut session = rehearse::open(ctx, server, copy)?;
    for one in pending {
        for part in split::parts(&one.text) {
            signal::check()?;
            if !is_plain(&split::first_word(part.text)) {
                return Ok(Seen::UpTo(one.place(&part, "")));
            }
            match session.run(part.text) {
                Ok(()) => {}
                Err(error) => {
                    return match code(&error) {
                        Some(code) if is_conclusive(code) => {
                            Ok(Seen::Wrong(wrong(ctx, one, &part, &said(&error))))
                        }
                        Some(_) => Ok(Seen::UpTo(one.place(&part, ""))),
                        None => Err(error),
                    };
                }
            }
        }
    }
    Ok(Seen::All)
}

fn wrong(ctx: &Ctx, one: &Pending, part: &split::Part<'_>, said: &str) -> Stop {
    Stop::new(
        ExitCode::GateRefused,
        format!(
            "the migration is wrong; it ran on a copy without rows, `{}` was not touched:\n  file   \
             {}\n  text   {}\n  server {said}",
            ctx.settings.schema,
            one.place(part, said),
            split::shown(part.text)
        ),
    )
    .hint("Fix the migration and run `cargo xtask migrate` again.")
}
