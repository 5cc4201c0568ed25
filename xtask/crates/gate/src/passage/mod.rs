//! One passage through the gate, from the backup to the change.

pub mod record;
mod ways;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;

use crate::api::Api;
use crate::by_swap::{Moved, Swapped};
use crate::permit::{Empty, Ground};
use crate::proof::Around;
use crate::rehearse::{Copy, Rehearsal, Rehearsed};
use crate::state::Pending;
use crate::told::Told;
use crate::{after, early, proof, rehearse, state, told, unfinished};
use config::gate::StrategyChoice;
use model::exit::{ExitCode, Stop};
use model::gate::{GateTimes, StatementReport, Strategy};
use model::inventory::Inventory;
use model::label::Label;
use model::manifest::Reason;
use ops::ctx::{Ctx, Made};
use ops::held::Held;
use ops::prove::ProvenCopy;
use ops::sessions::Pair;
use ops::{api_rights, identity, staging};
use plan::gate::Way;
use plan::migrate::MigrationFile;
use report::human;
use server::{Server, Session, facts};
use sql::fingerprint;
use sys::fault::point;
use sys::{clock, signal};
use ui::{Step, Total};

/// What every step of one passage knows.
#[derive(Debug)]
pub struct Gate<'a> {
    /// The run; its lock is held throughout.
    pub held: &'a Held<'a>,
    /// The built API.
    pub api: &'a Api,
    /// What is to be applied.
    pub pending: &'a [Pending],
    /// The live schema as it was when the lock was taken.
    pub before: &'a Inventory,
    /// What the API said about it then.
    pub told: &'a Told,
}

impl<'a> Gate<'a> {
    /// The settings and the terminal.
    pub fn ctx(&self) -> &'a Ctx {
        self.held.ctx()
    }

    /// The server.
    pub fn server(&self) -> &'a Server {
        self.held.server()
    }

    /// `<version>_<description>` of what is to be applied.
    pub fn names(&self) -> Vec<String> {
        self.pending.iter().map(Pending::name).collect()
    }

    /// Nothing moved between the backup and now.
    ///
    /// # Errors
    /// Exit code 20.
    pub fn demand_unmoved(&self) -> Result<()> {
        signal::check()?;
        let now = state::read(self.ctx(), self.server())?;
        let files = self.pending.iter().map(|one| &one.file);
        let after = state::live(self.ctx(), self.server())?;
        if now.pending.iter().eq(files)
            && fingerprint::schema(self.before) == fingerprint::schema(&after)
        {
            return Ok(());
        }
        Err(moved().into())
    }
}

/// How a change went live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// By swap or in place.
    pub strategy: Strategy,
    /// Where the old tables are, after a swap.
    pub previous_schema: Option<String>,
    /// How long a swap had the tables locked, in milliseconds.
    pub locked_ms: u64,
    /// Whether the copy followed what others wrote.
    pub followed: bool,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Applied {
    /// The migrations that are applied now and were pending before.
    pub pending: Vec<MigrationFile>,
    /// The backup in front of them; `None` where the schema held no table.
    pub backup: Option<Label>,
    /// Whether an older backup was used, because nothing had been written since.
    pub reused: bool,
    /// How they went live; `None` where nothing was pending.
    pub live: Option<Live>,
    /// What the rehearsal saw.
    pub statements: Vec<StatementReport>,
    /// How long the steps took.
    pub times: GateTimes,
}

