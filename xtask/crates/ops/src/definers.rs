//! Whose the live triggers and views are that a swap or a restore of tables may have to make
//! again: those of the accounts that they belong to now, where these can still be named.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::ctx::Ctx;
use model::ident::{qualified, quote};
use model::inventory::{Inventory, ObjectKind};
use server::Session;
use server::session::{code, said};

/// The view that is made to try.
const PROBE: &str = "__xtask_definer";

/// The inventory, in which what would come back with a definer that the server refuses
/// belongs to the locked account. `staging` is a schema where a view can be made; `comes_back`
/// says which programs would be made again.
///
/// # Errors
/// The server cannot be asked.
pub fn nameable(
    ctx: &Ctx,
    session: &mut Session,
    staging: &str,
    live: &Inventory,
    comes_back: impl Fn(ObjectKind, &str) -> bool,
) -> Result<Inventory> {
    let locked = ctx.settings.program_definer();
    let mut live = live.clone();
    let mut tried = BTreeMap::from([(locked.clone(), None)]);
    for ((kind, name), program) in &mut live.programs {
        // What could not be read cannot come back.
        if !comes_back(*kind, name) || program.ddl.is_empty() {
            continue;
        }
        if !tried.contains_key(&program.definer) {
            let refusal = refusal(session, staging, &program.definer)?;
            tried.insert(program.definer.clone(), refusal);
        }
        let Some(Some(why)) = tried.get(&program.definer) else { continue };
        ctx.ui.warn(format!(
            "{} {} belongs to {}, which cannot be set as its owner; if it must be recreated, it \
            will belong to {locked}: {why}",
            kind.keyword().to_lowercase(),
            quote(name),
            program.definer
        ));
        program.definer.clone_from(&locked);
    }
    Ok(live)
}

/// Why the server refuses a program of that account, where it does. MariaDB takes an account
/// that is gone, and the program then is as good as it was.
fn refusal(session: &mut Session, staging: &str, definer: &str) -> Result<Option<String>> {
    let view = qualified(staging, PROBE);
    let drop = format!("DROP VIEW IF EXISTS {view}");
    session.run(&drop)?;
    let tried = session.run(&format!("CREATE DEFINER={definer} VIEW {view} AS SELECT 1 AS `x`"));
    session.run(&drop)?;
    match tried {
        Ok(()) => Ok(None),
        Err(error) if code(&error).is_some() => Ok(Some(said(&error))),
        Err(error) => Err(error),
    }
}
