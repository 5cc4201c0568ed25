//! How a rehearsed change goes live: which way, and going it.

use std::time::Instant;

use anyhow::Result;

use super::Passage;
use crate::by_swap::{Moved, Swapped};
use crate::permit::Ground;
use crate::proof::Proof;
use crate::rehearse::Rehearsed;
use crate::{Live, by_swap, in_place, online, transactions};
use config::gate::StrategyChoice;
use model::account::Role;
use model::gate::Evidence;
use ops::sessions::Pair;
use ops::unchanged;
use ops::unchanged::Basis;
use plan::gate::{Decision, Way};
use server::inventory;
use sys::{clock, signal};
use ui::{Step, Total};

impl<'a> Passage<'a> {
    /// The copy follows what others write, where it can; `None`: in place, because it cannot.
    pub(super) fn online(
        &mut self,
        pair: &mut Pair,
        proof: &Proof,
        rehearsed: &Rehearsed<'_>,
        choice: StrategyChoice,
        moved: Moved,
    ) -> Result<Option<Live>> {
        let (gate, ctx) = (self.gate, self.gate.ctx());
        let start = Instant::now();
        let schema = &rehearsed.copy().staged().schema;
        let ready = online::ready(gate, pair.live(), proof.manifest(), schema)?;
        let Moved { evidence, called_off, copy } = moved;
        let why = match called_off {
            true => format!("nothing was swapped, {evidence}"),
            false => evidence.to_string(),
        };
        let found = Decision { way: Way::Online, why, evidence };
        let follows = ready.as_ref().map(drop).map_err(String::as_str);
        let decision = found.if_it_follows(choice, follows)?;
        let Ok(ready) = ready else {
            ctx.ui.say(format!("in-place: {}", decision.why));
            return Ok(None);
        };
        let live =
            online::go(gate, pair, (rehearsed, copy), proof.manifest(), ready, &mut self.live);
        self.times.live_ms = clock::elapsed_ms(start);
        live.map(Some)
    }

    pub(super) fn basis<'p>(&self, proof: &'p Proof) -> Basis<'p> {
        let own = self.rehearsal_gtids.as_ref();
        let own = own.map(|own| own.iter().chain(&proof.earlier).cloned().collect());
        Basis { manifest: proof.manifest(), own }
    }

    pub(super) fn decide(
        &mut self,
        pair: &mut Pair,
        proof: &Proof,
        choice: StrategyChoice,
    ) -> Result<Decision> {
        let (gate, ctx) = (self.gate, self.gate.ctx());
        signal::check()?;
        transactions::show(ctx, gate.server())?;
        if choice == StrategyChoice::InPlace {
            let evidence = Evidence::Unknown("not asked".to_owned());
            return Ok(plan::gate::decide(choice, &evidence, &self.statements, None)?);
        }
        ctx.ui.step(Step::Writes, "looking whether anything wrote since the backup");
        let _bar = ctx.ui.bar("look", Total::Unknown);
        let copy = inventory::read(pair.copy(), &proof.copy.staged().schema)?;
        let mut migrator = ctx.session(gate.server(), Role::Migrate, None)?;
        let key = unchanged::keys_from_outside(&mut migrator, &ctx.settings.schema)?;
        let why = plan::gate::why_no_swap(plan::gate::Rehearsed {
            manifest: proof.manifest(),
            before: gate.before,
            copy: &copy,
            event_passed: proof.copy.staged().checks.iter().any(|check| check.name == "events"),
            key_from_outside: key.as_deref(),
        });
        let mut reader = ctx.session(gate.server(), Role::Backup, None)?.read_only()?;
        let evidence = unchanged::look_twice(ctx, pair.live(), &mut reader, &self.basis(proof))?;
        Ok(plan::gate::decide(choice, &evidence, &self.statements, why.as_deref())?)
    }

    pub(super) fn swap(
        &mut self,
        pair: &mut Pair,
        proof: &Proof,
        rehearsed: &Rehearsed<'_>,
    ) -> Result<Swapped> {
        let start = Instant::now();
        self.live = true;
        let _bar = self.gate.ctx().ui.bar("swap", Total::Unknown);
        let swapped = by_swap::go(self.gate, pair, rehearsed, &self.basis(proof));
        self.times.live_ms = clock::elapsed_ms(start);
        swapped
    }

    pub(super) fn in_place(&mut self, pair: &mut Pair, ground: Ground<'_>) -> Result<Live> {
        let start = Instant::now();
        self.live = true;
        let live = in_place::go(self.gate, pair, ground, &self.uuid);
        self.times.live_ms = clock::elapsed_ms(start);
        live
    }
}