/// The whole gate, and the migrations behind it.
///
/// # Errors
/// Exit code 20 when the gate refuses (the live schema was not touched), 30 when a
/// migration failed on the live schema and the state before it is back, 31 when not.
pub fn migrate(
    ctx: &Ctx,
    server: &Server,
    choice: StrategyChoice,
    made: &mut Made,
) -> Result<Applied> {
    let start = Instant::now();
    let held = Held::take(ctx, server)?;
    // Held until the end: nobody restores or migrates the same schema meanwhile.
    let mut pair = Pair::open(ctx, server)?;
    unfinished::settle(&held, &mut pair)?;
    let state = state::read(ctx, server)?;
    state.demand_sound()?;
    if state.pending.is_empty() {
        // A run that was killed right after its change left this to do.
        api_rights::complete(ctx, server, pair.live());
        return Ok(Applied::default());
    }
    let pending = state::texts(ctx, &state)?;
    state::demand_own_schema(ctx, &pending)?;
    let building = Instant::now();
    let api = Api::build(ctx)?;
    let build_ms = clock::elapsed_ms(building);
    let told = told::ask(ctx, server, &api, &ctx.settings.schema)?;
    told::demand_same(&told, &state.pending)?;
    let before = state::live(ctx, server)?;
    let facts = facts::read(pair.live())?;
    identity::demand(ctx, server, &facts, Empty::of(&before).is_some())?;
    state::demand_own_programs(ctx, &before)?;
    let gate = Gate { held: &held, api: &api, pending: &pending, before: &before, told: &told };
    let mut passage = Passage::new(&gate, facts.uuid);
    let ended = passage.go(&mut pair, choice, made);
    passage.times.build_ms = build_ms;
    passage.times.total_ms = clock::elapsed_ms(start);
    passage.record(pair.live(), &ended)?;
    let live = ended?;
    api_rights::complete(ctx, server, pair.live());
    Ok(Applied {
        pending: state.pending,
        backup: passage.backup,
        reused: passage.reused,
        live: Some(live),
        statements: passage.statements,
        times: passage.times,
    })
}

/// One way through the gate, and what must be written down about it, however it ends.
struct Passage<'a> {
    gate: &'a Gate<'a>,
    uuid: String,
    backup: Option<Label>,
    reused: bool,
    statements: Vec<StatementReport>,
    rehearsal_gtids: Option<Vec<String>>,
    times: GateTimes,
    /// Whether anything was done about the live schema.
    live: bool,
}

impl<'a> Passage<'a> {
    fn new(gate: &'a Gate<'a>, uuid: String) -> Self {
        Self {
            gate,
            uuid,
            backup: None,
            reused: false,
            statements: Vec::new(),
            rehearsal_gtids: Some(Vec::new()),
            times: GateTimes::default(),
            live: false,
        }
    }

    fn go(&mut self, pair: &mut Pair, choice: StrategyChoice, made: &mut Made) -> Result<Live> {
        let (gate, ctx) = (self.gate, self.gate.ctx());
        if let Some(empty) = Empty::of(gate.before) {
            ctx.ui.say(format!(
                "`{}` has no tables: there is nothing to back up",
                ctx.settings.schema
            ));
            return self.in_place(pair, Ground::Empty(&empty));
        }
        staging::clean(ctx, pair.copy())?;
        let before: &[Step] =
            if early::is_worth_it(ctx, gate.before) { &[Step::Structure] } else { &[] };
        let after: &[Step] = match choice {
            StrategyChoice::InPlace => &[Step::Rehearse, Step::Live],
            _ => &[Step::Rehearse, Step::Writes, Step::Live],
        };
        let around = Around { before, after };
        let proof = proof::take(gate.held, pair, Reason::Migrate, made, &around, &mut |session| {
            let of = (gate.before, &gate.told.session);
            early::look(ctx, gate.server(), session, of, gate.pending)
        })?;
        self.backup = Some(proof.manifest().label.clone());
        self.reused = proof.reused;
        (self.times.backup_ms, self.times.proof_ms) = (proof.backup_ms, proof.proof_ms);
        point("gate.proved")?;
        let session = pair.copy();
        let passed = Rehearsed::on(&proof.copy, |copy| self.rehearse(session, copy));
        let passed = passed.and_then(|rehearsed| {
            point("gate.rehearsed")?;
            Ok((self.decide(pair, &proof, choice)?, rehearsed))
        });
        let staged = proof.copy.staged();
        let (decision, rehearsed) = match passed {
            Ok(passed) => passed,
            Err(error) => {
                // The session may be what failed; the next run removes it then.
                staged.drop_schema(pair.copy()).ok();
                return Err(error);
            }
        };
        let line = format!("{}: {}", decision.way.strategy().word(), decision.why);
        if decision.way == Way::InPlace {
            ctx.ui.say(line);
            staged.drop_schema(pair.copy())?;
            return self.in_place(pair, Ground::Rehearsed(&rehearsed));
        }
        ctx.ui.step(Step::Live, line);
        let swapped = match decision.way {
            Way::Swap => self.swap(pair, &proof, &rehearsed),
            _ => Ok(Swapped::Moved(Moved {
                evidence: decision.evidence,
                called_off: false,
                copy: None,
            })),
        };
        let live = swapped.and_then(|swapped| match swapped {
            Swapped::Done(live) => Ok(Some(live)),
            Swapped::Moved(moved) => self.online(pair, &proof, &rehearsed, choice, moved),
        });
        if !matches!(live, Ok(Some(_))) && gate.held.store().read_journal()?.is_none() {
            // Unless the next run needs it to bring the swap to its end.
            let dropped = staged.drop_schema(pair.copy());
            if live.is_ok() {
                dropped?;
            }
        }
        match live? {
            Some(live) => {
                self.times.locked_ms = live.locked_ms;
                Ok(live)
            }
            None => self.in_place(pair, Ground::Rehearsed(&rehearsed)),
        }
    }

