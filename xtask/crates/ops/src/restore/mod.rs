//! A restore: check, show, confirm, save, load beside, compare, swap.

mod changes;
mod ends;
mod notes;
mod origin;
mod planning;
mod programs;
mod safety;

use anyhow::Result;

use ends::{checked, without_entry};
use planning::{File, plan, scope};
use safety::Saved;

pub use planning::Request;

use crate::copy::fetching;
use crate::ctx::{Ctx, Made};
use crate::held::Held;
use crate::sessions::Pair;
use crate::staging::Staged;
use crate::swap::Swap;
use crate::{api_rights, events, identity, read_only, sessions, staging, swap, tables};
use model::check::Outcome;
use model::entry::Event;
use model::exit::{ExitCode, Stop};
use model::facts::ServerFacts;
use model::ident::quote;
use model::inventory::{Inventory, ObjectKind};
use model::swap::Purpose;
use plan::definer::Owner;
use plan::restore::{RestorePlan, Scope};
use plan::swap::{Leaving, Sides};
use plan::unsaved::{Said, demand_agreed};
use plan::which;
use report::json::RestoreDocument;
use rows::load::Part;
use server::survey::Survey;
use server::{Session, inventory};
use store::Provenance;
use store::source::Source;
use sys::clock::Stopwatch;
use sys::fault::point;
use ui::{Step, Total};

/// How a restore ended.
#[derive(Debug)]
pub enum Ended {
    /// The plan was asked for.
    Planned(RestorePlan),
    /// It is done.
    Restored(RestoreDocument),
}

/// Restores a backup, or makes the plan.
///
/// # Errors
/// See docs/exit-codes.md. Whatever fails before the swap leaves the live schema untouched.
pub fn run(ctx: &mut Ctx, args: &Request, made: &mut Made) -> Result<Ended> {
    let by_word = which::is_word(&args.source);
    let local = args.from.is_none();
    let Some((mut aside, source)) =
        local.then(|| read_only::aside(ctx, &args.source)).transpose()?.flatten()
    else {
        return run_in(ctx, args, by_word, made);
    };
    let ended = run_in(&mut aside, &Request { source, ..args.clone() }, by_word, made);
    // The destinations belong to the usual folder.
    made.take();
    ended
}

