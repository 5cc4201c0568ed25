//! The API's account holds its right to write table by table, so that it has none on the
//! table that books the migrations. Tables that a change brought need it, too.

use anyhow::Result;

use crate::ctx::Ctx;
use model::account::Role;
use report::human;
use server::{Server, Session, accounts};

/// Gives the API's account what it lacks. The change itself is done by then: what cannot
/// be given is a warning with the way to give it.
pub fn complete(ctx: &Ctx, server: &Server, live: &mut Session) {
    let user = &ctx.settings.account(Role::App).user;
    match give(ctx, server, live) {
        Ok(0) => {}
        Ok(count) => ctx.ui.say(format!(
            "`{user}` may write to {} that the change brought",
            human::count(count, "table")
        )),
        Err(error) => ctx.ui.warn(format!(
            "whether `{user}` may write to every table of `{}` is unknown: {error:#}. `cargo \
            xtask doctor --fix` grants its privileges.",
            ctx.settings.schema
        )),
    }
}

fn give(ctx: &Ctx, server: &Server, live: &mut Session) -> Result<u64> {
    let mut app = ctx.session(server, Role::App, None)?;
    let missing = accounts::missing_grants(&mut app, &ctx.settings, Role::App)?;
    for grant in &missing {
        live.run(grant)?;
    }
    Ok(missing.len() as u64)
}
