//! `db-drop`: removes a schema that a restore made beside the live one, and nothing else.

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::ctx::Ctx;
use crate::held::Held;
use crate::{identity, staging};
use model::account::Role;
use model::entry::Event;
use model::exit::{ExitCode, Stop};
use model::facts::{Flavour, ServerFacts};
use model::ident::literal;
use model::label::Label;
use plan::backup::contents;
use server::{Server, Session, facts, inventory};
use store::ledger::Ledger;
use sys::clock;
use sys::fault::point;

/// What is to go.
#[derive(Debug, Clone)]
pub struct Request {
    pub schema: String,
    /// Without asking.
    pub yes: bool,
    /// Only say what would go.
    pub dry_run: bool,
}

/// What goes, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    pub schema: String,
    pub server: String,
    /// "19 tables, …".
    pub contents: String,
    /// The backup's name or the file's.
    pub restored_from: String,
    pub restored_utc: DateTime<Utc>,
    /// By the server's statistics.
    pub bytes: u64,
    /// Whether it is gone, and not only planned to go.
    pub dropped: bool,
}

impl Dropped {
    /// The plan.
    pub fn plan(&self) -> String {
        let Self { schema, server, contents, restored_from, .. } = self;
        let made = clock::local(self.restored_utc).format("%Y-%m-%d %H:%M");
        format!(
            "Drop `{schema}`:\n  server   {server}\n  holds    {contents}\n  made     {made}, by \
            restoring {restored_from}\n  What was changed in it since is in no backup and goes with it."
        )
    }
}

/// Drops it.
///
/// # Errors
/// There is none, or this tool did not make it ([`ExitCode::Usage`]); or it was not confirmed.
pub fn run(ctx: &mut Ctx, request: &Request) -> Result<Dropped> {
    demand_droppable(ctx, &request.schema)?;
    let server = ctx.server(request.yes)?;
    let (planned, facts) = look(ctx, &server, &request.schema)?;
    if request.dry_run {
        return Ok(planned);
    }
    ctx.ui.before_asking(planned.plan(), request.yes);
    let question = format!("this drops `{}` on {}", planned.schema, planned.server);
    identity::demand(ctx, &server, &facts, false)?;
    identity::confirm(ctx, &facts.uuid, (&question, &planned.schema), request.yes)?;
    let held = Held::take(ctx, &server)?;
    // Again, under the lock: another run may have made it anew.
    let (again, facts) = look(ctx, &server, &request.schema)?;
    if again.restored_utc != planned.restored_utc {
        let message = format!("`{}` was made again meanwhile", request.schema);
        return Err(Stop::new(ExitCode::Usage, message)
            .hint("Run the command again to see what it holds now. Nothing was dropped.")
            .into());
    }
    let mut session = ctx.session(&server, Role::Restore, None)?;
    staging::drop_schema(&mut session, &request.schema)?;
    point("drop.dropped")?;
    let event = Event::Prune {
        destination: None,
        subject: request.schema.clone(),
        reason: "dropped with db-drop".to_owned(),
        bytes: again.bytes,
    };
    held.append(&facts.uuid, &ctx.settings.schema, event)?;
    Ok(Dropped { dropped: true, ..again })
}

/// By its name alone: beside the live schema, and not one that the tool needs.
fn demand_droppable(ctx: &Ctx, schema: &str) -> Result<(), Stop> {
    let prefix = ctx.settings.companion_prefix();
    let Some(rest) = schema.strip_prefix(&prefix) else {
        let message = format!("`{schema}` is not a schema beside `{}`", ctx.settings.schema);
        return Err(Stop::new(ExitCode::Usage, message).hint(format!(
            "db-drop removes what `db-restore --into` made: the name begins with `{prefix}`."
        )));
    };
    let own = ["before_", "proof_", "staging_", "gate"];
    if !own.iter().any(|own| rest.starts_with(own)) {
        return Ok(());
    }
    let message = format!("`{schema}` is the tool's own: db-drop leaves it alone");
    Err(Stop::new(ExitCode::Usage, message).hint(
        "`cargo xtask db-prune` drops old tables once a proven backup holds every row of them, \
        and what is left of other runs.",
    ))
}

