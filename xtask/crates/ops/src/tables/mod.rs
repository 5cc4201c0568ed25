//! Restores chosen tables inside the live schema: exactly the backup's rows, in
//! one transaction, or nothing. Everything else stays as it is, and a restore
//! that would leave rows without their parents is refused.

mod keys;
mod settle;

use std::collections::BTreeSet;

use anyhow::Result;

pub use settle::settle;

use crate::held::Held;
use crate::settle::Settled;
use crate::staging::Staged;
use crate::{definers, locks, replay};
use model::exit::{ExitCode, Stop};
use model::ident::quote;
use model::inventory::{Inventory, ObjectKind};
use model::swap::{Purpose, SwapJournal, SwapPhase};
use plan::definer::{self, Owner};
use plan::swap as swap_plan;
use plan::tables::{Change, TablesPlan};
use server::session::{code, said};
use server::survey::{Survey, Unread};
use server::{Session, inventory};
use sql::fingerprint;
use sys::fault::point;
use sys::signal;

/// Where the rows go and what they come from.
#[derive(Debug)]
pub struct Place<'a> {
    /// `@@server_uuid`.
    pub server_uuid: &'a str,
    /// The live schema.
    pub target: &'a str,
    /// What is being restored, for the journal and messages.
    pub source: &'a str,
}

/// Refuses table names that the backup does not hold.
///
/// # Errors
/// A [`Stop`] with exit code 2 and the names that come near.
pub fn demand_known(wanted: &[String], known: &[String], source: &str) -> Result<()> {
    let Some(name) = wanted.iter().find(|name| !known.contains(name)) else { return Ok(()) };
    let stop = Stop::new(ExitCode::Usage, format!("{source} has no table `{name}`"));
    let near = plan::tables::nearest(name, known);
    let stop = if near.is_empty() {
        let all: Vec<&str> = known.iter().map(String::as_str).collect();
        stop.hint(format!("It has {}.", all.join(", ")))
    } else {
        stop.hint(format!("Did you mean {}?", near.join(" or ")))
    };
    Err(stop.into())
}

/// Gives the staged tables' rows to the live ones, and removes the staged copy.
/// When it fails, the live schema is as it was, or the message says otherwise.
///
/// # Errors
/// A definition differs, rows would be without a parent, a lock was unavailable
/// in time, or the server refuses.
pub fn restore(
    held: &Held<'_>,
    session: &mut Session,
    place: &Place<'_>,
    staged: &Staged,
) -> Result<()> {
    let mut run = Run { held, place, staged, triggers_dropped: false };
    let prepared = run.prepare(session);
    let (live, plan, keys) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            // The session may be the cause of the failure; the next run cleans up then.
            staged.drop_schema(session).ok();
            return Err(error);
        }
    };
    let journal = run.journal(&plan);
    held.store().write_journal(held.lock(), &journal)?;
    match run.change(session, &plan, &keys) {
        Ok(()) => settle(session, held, &journal).map(drop)?,
        Err(error) => return Err(run.failed(session, &journal, error)),
    }
    run.demand_exact(session, &live)
}

struct Run<'a> {
    held: &'a Held<'a>,
    place: &'a Place<'a>,
    staged: &'a Staged,
    triggers_dropped: bool,
}