fn run_in(ctx: &mut Ctx, args: &Request, by_word: bool, made: &mut Made) -> Result<Ended> {
    let work = Stopwatch::start();
    let store = ctx.store()?;
    let source = match &args.from {
        None => store.resolve_in(&args.source, &ctx.settings.schema)?,
        Some(from) if args.dry_run => fetching::announced(ctx, from, &args.source)?,
        Some(from) => {
            let label = fetching::into(ctx, &store, from, &args.source)?.label;
            store.source_of(&label)?
        }
    };
    let source = source.without_end_line(args.no_end_line)?.with_text(args.text.clone())?;
    for note in &source.notes {
        ctx.ui.warn(note);
    }
    let server = ctx.server(args.yes)?;
    let ctx = &ctx.with(|it| it.policy.restore.set_threads(args.threads));
    let scope = scope(ctx, args)?;
    let mut provenance = store.provenance(&source, None)?;
    // Without a manifest only the file itself says what it brings.
    let early = match &source.manifest {
        None => Some(checked(ctx, &source)?),
        Some(_) => None,
    };
    let (named, tables) =
        early.as_ref().map(|it| (it.programs.clone(), it.tables.clone())).unwrap_or_default();
    let file = File { source: &source, provenance, programs: &named, tables: &tables };
    let (plan, facts) = plan(ctx, &server, &file, scope, args)?;
    let of = origin::say(ctx, &source, &facts);
    if args.dry_run || plan.scope == Scope::Beside {
        identity::say(ctx, &server, &facts)?;
    }
    if args.dry_run {
        return Ok(Ended::Planned(plan));
    }
    ctx.ui.before_asking(plan.to_string(), args.yes || !plan.safety_backup);
    let said = Said { yes: args.yes, accepts: args.accept_unsaved, drop_old: args.drop_old };
    if plan.safety_backup {
        demand_agreed(&plan.unsaved, said, safety::of(&plan))?;
        let question = match plan.unsaved.is_empty() {
            true => format!("this overwrites `{}` on {}", plan.target, plan.server),
            false => format!(
                "this overwrites `{}` on {}, and no backup will hold what the plan names",
                plan.target, plan.server
            ),
        };
        identity::demand(ctx, &server, &facts, false)?;
        origin::demand_named((args, by_word), &source, of)?;
        identity::confirm(ctx, &facts.uuid, (&question, &plan.target), args.yes)?;
    } else if plan.scope != Scope::Beside {
        identity::demand(ctx, &server, &facts, true)?;
    }
    let held = Held::take(ctx, &server)?;
    ctx.ui.steps(&ends::steps(ctx, &plan, early.is_none()));
    // The whole file is read and compared with its manifest before anything is created.
    let checked = early.map_or_else(|| checked(ctx, &source), Ok)?;
    if plan.proven && !store.provenance(&source, Some(&checked.sha256))?.is_proven() {
        provenance = Provenance::Unknown;
    }
    if let Scope::Tables(wanted) = &plan.scope {
        let known: Vec<String> = checked.tables.into_keys().collect();
        tables::demand_known(wanted, &known, &source.name)?;
    }
    let mut run = Run { held: &held, source: &source, provenance, plan: &plan, facts: &facts };
    let (done, mut pair) = run.go(said, made)?;
    run.record(&done, work.ms()).map_err(|error| without_entry(error, &plan, &done))?;
    point("restore.recorded")?;
    events::enable(&held, pair.live())?;
    if plan.scope != Scope::Beside {
        api_rights::complete(ctx, &server, pair.live());
    }
    Ok(Ended::Restored(ends::document(&source.name, &plan.target, done, work.ms())))
}

/// What came out.
#[derive(Debug, Default)]
struct Outcomes {
    saved: Saved,
    /// Where definitions are that no backup holds.
    notes: Option<String>,
    previous: Option<String>,
    tables: u64,
    rows: u64,
    sha256: String,
    disabled_events: Vec<String>,
}

struct Run<'a> {
    held: &'a Held<'a>,
    source: &'a Source,
    provenance: Provenance,
    plan: &'a RestorePlan,
    facts: &'a ServerFacts,
}

