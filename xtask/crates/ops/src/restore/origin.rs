//! A backup of another server: several working trees can use one folder, each with a server.

use crate::ctx::Ctx;
use model::exit::{ExitCode, Stop};
use model::facts::{Flavour, ServerFacts};
use plan::identity::short;
use store::Source;

use super::Request;

/// Says where the backup is from, if that is another server.
pub(super) fn say(ctx: &Ctx, source: &Source, facts: &ServerFacts) -> Option<String> {
    let remark = taken_from(source, facts)?;
    ctx.ui.warn(&remark);
    Some(remark)
}

/// A remark, where the backup is of another server. MariaDB's name of itself follows its network
/// address, and proves nothing.
fn taken_from(source: &Source, facts: &ServerFacts) -> Option<String> {
    let of = &source.manifest.as_ref()?.server;
    let mysql = facts.flavour == Flavour::Mysql && of.flavour == Flavour::Mysql;
    (mysql && of.uuid != facts.uuid).then(|| {
        format!(
            "{} was taken from another server ({}; this one is {})",
            source.name,
            short(&of.uuid),
            short(&facts.uuid)
        )
    })
}

/// A word such as `latest` may find another server's backup, where several use one folder: a
/// script that gives one does not overwrite what is live with it.
pub(super) fn demand_named(
    (args, by_word): (&Request, bool),
    source: &Source,
    remark: Option<String>,
) -> Result<(), Stop> {
    match remark {
        Some(remark) if args.yes && by_word => {
            Err(Stop::new(ExitCode::Usage, format!("{remark}; nothing was changed"))
                .hint(format!("If it is the one you mean, give its label, {}.", source.name))
                .hint("`cargo xtask db-show LABEL` shows where a backup is from."))
        }
        _ => Ok(()),
    }
}
