//! How a rehearsed change goes live, and what the policy says about its cost.

use config::gate::{GatePolicy, StrategyChoice};
use model::exit::{ExitCode, Stop};
use model::gate::{Effect, Evidence, StatementReport, Strategy};

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// How it goes live.
    pub strategy: Strategy,
    /// Why so, for people.
    pub why: String,
}

/// Chooses how the rehearsed change goes live.
///
/// # Errors
/// Exit code 20: a swap was demanded, and it is not proven that nothing would be lost.
pub fn decide(
    choice: StrategyChoice,
    evidence: &Evidence,
    statements: &[StatementReport],
    no_swap_why: Option<&str>,
) -> Result<Decision, Stop> {
    let in_place = |why: &str| Decision { strategy: Strategy::InPlace, why: why.to_owned() };
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
        return Ok(in_place("its one statement is instant and all or nothing by itself"));
    }
    match (evidence, choice) {
        (Evidence::Unchanged(_), _) => {
            Ok(Decision { strategy: Strategy::Swap, why: evidence.to_string() })
        }
        (_, StrategyChoice::Swap) => Err(no_swap(&evidence.to_string())),
        _ => Ok(in_place(&evidence.to_string())),
    }
}

fn no_swap(why: &str) -> Stop {
    Stop::new(
        ExitCode::GateRefused,
        format!("the rehearsed copy cannot take the live schema's place, the database was not touched: {why}"),
    )
    .hint("Stop what writes and try again, or leave `--strategy swap` out.")
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
        .hint(format!("The limit is gate.{key} in xtask.toml. Split the migration, or raise it for a quiet hour."))
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
            let what = format!("copies {rows} rows, more than {most}");
            return Err(refused(report, what, "max_copied_rows"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(effect: Effect, rows: u64, ms: u64) -> StatementReport {
        StatementReport {
            migration: "1_x".to_owned(),
            number: 1,
            of: 1,
            statement: "ALTER TABLE a".to_owned(),
            duration_ms: ms,
            rows: 0,
            effect,
            table_rows: Some(rows),
        }
    }

    #[test]
    fn a_swap_needs_proof() {
        let unchanged = Evidence::Unchanged("x".to_owned());
        let copy = [statement(Effect::Copy, 9, 9)];
        let of = |choice, evidence: &Evidence, list: &[StatementReport], why: Option<&str>| {
            decide(choice, evidence, list, why).map(|d| d.strategy).map_err(|stop| stop.code)
        };
        use StrategyChoice::{Auto, InPlace, Swap};
        assert_eq!(of(Auto, &unchanged, &copy, None), Ok(Strategy::Swap));
        assert_eq!(of(InPlace, &unchanged, &copy, None), Ok(Strategy::InPlace));
        assert_eq!(of(Auto, &unchanged, &copy, Some("x")), Ok(Strategy::InPlace));
        let instant = [statement(Effect::Instant, 9, 1)];
        assert_eq!(of(Auto, &unchanged, &instant, None), Ok(Strategy::InPlace));
        assert_eq!(of(Swap, &unchanged, &instant, None), Ok(Strategy::Swap));
        let two = [instant[0].clone(), instant[0].clone()];
        assert_eq!(of(Auto, &unchanged, &two, None), Ok(Strategy::Swap));
        for other in [Evidence::Changed("x".to_owned()), Evidence::Unknown("x".to_owned())] {
            assert_eq!(of(Auto, &other, &copy, None), Ok(Strategy::InPlace));
            assert_eq!(of(Swap, &other, &copy, None), Err(ExitCode::GateRefused));
        }
        assert_eq!(of(Swap, &unchanged, &copy, Some("x")), Err(ExitCode::GateRefused));
    }

    #[test]
    fn limits_are_kept_where_there_are_any() {
        let mut policy = GatePolicy::default();
        let list = [statement(Effect::Copy, 3_000_000, 41_000)];
        assert!(demand_within(&policy, &list).is_ok());
        policy.max_statement_s = 40;
        assert!(demand_within(&policy, &list).unwrap_err().message.contains("41 s"));
        policy.max_statement_s = 0;
        policy.max_copied_rows = 1_000_000;
        assert!(demand_within(&policy, &list).unwrap_err().message.contains("copies"));
        assert!(demand_within(&policy, &[statement(Effect::Instant, 3_000_000, 1)]).is_ok());
    }
}