impl Run<'_> {
    fn go(&mut self, said: Said, made: &mut Made) -> Result<(Outcomes, Pair)> {
        let (held, ctx) = (self.held, self.held.ctx());
        let saved = safety::take(held, self.plan, said, made)?;
        let mut done = Outcomes { saved, ..Outcomes::default() };
        point("restore.saved")?;
        let mut pair = Pair::open(ctx, held.server())?;
        if self.plan.scope != Scope::Beside {
            sessions::keep_from_migrating(ctx, pair.live())?;
        }
        staging::clean(ctx, pair.copy())?;
        // The account that loads the file could write to them.
        staging::drop_kept(ctx, pair.copy(), None)?;
        self.demand_still_empty(pair.live())?;
        let staged = self.stage(pair.copy())?;
        if !self.held.store().provenance(self.source, Some(&staged.sha256))?.is_proven() {
            self.provenance = Provenance::Unknown;
        }
        done.tables = staged.inventory.tables.len() as u64;
        done.rows = staged.rows;
        done.sha256.clone_from(&staged.sha256);
        let ui = &self.held.ctx().ui;
        ui.step(Step::Live, ends::going_live(self.plan));
        let _bar = ui.bar("go live", Total::Unknown);
        match &self.plan.scope {
            Scope::Replace => self.replace(pair.live(), &staged, &mut done)?,
            Scope::Tables(_) => {
                let place = tables::Place {
                    server_uuid: &self.facts.uuid,
                    target: &self.plan.target,
                    source: &self.source.name,
                };
                tables::restore(held, pair.live(), &place, &staged)?;
            }
            Scope::Beside => self.beside(pair.live(), &staged)?,
        }
        Ok((done, pair))
    }

    /// A target that was empty when the plan was shown needed no safety backup and
    /// no confirmation; it must still be empty.
    fn demand_still_empty(&self, session: &mut Session) -> Result<()> {
        let plan = self.plan;
        let unsaved = plan.scope == Scope::Replace && !plan.safety_backup;
        if !unsaved || !inventory::schema_exists(session, &plan.target)? {
            return Ok(());
        }
        if inventory::survey(session, &plan.target)?.is_empty() {
            return Ok(());
        }
        Err(Stop::new(
            ExitCode::Usage,
            format!("`{}` was empty a moment ago, but no longer is", plan.target),
        )
        .hint("Someone else is working on it. Run the restore again to see the new plan.")
        .into())
    }

    fn stage(&self, session: &mut Session) -> Result<Staged> {
        let line = format!("loading {} into `{}`", self.source.name, self.plan.staging);
        self.held.ctx().ui.step(Step::Load, line);
        let part = match &self.plan.scope {
            Scope::Tables(wanted) => Part::Tables(wanted.iter().cloned().collect()),
            Scope::Replace | Scope::Beside => Part::Everything,
        };
        let staging = &self.plan.staging;
        let staged = staging::stage_part(self.held, session, self.source, staging, &part)?;
        if staged.passed() {
            return Ok(staged);
        }
        staged.drop_schema(session)?;
        let failed = staged.checks.iter().find(|c| c.outcome == Outcome::Failed);
        let detail = failed.map_or_else(String::new, |c| format!("{}: {}", c.name, c.detail));
        Err(Stop::new(
            ExitCode::VerificationFailed,
            format!("{} does not restore to what was backed up: {detail}", self.source.name),
        )
        .hint(format!("`{}` was not touched.", self.plan.target))
        .hint(self.source.instead())
        .into())
    }

    /// With the defaults that the backup's schema had.
    fn create_target(&self, session: &mut Session, staged: &Staged) -> Result<()> {
        session.run(&format!(
            "CREATE DATABASE {} CHARACTER SET {} COLLATE {}",
            quote(&self.plan.target),
            staged.inventory.charset,
            staged.inventory.collation
        ))
    }

    fn replace(&self, session: &mut Session, staged: &Staged, done: &mut Outcomes) -> Result<()> {
        let plan = self.plan;
        if !inventory::schema_exists(session, &plan.target)? {
            self.create_target(session, staged)?;
        }
        // What is live may have changed since the plan was shown.
        let survey = inventory::survey(session, &plan.target)?;
        let live = survey.everything();
        let packages: Vec<String> = survey.packages().into_iter().collect();
        sys::signal::check()?;
        done.notes = notes::keep(session, staged, &survey, &done.saved)?;
        let leaving = Leaving { notes: done.notes.as_deref(), packages: &packages };
        let definer = self.held.ctx().settings.program_definer();
        let owner = programs::owner(&definer, self.provenance);
        let may_run = self.provenance.is_proven() || plan.enable_events;
        let incoming = programs::incoming((&plan.target, &live), staged, &owner, may_run);
        let sides = Sides { leaving, ..self.sides(&live, &incoming.inventory, owner) };
        let change = Swap {
            enable: incoming.enable,
            unsaved: &done.saved.unsaved,
            ..Swap::of(&self.facts.uuid, sides, &self.source.name, Purpose::Restore)
        };
        changes::say_what_goes(self.held.ctx(), plan, &live, &staged.inventory);
        self.say_what_cannot_come_back(&survey, staged);
        if !self.provenance.is_proven() {
            programs::say(self.held.ctx(), self.source, &live, &staged.inventory);
        }
        self.swap(session, &change)?;
        // Whatever migrations left half-way is gone with the old tables.
        let unfinished = self.held.store().read_in_place()?;
        if unfinished.is_some_and(|it| it.schema == plan.target && it.server == self.facts.uuid) {
            self.held.store().remove_in_place(self.held.lock())?;
        }
        swap::demand_exact(session, &plan.target, &incoming.inventory)?;
        done.disabled_events = incoming.left;
        staging::drop_schema(session, &plan.staging)?;
        point("restore.swapped")?;
        if ends::old_tables_can_go(self.held, session, plan, &done.saved)? {
            staging::drop_schema(session, &plan.before)?;
        } else {
            done.previous = Some(plan.before.clone());
        }
        Ok(())
    }

    /// Swaps. The staged copy goes when nothing needs it any more: no journal names it.
    fn swap(&self, session: &mut Session, change: &Swap<'_>) -> Result<()> {
        let swapped = swap::execute(self.held, session, change, None);
        if swapped.is_err()
            && self.held.store().read_journal().is_ok_and(|journal| journal.is_none())
        {
            staging::drop_schema(session, change.sides.staging).ok();
        }
        swapped.map(drop).map_err(|error| ends::with_into(error, self.plan))
    }

    fn sides<'s>(
        &'s self,
        live: &'s Inventory,
        staged: &'s Inventory,
        owner: Owner<'s>,
    ) -> Sides<'s> {
        let RestorePlan { target, staging, before, .. } = self.plan;
        let (flavour, leaving) = (self.facts.flavour, Leaving::default());
        Sides { flavour, target, live, staging, staged, before, owner, leaving }
    }

    /// Moves what was compared into a schema of its own. It never acts there; what a file
    /// of unknown origin brought belongs to the locked account, which can do nothing there; but
    /// its views can be read.
    fn beside(&self, session: &mut Session, staged: &Staged) -> Result<()> {
        let plan = self.plan;
        self.create_target(session, staged)?;
        let empty = inventory::read(session, &plan.target)?;
        let idle = programs::beside(staged);
        let definer = self.held.ctx().settings.program_definer();
        let owner = if self.provenance.is_proven() {
            Owner::Swapper
        } else {
            Owner::LockedButViews(&definer)
        };
        let sides = self.sides(&empty, &idle, owner);
        let change = Swap {
            beside: true,
            ..Swap::of(&self.facts.uuid, sides, &self.source.name, Purpose::Restore)
        };
        if let Err(error) = self.swap(session, &change) {
            if self.held.store().read_journal()?.is_none() {
                // Nothing moved: the schema is as empty as it was made.
                staging::drop_empty(session, &plan.target)?;
            }
            return Err(error);
        }
        swap::demand_exact(session, &plan.target, &idle)?;
        staging::drop_schema(session, &plan.staging)?;
        programs::say_idle(self.held.ctx(), &plan.target, staged);
        staging::drop_empty(session, &plan.before)
    }

    /// What the swap drops before its RENAME, and could not make again should that fail.
    fn say_what_cannot_come_back(&self, live: &Survey, staged: &Staged) {
        let warn = |what: String, text: &[u8]| {
            let text = String::from_utf8_lossy(text);
            self.held.ctx().ui.warn(format!("{what} cannot be made again from its text: {text}"));
        };
        for it in live.unread.iter().filter(|it| it.kind == ObjectKind::Trigger) {
            warn(it.left_out().what(), it.definition.as_deref().unwrap_or_default());
        }
        let in_the_way = |name: &String| staged.inventory.tables.contains_key(name);
        let everything = live.everything();
        for view in everything.broken_views.iter().filter(|view| in_the_way(&view.name)) {
            warn(format!("view `{}`", view.name), view.ddl.as_bytes());
        }
    }

    fn record(&self, done: &Outcomes, duration_ms: u64) -> Result<()> {
        // With --table, what could not be saved is not touched either.
        let moved = self.plan.scope == Scope::Replace;
        let unsaved = if moved { done.saved.unsaved.clone() } else { Vec::new() };
        let event = Event::Restore {
            subject: self.source.name.clone(),
            sha256: done.sha256.clone(),
            target: self.plan.target.clone(),
            safety_backup: done.saved.label.clone(),
            previous_schema: done.previous.clone(),
            unsaved,
            rows: done.rows,
            duration_ms,
        };
        self.held.append(&self.facts.uuid, &self.plan.target, event)
    }
}