    fn rehearse(&mut self, session: &mut Session, proven: &ProvenCopy) -> Result<()> {
        let (gate, ctx) = (self.gate, self.gate.ctx());
        let (manifest, staged) = (proven.manifest(), proven.staged());
        // Everything later relies on the schema as it was read before the backup.
        if fingerprint::schema(gate.before) != manifest.schema_fingerprint {
            return Err(moved().into());
        }
        let schema = &staged.schema;
        // The live schema's events: the definitions were just proven to be the same.
        rehearse::enable_events(session, schema, gate.before)?;
        let rows: BTreeMap<String, u64> = staged.table_rows.iter().cloned().collect();
        let copy = Copy { settings: &gate.told.session, schema, rows: &rows };
        let names = human::count(gate.pending.len() as u64, "migration");
        ctx.ui.step(Step::Rehearse, format!("rehearsing {names} on the copy"));
        let bar = ctx.ui.bar("rehearse", Total::Unknown);
        let Rehearsal { statements, duration_ms, own_gtids, failure } =
            rehearse::run(ctx, gate.server(), &copy, gate.pending, None)?;
        bar.done();
        self.times.rehearsal_ms = duration_ms;
        self.rehearsal_gtids = own_gtids;
        self.statements = statements;
        // The account has no right on the live schema. What changed there all the same
        // is someone else's work.
        if fingerprint::schema(&state::live(ctx, gate.server())?) != manifest.schema_fingerprint {
            return Err(self.reached_out(&manifest.label).into());
        }
        if let Some(stop) = failure {
            return Err(stop.into());
        }
        ctx.ui.say(report::gate::rehearsal(&self.statements, duration_ms));
        after::demand_a_way_back(ctx, session, schema, gate.before)?;
        Ok(plan::gate::demand_within(&ctx.settings.policy.gate, &self.statements)?)
    }

    fn reached_out(&self, backup: &Label) -> Stop {
        Stop::new(
            ExitCode::MigrationNotRestored,
            format!(
                "the definitions of `{}` changed during the rehearsal on a copy",
                self.gate.ctx().settings.schema
            ),
        )
        .hint("Either someone else changed them, or the migration reaches outside its schema.")
        .hint(format!("The previous state is in {backup}, which was just proven."))
    }
}

fn moved() -> Stop {
    Stop::new(
        ExitCode::GateRefused,
        "the schema or the list of migrations changed since the backup; the database was not touched",
    )
    .hint("Someone else is working on it. Run `cargo xtask migrate` again when they are done.")
}
