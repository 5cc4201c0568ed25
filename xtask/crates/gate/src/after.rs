//! The schema as a rehearsed change leaves it: the next backup must be able to hold it, and
//! a restore to bring it back. Otherwise the change would be the last that has a way back.

use anyhow::Result;

use model::exit::{ExitCode, Stop};
use model::inventory::{Inventory, ObjectKind};
use ops::ctx::Ctx;
use ops::{definitions, obstacles};
use server::session::{is_lasting, said};
use server::{Session, facts, inventory};

/// Looks at the copy in `schema`, on which the change ran. `before` is the schema before it.
///
/// # Errors
/// Exit code 20, with the object's name.
pub fn demand_a_way_back(
    ctx: &Ctx,
    session: &mut Session,
    schema: &str,
    before: &Inventory,
) -> Result<()> {
    let after = inventory::read(session, schema).map_err(refused)?;
    let facts = facts::read(session)?;
    if let Some(found) = obstacles::first(session, schema, &facts, &after)? {
        return Err(found.after_the_change().into());
    }
    if let Some(found) = obstacles::documents(session, schema, &facts, &after)?.obstacle() {
        return Err(found.after_the_change().into());
    }
    let different = definitions::come_back(ctx, session, &facts, &after).map_err(refused)?;
    if let Some(first) = different.first() {
        return Err(refusal(&format!("after a restore, {first}")).into());
    }
    let known = |name: &str| before.broken_views.iter().any(|view| view.name == name);
    for view in after.broken_views.iter().filter(|view| !known(&view.name)) {
        let lost = before.programs.contains_key(&(ObjectKind::View, view.name.clone()));
        let verb = if lost { "breaks" } else { "makes" };
        ctx.ui.warn(format!(
            "the change {verb} the view `{}`, which cannot be read then and is in no backup: {}",
            view.name, view.why
        ));
    }
    Ok(())
}

/// What the server or the guard says about one object; anything else stays what it is.
fn refused(error: anyhow::Error) -> anyhow::Error {
    let about = match error.downcast_ref::<Stop>() {
        Some(stop) if matches!(stop.code, ExitCode::Store | ExitCode::Configuration) => {
            let refusal = refusal(&stop.message);
            stop.hints.iter().fold(refusal, |refusal, hint| refusal.hint(hint.clone()))
        }
        Some(_) => return error,
        None if is_lasting(&error) => refusal(&said(&error)),
        None => return error,
    };
    error.context(about)
}

fn refusal(why: &str) -> Stop {
    Stop::new(
        ExitCode::GateRefused,
        format!(
            "the change would leave a schema that no backup can hold: {why}; the database was \
             not touched"
        ),
    )
}
