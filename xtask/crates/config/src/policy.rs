//! `xtask.toml`: the rules, committed with the code, without secrets.

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use super::backup::BackupPolicy;
use super::deploy::DeployPolicy;
use super::gate::GatePolicy;
use super::keeping::{MonitorPolicy, RetentionPolicy, SchedulePolicy};
use super::loss::LossPolicy;
use super::outside::{self, DestinationPolicy, EncryptionPolicy};
use super::trust::TrustPolicy;
use model::exit::{ExitCode, Stop};

/// Everything in `xtask.toml`; docs/configuration.md lists the defaults.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// `[backup]`
    pub backup: BackupPolicy,
    /// `[restore]`
    pub restore: RestorePolicy,
    /// `[verify]`
    pub verify: VerifyPolicy,
    /// `[server]`
    pub server: ServerPolicy,
    /// `[gate]`
    pub gate: GatePolicy,
    /// `[deploy]`
    pub deploy: DeployPolicy,
    /// `[encryption]`
    pub encryption: EncryptionPolicy,
    /// Each `[[destination]]`.
    pub destination: Vec<DestinationPolicy>,
    /// `[trust]`
    pub trust: TrustPolicy,
    /// `[retention]`
    pub retention: RetentionPolicy,
    /// `[schedule]`
    pub schedule: SchedulePolicy,
    /// `[monitor]`
    pub monitor: MonitorPolicy,
    /// `[loss]`
    pub loss: LossPolicy,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestorePolicy {
    /// How long one try at the live tables' locks waits, in seconds: everybody behind it waits,
    /// too.
    pub lock_wait_s: u32,
    /// How often such a try is repeated, after growing pauses.
    pub lock_retries: u32,
    /// How many connections load rows; 1: one, in the dump's order. 0: as many as this machine has
    /// processors, at least 2 and at most 4.
    pub threads: usize,
}

impl Default for RestorePolicy {
    fn default() -> Self {
        Self { lock_wait_s: 1, lock_retries: 10, threads: 0 }
    }
}

/// More connections than this do not help any server.
const MOST_THREADS: usize = 64;

impl RestorePolicy {
    /// A server takes no wait of 0 s, and a try that is known by another wait would never be
    /// repeated.
    fn demand_sound(&self) -> Result<(), String> {
        for (key, value, range) in [
            ("lock_wait_s", self.lock_wait_s, 1..=3600),
            ("lock_retries", self.lock_retries, 0..=100),
        ] {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                return Err(format!(
                    "restore.{key} is {value}, but must be from {least} to {most}"
                ));
            }
        }
        Ok(())
    }

    /// Applies the command line's value, if given.
    pub fn set_threads(&mut self, given: Option<u8>) {
        self.threads = given.map_or(self.threads, usize::from);
    }

    /// Over how many sessions rows are loaded.
    pub fn threads(&self) -> usize {
        match self.threads {
            0 => sys::env::processors().clamp(2, 4),
            given => given.min(MOST_THREADS),
        }
    }
}

/// What `db-verify --live` expects.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyPolicy {
    /// At least this many tables.
    pub min_tables: usize,
    /// Tables that must exist and have rows.
    pub core_tables: Vec<String>,
    /// Paths of the API that must answer with data.
    pub api_paths: Vec<String>,
}

impl Default for VerifyPolicy {
    fn default() -> Self {
        Self {
            min_tables: 15,
            core_tables: ["account", "movie", "series"].map(str::to_owned).to_vec(),
            api_paths: ["/content/movies", "/content/genres"].map(str::to_owned).to_vec(),
        }
    }
}

/// How the server is reached and waited for.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerPolicy {
    /// How long `db-up` waits until the server is usable, in seconds.
    pub start_deadline_s: u64,
    /// How long one connection attempt may take, in seconds.
    pub connect_timeout_s: u64,
}

impl Default for ServerPolicy {
    fn default() -> Self {
        Self { start_deadline_s: 120, connect_timeout_s: 10 }
    }
}

impl Policy {
    /// Reads the file; a missing one means the defaults.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = sys::fs::read_text(path)?;
        let wrong = |why: String| {
            Stop::new(ExitCode::Configuration, format!("{} is invalid: {why}", path.display()))
                .hint("docs/configuration.md lists every key.")
        };
        let policy: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        policy.restore.demand_sound().map_err(wrong)?;
        policy.gate.demand_sound().map_err(wrong)?;
        policy.retention.demand_sound().map_err(wrong)?;
        policy.trust.demand_sound().map_err(wrong)?;
        policy.loss.demand_sound().map_err(wrong)?;
        outside::demand_sound(&policy.destination).map_err(wrong)?;
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_and_defaults_hold() {
        assert!(toml::from_str::<Policy>("[verify]\nmin_table = 3").is_err());
        let policy: Policy = toml::from_str("[verify]\nmin_tables = 3").expect("policy");
        assert_eq!(policy.verify.min_tables, 3);
        assert_eq!(policy.verify.core_tables.len(), 3);
        assert_eq!(policy.backup.compress_above_mib, 64);
    }

    #[test]
    fn a_wait_that_no_server_takes_is_refused() {
        assert_eq!(RestorePolicy::default().demand_sound(), Ok(()));
        let policy = RestorePolicy { lock_wait_s: 0, ..RestorePolicy::default() };
        assert!(policy.demand_sound().unwrap_err().contains("restore.lock_wait_s is 0"));
    }
}
