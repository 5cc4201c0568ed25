//! How a rehearsed change goes live, and what the policy says about its cost.

use config::gate::{GatePolicy, StrategyChoice};
use model::entry::GateOutcome;
use model::exit::{ExitCode, Stop};
use model::gate::{Effect, Evidence, StatementReport, Strategy};
use model::inventory::{Inventory, ObjectKind};
use model::manifest::Manifest;
use model::number::{count, thousands};

/// How a rehearsed change goes live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The copy takes the live schema's place; nothing was written since the backup.
    Swap,
    /// The copy follows what others write, and then takes the live schema's place.
    Online,
    /// The migrations run on the live schema.
    InPlace,
}

impl Way {
    pub fn strategy(self) -> Strategy {
        match self {
            Self::Swap | Self::Online => Strategy::Swap,
            Self::InPlace => Strategy::InPlace,
        }
    }
}

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub way: Way,
    /// Why so, for people.
    pub why: String,
    /// What is known of writes since the backup.
    pub evidence: Evidence,
}

impl Decision {
    /// What was decided for an online swap, now that it is known whether the copy can follow;
    /// other decisions stay.
    ///
    /// # Errors
    /// Exit code 20: a swap was demanded, and the copy cannot follow.
    pub fn if_it_follows(
        self,
        choice: StrategyChoice,
        follows: Result<(), &str>,
    ) -> Result<Self, Stop> {
        match (self.way, follows) {
            (Way::Online, Err(why)) => {
                let why = format!("{}; the copy cannot follow: {why}", self.why);
                match choice {
                    StrategyChoice::Swap => Err(no_swap(&why)),
                    _ => Ok(Self { way: Way::InPlace, why, ..self }),
                }
            }
            _ => Ok(self),
        }
    }
}

/// Chooses how the rehearsed change goes live. An online swap is chosen for
/// [`Decision::if_it_follows`] to confirm.
///
/// # Errors
/// Exit code 20: a swap was demanded, and the copy must not take the live schema's place.
pub fn decide(
    choice: StrategyChoice,
    evidence: &Evidence,
    statements: &[StatementReport],
    no_swap_why: Option<&str>,
) -> Result<Decision, Stop> {
    let in_place =
        |why: &str| Decision { way: Way::InPlace, why: why.to_owned(), evidence: evidence.clone() };
    if choice == StrategyChoice::InPlace {
        return Ok(in_place("as asked"));
    }
    if let Some(why) = no_swap_why {
        return match choice {
            StrategyChoice::Swap => Err(no_swap(why)),
            _ => Ok(in_place(why)),
        };
    }
    if choice == StrategyChoice::Auto
        && let [only] = statements
        && only.effect == Effect::Instant
    {
        return Ok(in_place("its one statement is instant and atomic"));
    }
    let way = match evidence {
        Evidence::Unchanged(_) => Way::Swap,
        _ => Way::Online,
    };
    Ok(Decision { way, why: evidence.to_string(), evidence: evidence.clone() })
}

/// Why a copy that was restored from a backup is not the live schema to the last digit,
/// or cannot be locked as a whole: then it must not take the live schema's place.
pub fn no_exact_copy(manifest: &Manifest, live: &Inventory) -> Option<String> {
    if let Some(table) = live.non_transactional().first() {
        return Some(format!("`{table}` has no transactions"));
    }
    if let Some(view) = manifest.broken_views.first() {
        return Some(format!("the view `{}` is broken, and a copy cannot hold it", view.name));
    }
    if let Some(changed) = manifest.tables.iter().find(|table| table.changed_texts > 0) {
        return Some(format!("`{}` has text that comes back as other bytes", changed.name));
    }
    let rounded = manifest.tables.iter().find(|table| table.rounded_floats > 0)?;
    Some(format!("`{}` has FLOAT values that the dump rounded", rounded.name))
}

