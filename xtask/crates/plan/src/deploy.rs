//! A deploy: its steps, and what is left when one of them fails.

use std::fmt;

use model::entry::DeployOutcome;
use model::exit::ExitCode;

/// One step, as the dry run shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub what: String,
    /// How long it may take; `None` where it has limits of its own.
    pub deadline_s: Option<u64>,
    /// What a failure at or after this step does about it.
    pub undo: String,
}

impl Step {
    pub fn new(what: impl Into<String>, deadline_s: Option<u64>, undo: impl Into<String>) -> Self {
        Self { what: what.into(), deadline_s, undo: undo.into() }
    }
}

/// Everything that a deploy will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployPlan {
    pub target: String,
    pub kind: &'static str,
    pub url: String,
    /// What is deployed: a commit.
    pub release: String,
    /// What runs now, as far as it is known.
    pub current: String,
    /// The schema and the server that it is on.
    pub database: String,
    /// The steps, in their order.
    pub steps: Vec<Step>,
}

impl fmt::Display for DeployPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Deploy {} to `{}` ({}, {}):", self.release, self.target, self.kind, self.url)?;
        writeln!(f, "  database  {}", self.database)?;
        write!(f, "  runs now  {}", self.current)?;
        for (at, step) in self.steps.iter().enumerate() {
            write!(f, "\n  {}. {}", at + 1, step.what)?;
            if let Some(seconds) = step.deadline_s {
                write!(f, " (at most {seconds} s)")?;
            }
            write!(f, "\n     undo: {}", step.undo)?;
        }
        Ok(())
    }
}

/// What a failed deploy left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Whether what ran before runs again.
    pub program_back: bool,
    /// Whether this deploy applied migrations.
    pub migrated: bool,
    /// Whether they were undone without a loss.
    pub schema_back: bool,
}

impl Left {
    /// Fully rolled back, or manual work remains. A schema that stays migrated never counts as
    /// fine: that the old program answers on it proves little.
    pub fn outcome(self) -> DeployOutcome {
        if self.program_back && (!self.migrated || self.schema_back) {
            DeployOutcome::RolledBack
        } else {
            DeployOutcome::NeedsAPerson
        }
    }

    /// The matching exit code.
    pub fn code(self) -> ExitCode {
        match self.outcome() {
            DeployOutcome::RolledBack => ExitCode::DeployRolledBack,
            _ => ExitCode::DeployNeedsPerson,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_all_back_is_rolled_back() {
        for (program_back, migrated, schema_back, code) in [
            (true, false, false, 32),
            (true, true, true, 32),
            (true, true, false, 33),
            (false, false, false, 33),
            (false, true, true, 33),
        ] {
            let left = Left { program_back, migrated, schema_back };
            assert_eq!(left.code() as u8, code, "{left:?}");
        }
    }

    #[test]
    fn the_plan_names_steps_deadlines_and_undo() {
        let plan = DeployPlan {
            target: "local".to_owned(),
            kind: "process",
            url: "http://127.0.0.1:3000".to_owned(),
            release: "abc".to_owned(),
            current: "nothing".to_owned(),
            database: "`mydb` on here".to_owned(),
            steps: vec![
                Step::new("Build.", Some(1800), "nothing to undo"),
                Step::new("Migrate.", None, "by the gate"),
            ],
        };
        let text = plan.to_string();
        for part in
            ["Deploy abc to `local`", "1. Build. (at most 1800 s)", "2. Migrate.\n", "undo: by"]
        {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
    }
}
