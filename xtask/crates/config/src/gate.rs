//! `[gate]` in `xtask.toml`: what a change has to pass.

use serde::Deserialize;

use model::choice::Choice;

/// How a migration goes live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyChoice {
    /// Swap if it is proven that nothing was written since the backup, else in place.
    #[default]
    Auto,
    /// The rehearsed copy takes the live schema's place, or nothing happens.
    Swap,
    /// Statement by statement on the live schema.
    InPlace,
}

impl Choice for StrategyChoice {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (
            Self::Auto,
            "auto",
            "Swap if it is proven that nothing was written since the backup, else in place",
        ),
        (
            Self::Swap,
            "swap",
            "The rehearsed copy takes the live schema's place, or nothing happens",
        ),
        (Self::InPlace, "in-place", "Statement by statement on the live schema"),
    ];
}

/// How migrations go live, what is refused, and when a push needs a proof.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatePolicy {
    pub strategy: StrategyChoice,
    /// How long one try at a lock on the live schema waits, in seconds: everybody behind it
    /// waits, too.
    pub lock_wait_s: u32,
    /// How often a statement that did not get its lock is tried again, after growing pauses.
    pub lock_retries: u32,
    /// How many rows may be compared while the live tables are locked, if the server's log cannot
    /// prove that nothing was written. With more rows, the answer is unknown.
    pub compare_rows: u64,
    /// Schemas smaller than this many MiB: a drill's copy stays on the server, for a migration that
    /// runs before anything else is written. 0: never.
    pub keep_copy_mib: u64,
    /// Schemas of at least this many MiB: pending migrations run on the structure alone first.
    /// 0: never.
    pub look_first_mib: u64,
    /// Refuse a statement that took longer than this many seconds on the copy; 0: no limit.
    pub max_statement_s: u64,
    /// Refuse a statement that copies a table of more rows than this; 0: no limit.
    pub max_copied_rows: u64,
    /// Show transactions open for longer than this many seconds.
    pub long_transaction_s: u64,
    /// How long a permit for the API is valid, in seconds.
    pub receipt_max_age_s: u64,
    /// Branches and tags that are deployed; `*` matches any characters.
    pub deploy_refs: Vec<String>,
    /// Maximum age, in minutes, of the state that a proof is about.
    pub proof_max_age_minutes: u32,
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self {
            strategy: StrategyChoice::Auto,
            lock_wait_s: 1,
            lock_retries: 10,
            compare_rows: 1_000_000,
            keep_copy_mib: 256,
            look_first_mib: 32,
            max_statement_s: 0,
            max_copied_rows: 0,
            long_transaction_s: 10,
            receipt_max_age_s: 900,
            deploy_refs: ["main", "release/*", "v*"].map(str::to_owned).to_vec(),
            proof_max_age_minutes: 60,
        }
    }
}

impl GatePolicy {
    /// Refuses early what the API would refuse later.
    pub(super) fn demand_sound(&self) -> Result<(), String> {
        let limits = [
            ("lock_wait_s", u64::from(self.lock_wait_s), 1..=3600),
            ("lock_retries", u64::from(self.lock_retries), 0..=100),
            ("receipt_max_age_s", self.receipt_max_age_s, 1..=86_400),
        ];
        match limits.iter().find(|(_, value, range)| !range.contains(value)) {
            None => Ok(()),
            Some((key, value, range)) => {
                let (least, most) = (range.start(), range.end());
                Err(format!("gate.{key} is {value}, but must be from {least} to {most}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_refuses_is_refused_here() {
        assert!(GatePolicy::default().demand_sound().is_ok());
        let policy = GatePolicy { lock_wait_s: 0, ..GatePolicy::default() };
        assert!(policy.demand_sound().unwrap_err().contains("gate.lock_wait_s is 0"));
    }
}