/// What is known of a rehearsed copy that might take the live schema's place.
#[derive(Debug, Clone, Copy)]
pub struct Rehearsed<'a> {
    /// The backup that it was restored from.
    pub manifest: &'a Manifest,
    /// The live schema before the backup.
    pub before: &'a Inventory,
    /// The copy after the migrations.
    pub copy: &'a Inventory,
    /// Whether an event's time passed, so that the copy does not hold it.
    pub event_passed: bool,
    /// A table of another schema whose foreign key points at the live one.
    pub key_from_outside: Option<&'a str>,
}

/// Why the copy cannot take the live schema's place, whatever wrote or did not.
pub fn why_no_swap(it: Rehearsed<'_>) -> Option<String> {
    let Rehearsed { manifest, before, copy, event_passed, key_from_outside } = it;
    if let Some(key) = key_from_outside {
        return Some(format!(
            "a foreign key of {key} points at it and would follow the old tables"
        ));
    }
    // What a swap has to change before its lock would look like someone else's work.
    let defaults = |of: &Inventory| (of.charset.clone(), of.collation.clone());
    let in_its_place = |(kind, name): &(ObjectKind, String)| {
        *kind == ObjectKind::View && copy.tables.contains_key(name)
    };
    if defaults(copy) != defaults(before) || before.programs.keys().any(in_its_place) {
        return Some(
            "it changes the schema's collation, or puts a table in a view's place".to_owned(),
        );
    }
    if event_passed {
        return Some("an event's time has passed, and a copy cannot hold it".to_owned());
    }
    no_exact_copy(manifest, before).or_else(|| no_exact_copy(manifest, copy))
}

/// What came of a change, for the ledger: `Err` holds the exit code of a foreseen failure.
/// `live` says whether anything was done about the live schema.
pub fn outcome(ended: Result<(), Option<ExitCode>>, live: bool) -> GateOutcome {
    match ended {
        Ok(()) => GateOutcome::Applied,
        Err(Some(ExitCode::MigrationRestored)) => GateOutcome::Restored,
        Err(Some(ExitCode::MigrationNotRestored)) => GateOutcome::NotRestored,
        Err(Some(ExitCode::GateRefused | ExitCode::Locked)) => GateOutcome::Refused,
        Err(_) if live => GateOutcome::Failed,
        Err(_) => GateOutcome::Refused,
    }
}

fn no_swap(why: &str) -> Stop {
    Stop::new(
        ExitCode::GateRefused,
        format!(
            "the rehearsed copy cannot replace the live schema; the database was not touched: \
        {why}"
        ),
    )
    .hint("Stop the writers and try again, or run without `--strategy swap`.")
}

/// Refuses what took too long on the copy, or copies too much.
///
/// # Errors
/// Exit code 20, naming the first statement and the limit.
pub fn demand_within(policy: &GatePolicy, statements: &[StatementReport]) -> Result<(), Stop> {
    let refused = |report: &StatementReport, what: String, key: &str| {
        Stop::new(
            ExitCode::GateRefused,
            format!(
                "statement {} of {} of {} {what}; the database was not touched:\n  {}",
                report.number, report.of, report.migration, report.statement
            ),
        )
        .hint(format!(
            "The limit is gate.{key} in xtask.toml. Split the migration, or raise the \
        limit for a quiet hour."
        ))
    };
    for report in statements {
        let seconds = policy.max_statement_s;
        if seconds > 0 && report.duration_ms > seconds * 1000 {
            let took = report.duration_ms / 1000;
            let what = format!("took {took} s on the copy, more than {seconds} s");
            return Err(refused(report, what, "max_statement_s"));
        }
        let rows = report.table_rows.unwrap_or(0);
        let most = policy.max_copied_rows;
        if most > 0 && report.effect == Effect::Copy && rows > most {
            let what = format!("copies {}, more than {}", count(rows, "row"), thousands(most));
            return Err(refused(report, what, "max_copied_rows"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
