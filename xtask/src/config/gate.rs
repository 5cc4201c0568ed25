//! `[gate]` of `xtask.toml`: what counts as fit for a deploy.

use serde::Deserialize;

/// When a proven backup is asked for, and how old it may be.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatePolicy {
    /// Branches and tags that are deployed; `*` stands for any characters.
    pub deploy_refs: Vec<String>,
    /// How old the state may be that a proof is about, in minutes.
    pub proof_max_age_minutes: u32,
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self {
            deploy_refs: ["main", "release/*", "v*"].map(str::to_owned).to_vec(),
            proof_max_age_minutes: 60,
        }
    }
}
