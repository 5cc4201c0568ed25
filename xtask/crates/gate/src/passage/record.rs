//! The entry of a passage, however it ended.

use anyhow::Result;

use super::Passage;
use crate::Live;
use model::entry::{Event, GateOutcome};
use model::exit::{ExitCode, Stop, find_stop};
use ops::ctx::Ctx;
use server::Session;

/// What came of a change. `live` says whether anything was done about the live schema.
pub fn outcome<T>(ended: &Result<T>, live: bool) -> GateOutcome {
    let code = |error| find_stop(error).map(|stop| stop.code);
    plan::gate::outcome(ended.as_ref().map(drop).map_err(code), live)
}

/// Why it did not pass, in one line: what follows the first one are the server's words,
/// with values in them.
pub fn detail<T>(ctx: &Ctx, ended: &Result<T>) -> String {
    let Some(error) = ended.as_ref().err() else { return String::new() };
    let text = find_stop(error).map_or_else(|| error.to_string(), |stop| stop.message.clone());
    ctx.settings.redact(text.lines().next().unwrap_or_default())
}

impl Passage<'_> {
    /// Writes the entry, however it ended. A failure to write it is only worse than
    /// the failure itself when there was none.
    pub(super) fn record(&self, session: &Session, ended: &Result<Live>) -> Result<()> {
        let gate = self.gate;
        let outcome = outcome(ended, self.live);
        let live = ended.as_ref().ok();
        let own = match (session.own_gtids(), &self.rehearsal_gtids) {
            (Some(own), Some(more)) => {
                let all: Vec<&str> = own.iter().chain(more).map(String::as_str).collect();
                Some(all.join(","))
            }
            _ => None,
        };
        let event = Event::Gate {
            changes: gate.names(),
            outcome,
            detail: detail(gate.ctx(), ended),
            backup: self.backup.clone(),
            strategy: live.map(|live| live.strategy),
            previous_schema: live.and_then(|live| live.previous_schema.clone()),
            statements: self.statements.clone(),
            times: self.times,
            own_gtids: own.filter(|_| outcome == GateOutcome::Refused),
        };
        let schema = &gate.ctx().settings.schema;
        let written = gate.held.append(&self.uuid, schema, event);
        match (written, ended) {
            (Err(error), Ok(_)) => Err(error.context(
                Stop::new(
                    ExitCode::Store,
                    format!(
                        "`{schema}` IS migrated; only the entry in the ledger could not be written"
                    ),
                )
                .hint(
                    "Do not migrate again. `cargo xtask doctor` shows what is wrong with the \
                ledger.",
                ),
            )),
            _ => Ok(()),
        }
    }
}
