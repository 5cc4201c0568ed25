//! `[gate]` of `xtask.toml`: what stands in front of a change.

use serde::Deserialize;

use model::choice::Choice;

/// How a migration goes live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyChoice {
    /// Swap where it is proven that nothing wrote since the backup, else in place.
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
            "Swap where it is proven that nothing wrote since the backup, else in place",
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
    /// How migrations go live.
    pub strategy: StrategyChoice,
    /// How long a statement waits for others' locks on the live schema, in seconds.
    pub lock_wait_s: u32,
    /// How often a migration whose first statement did not get its lock is tried again.
    pub lock_retries: u32,
    /// How many rows may be compared while the live tables are locked, where the
    /// server's log cannot prove that nothing wrote. Above it, that is unknown.
    pub compare_rows: u64,
    /// A drill's copy of a smaller schema than this is kept on the server, in MiB, for a
    /// migration that comes before anything else wrote; 0: none is.
    pub keep_copy_mib: u64,
    /// A statement that took longer than this on the copy is refused, in seconds; 0: none is.
    pub max_statement_s: u64,
    /// A statement that copies a table of more rows than this is refused; 0: none is.
    pub max_copied_rows: u64,
    /// A transaction that is open for longer than this is shown, in seconds.
    pub long_transaction_s: u64,
    /// How long a receipt for the API is good, in seconds.
    pub receipt_max_age_s: u64,
    /// Branches and tags that are deployed; `*` stands for any characters.
    pub deploy_refs: Vec<String>,
    /// How old the state may be that a proof is about, in minutes.
    pub proof_max_age_minutes: u32,
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self {
            strategy: StrategyChoice::Auto,
            lock_wait_s: 10,
            lock_retries: 3,
            compare_rows: 1_000_000,
            keep_copy_mib: 256,
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
    /// What the API would refuse later is refused before anything begins.
    ///
    /// # Errors
    /// The key and what it may be.
    pub(super) fn demand_sound(&self) -> Result<(), String> {
        let limits = [
            ("lock_wait_s", u64::from(self.lock_wait_s), 1..=3600),
            ("lock_retries", u64::from(self.lock_retries), 0..=10),
            ("receipt_max_age_s", self.receipt_max_age_s, 1..=86_400),
        ];
        match limits.iter().find(|(_, value, range)| !range.contains(value)) {
            None => Ok(()),
            Some((key, value, range)) => {
                let (least, most) = (range.start(), range.end());
                Err(format!("gate.{key} is {value}, which is not from {least} to {most}"))
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