impl Run<'_> {
    /// Looks, decides, and makes the marker; the live schema is not touched.
    fn prepare(
        &self,
        session: &mut Session,
    ) -> Result<(Inventory, TablesPlan, Vec<plan::tables::ForeignKey>)> {
        let target = self.place.target;
        // What is live may have changed since the plan was shown.
        let Survey { inventory: live, unread } = inventory::survey(session, target)?;
        let chosen: BTreeSet<String> = self.staged.inventory.tables.keys().cloned().collect();
        // What has nothing to do with the chosen tables stays as it is, read or not.
        let about = |it: &&Unread| {
            chosen.contains(&it.name) || it.table.as_ref().is_some_and(|it| chosen.contains(it))
        };
        if let Some(it) = unread.iter().find(about) {
            let kind = it.kind.keyword().to_lowercase();
            return Err(refusal(format!("the {kind} `{target}`.`{}`: {}", it.name, it.why)));
        }
        self.demand_replaceable(&live)?;
        let keys = keys::read(session, target, &self.staged.schema, &chosen)?;
        let stamp = self.staged.schema.rsplit("staging_").next().unwrap_or_default();
        // Triggers that are made belong to the locked account, those that come back to whom
        // they belong now.
        let known = definers::nameable(
            self.held.ctx(),
            session,
            &self.staged.schema,
            &live,
            |kind, name| {
                let program = live.programs.get(&(kind, name.to_owned()));
                let table = program.and_then(|it| it.table.as_ref());
                kind == ObjectKind::Trigger && table.is_some_and(|it| chosen.contains(it))
            },
        )?;
        let definer = self.held.ctx().settings.program_definer();
        let owner = Owner::Locked(&definer);
        let plan = plan::tables::plan(&Change {
            target,
            live: &definer::as_before(&known),
            staging: &self.staged.schema,
            staged: &owner.own(&self.staged.inventory),
            rows: &self.staged.table_rows,
            keys: &keys,
            prefix: &format!("__xtask_{stamp}_"),
        });
        // The live triggers go and come back, those of missing tables come.
        let kept = chosen.iter().filter(|name| live.tables.contains_key(*name)).cloned().collect();
        let new = chosen.iter().filter(|name| !live.tables.contains_key(*name)).cloned().collect();
        for (of, tables) in [(&live, &kept), (&self.staged.inventory, &new)] {
            let triggers = plan::tables::triggers_of(of, tables);
            replay::demand(session, &self.staged.schema, &triggers, Purpose::Restore)?;
        }
        session.run(&plan::tables::create_marker(&self.staged.schema))?;
        signal::check()?;
        Ok((live, plan, keys))
    }

    fn demand_replaceable(&self, live: &Inventory) -> Result<()> {
        let target = self.place.target;
        for (name, staged) in &self.staged.inventory.tables {
            if live.programs.contains_key(&(ObjectKind::View, name.clone())) {
                return Err(refusal(format!("`{target}`.`{name}` is a view now, not a table")));
            }
            let Some(there) = live.tables.get(name) else { continue };
            if there.ddl != staged.ddl {
                let (was, is) = plan::tables::first_difference(&staged.ddl, &there.ddl);
                return Err(refusal(format!(
                    "the definition of `{target}`.`{name}` differs from the backup: `{was}` \
                    became `{is}`"
                )));
            }
            if !there.engine.eq_ignore_ascii_case("innodb") {
                return Err(refusal(format!(
                    "`{target}`.`{name}` has the engine {}, which cannot undo a change of rows that fails",
                    there.engine
                )));
            }
        }
        Ok(())
    }

    fn journal(&self, plan: &TablesPlan) -> SwapJournal {
        SwapJournal {
            version: 1,
            server: self.place.server_uuid.to_owned(),
            target: self.place.target.to_owned(),
            staging: self.staged.schema.clone(),
            before: String::new(),
            source: self.place.source.to_owned(),
            purpose: Purpose::Restore,
            phase: SwapPhase::Prepared,
            tables_in: self.staged.inventory.tables.keys().cloned().collect(),
            tables_out: Vec::new(),
            undo: plan.undo.clone(),
            finish: plan.finish.clone(),
            rows_only: true,
            remake_triggers: false,
            created: plan.created.clone(),
            counters: plan.counters.clone(),
            enable: Vec::new(),
            beside: false,
            unsaved: Vec::new(),
        }
    }

    fn change(
        &mut self,
        session: &mut Session,
        plan: &TablesPlan,
        keys: &[plan::tables::ForeignKey],
    ) -> Result<()> {
        point("tables.journal")?;
        session.run(&format!("USE {}", quote(self.place.target)))?;
        session.run("SET foreign_key_checks = 0")?;
        for sql in &plan.create {
            session.run(sql)?;
        }
        session.run("SET autocommit = 0")?;
        locks::run(self.held.ctx(), session, &plan.lock)?;
        self.held.ctx().ui.detail("the tables are locked");
        keys::demand_no_orphans(session, keys)?;
        signal::check()?;
        self.triggers_dropped = true;
        session.run_all(&plan.drop_triggers)?;
        point("tables.triggers_dropped")?;
        session.run_all(&plan.packet)?;
        point("tables.committed")?;
        self.remake_triggers(session, plan)
    }

    /// Under the lock, which is still held: nobody sees the tables without their triggers. A
    /// trigger's text is not the tool's, so each statement is a packet of its own.
    fn remake_triggers(&self, session: &mut Session, plan: &TablesPlan) -> Result<()> {
        for statements in plan.undo.iter().filter_map(|s| swap_plan::remade(self.place.target, s)) {
            for statement in &statements {
                session.run(statement)?;
            }
        }
        Ok(())
    }

    /// Puts everything back and says on which side of the change the schema is.
    fn failed(
        &self,
        session: &mut Session,
        journal: &SwapJournal,
        error: anyhow::Error,
    ) -> anyhow::Error {
        if self.triggers_dropped {
            // The lock is still held: nobody sees the tables without their triggers.
            session.run("ROLLBACK").ok();
            for trigger in &journal.undo {
                // One that was made again already is refused; settle looks again.
                for statement in swap_plan::settings(trigger).iter().chain([&trigger.sql]) {
                    session.run(statement).ok();
                }
            }
        }
        let target = self.place.target;
        match settle(session, self.held, journal) {
            // A refusal of our own says it all.
            Ok(Settled::Undone) if error.downcast_ref::<Stop>().is_some() => error,
            Ok(Settled::Undone) => {
                let cause = said(&error);
                let mut stop = Stop::new(
                    ExitCode::Store,
                    format!("the rows could not be copied to `{target}`; it is as it was before: \
                    {cause}"),
                );
                // 1205: lock wait timeout exceeded.
                if code(&error) == Some(1205) {
                    let holders = locks::holders(self.held.ctx(), self.held.server());
                    stop = locks::hint(stop, &holders, Some("restore"));
                }
                error.context(stop)
            }
            Ok(Settled::Finished) => error.context(Stop::new(
                ExitCode::Store,
                format!("the tables in `{target}` have the backup's rows, although a failure was reported; check them with `cargo xtask db-verify --live`"),
            )),
            Err(second) => error.context(
                Stop::new(ExitCode::Store, format!("the rows could not be copied to `{target}`, \
                and not everything could be put back yet: {second:#}"))
                    .hint("When the server is back, run `cargo xtask doctor --fix`: it finishes what is left."),
            ),
        }
    }

    /// The last look: every definition is what it was, and the missing tables and
    /// their triggers are those of the backup.
    fn demand_exact(&self, session: &mut Session, live: &Inventory) -> Result<()> {
        let mut want = live.clone();
        for (name, table) in &self.staged.inventory.tables {
            if want.tables.insert(name.clone(), table.clone()).is_some() {
                continue;
            }
            let triggers = self.staged.inventory.programs.iter();
            let own = triggers.filter(|(_, program)| program.table.as_ref() == Some(name));
            want.programs.extend(own.map(|(key, program)| (key.clone(), program.clone())));
        }
        let now = inventory::survey(session, self.place.target)?.inventory;
        // The order of triggers counts within a table.
        want.trigger_order.clone_from(&now.trigger_order);
        let mut different = fingerprint::differences(&want, &now);
        for name in self.staged.inventory.tables.keys() {
            let source = if live.tables.contains_key(name) { live } else { &self.staged.inventory };
            let one = BTreeSet::from([name.clone()]);
            let order = |of: &Inventory| plan::tables::triggers_of(of, &one).trigger_order;
            if order(source) != order(&now) {
                different.push(format!("the order of the triggers of `{name}`"));
            }
        }
        if different.is_empty() {
            return Ok(());
        }
        Err(Stop::new(
            ExitCode::VerificationFailed,
            format!(
                "the rows are the backup's, but `{}` is not as expected: {}",
                self.place.target,
                different.join("; ")
            ),
        )
        .hint("Another session may have changed definitions meanwhile; compare with the safety backup.")
        .into())
    }
}

fn refusal(message: String) -> anyhow::Error {
    Stop::new(ExitCode::Store, message)
        .hint("Restore the whole schema: leave out --table.")
        .hint("Or restore it beside, with --into, and copy the rows by hand. Nothing was changed.")
        .into()
}