/// What would go, and on which server.
fn look(ctx: &Ctx, server: &Server, schema: &str) -> Result<(Dropped, ServerFacts)> {
    let mut session = ctx.session(server, Role::Restore, None)?.read_only()?;
    if !inventory::schema_exists(&mut session, schema)? {
        return Err(missing(ctx, &mut session, schema)?.into());
    }
    let facts = facts::read(&mut session)?;
    // MariaDB's uuid follows the network address, which a container changes.
    let uuid = Some(facts.uuid.as_str()).filter(|_| facts.flavour == Flavour::Mysql);
    let ledger = ctx.store()?.read()?;
    if lives(&ledger, schema) {
        let message = format!("`{schema}` is backed up or migrated under its own name");
        return Err(Stop::new(ExitCode::Usage, message)
            .hint("It is the live schema of a checkout, by what the ledger says. Nothing was dropped.")
            .into());
    }
    let Some((restored_from, restored_utc)) = made(&ledger, schema, uuid) else {
        let message = format!("the ledger does not say that this tool made `{schema}`");
        return Err(Stop::new(ExitCode::Usage, message)
            .hint("If it is yours and not needed, drop it as root. Nothing was dropped.")
            .into());
    };
    let bytes: Option<u64> = session.value(&format!(
        "SELECT CAST(SUM(DATA_LENGTH + INDEX_LENGTH) AS UNSIGNED) \
         FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
        literal(schema)
    ))?;
    let dropped = Dropped {
        schema: schema.to_owned(),
        server: server.to_string(),
        contents: contents(&inventory::survey(&mut session, schema)?.everything()),
        restored_from,
        restored_utc,
        bytes: bytes.unwrap_or(0),
        dropped: false,
    };
    Ok((dropped, facts))
}

/// Whether a checkout has it as its own schema: working trees share a ledger. Every entry
/// counts, whoever wrote it.
fn lives(ledger: &Ledger, schema: &str) -> bool {
    ledger.entries.iter().any(|entry| match &entry.event {
        Event::Backup { .. } | Event::Gate { .. } | Event::Undone { .. } => entry.schema == schema,
        // Such as `db-restore latest` of a checkout whose DB_NAME it is.
        Event::Restore { subject, target, .. } => {
            let own = subject.parse::<Label>().is_ok_and(|label| label.schema() == schema);
            target == schema && own
        }
        _ => false,
    })
}

/// The restore that made it, unless it was dropped since. Only a proven entry counts.
fn made(ledger: &Ledger, schema: &str, uuid: Option<&str>) -> Option<(String, DateTime<Utc>)> {
    let on = |other: &str| uuid.is_none_or(|uuid| uuid == other);
    let about = ledger.proven().rev().filter(|entry| on(&entry.server_uuid));
    let mut last = about.filter_map(|entry| match &entry.event {
        Event::Restore { subject, target, .. } if target == schema => {
            Some(Some((subject.clone(), entry.at_utc)))
        }
        Event::Prune { destination: None, subject, .. } if subject == schema => Some(None),
        _ => None,
    });
    last.next().flatten()
}

fn missing(ctx: &Ctx, session: &mut Session, schema: &str) -> Result<Stop> {
    let there = inventory::schemas_with_prefix(session, &ctx.settings.companion_prefix())?;
    let stop = Stop::new(ExitCode::Usage, format!("there is no schema `{schema}`"));
    let near = plan::tables::nearest(schema, &there);
    Ok(if near.is_empty() {
        stop.hint(format!("There are {} schemas beside `{}`.", there.len(), ctx.settings.schema))
    } else {
        stop.hint(format!("Did you mean {}?", near.join(" or ")))
    })
}
