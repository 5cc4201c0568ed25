//! `[retention]`, `[schedule]` and `[monitor]` in `xtask.toml`: what is kept, when scheduled
//! backups run, and when to alert.

use serde::Deserialize;

/// Which backups are kept, here and at the destinations. A rule set to 0 keeps nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionPolicy {
    /// This many of the newest, whatever their age.
    pub last: u32,
    /// The newest of each hour, for the last this many hours that have one.
    pub hourly: u32,
    /// … days.
    pub daily: u32,
    /// … weeks (ISO, from Monday).
    pub weekly: u32,
    /// … months.
    pub monthly: u32,
    /// … years.
    pub yearly: u32,
    /// Days to keep a safety backup (taken before a restore); it does not count towards the rules
    /// above.
    pub safety_days: u32,
    /// Days to keep old tables (`mydb__before_…`); the newest stay longer. 0: keep only those that
    /// `migrate --undo` needs.
    pub before_days: u32,
    /// Prune after a scheduled run whose backup was verified.
    pub auto: bool,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self {
            last: 7,
            hourly: 24,
            daily: 14,
            weekly: 8,
            monthly: 12,
            yearly: 3,
            safety_days: 7,
            before_days: 7,
            auto: true,
        }
    }
}

impl RetentionPolicy {
    /// Demands that some rule keeps something.
    ///
    /// # Errors
    /// What is wrong, as a fragment.
    pub fn demand_sound(&self) -> Result<(), String> {
        let rules = [self.last, self.hourly, self.daily, self.weekly, self.monthly, self.yearly];
        if rules.iter().any(|number| *number > 0) {
            return Ok(());
        }
        Err("every rule of [retention] is 0, which would keep nothing".to_owned())
    }
}

/// What a scheduled run does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchedulePolicy {
    /// When: `6h`, `30m`, `1d`, or a cron expression of five fields, in local time.
    pub every: String,
    /// Prove a backup by a restore at least every this many days; in between, read the file.
    pub drill_days: u32,
    pub copy: bool,
}

impl Default for SchedulePolicy {
    fn default() -> Self {
        Self { every: "6h".to_owned(), drill_days: 7, copy: true }
    }
}

/// When `db-status --check` fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorPolicy {
    /// The newest verified backup is older than this many hours (the RPO objective).
    pub max_age_hours: u32,
    /// The newest drill is older than this many days.
    pub max_drill_days: u32,
    /// The last drill took longer than this many minutes (the RTO objective).
    pub rto_minutes: u32,
    /// Whether a slower drill breaks a rule; else it is a warning.
    pub rto_is_rule: bool,
    /// The newest verified backup has fewer copies than this, counting the local one. Every
    /// declared destination must have one, even if this number is lower.
    pub min_copies: u32,
    /// Where the metrics for Prometheus' textfile collector go; empty: nowhere.
    pub metrics_file: String,
}

impl Default for MonitorPolicy {
    fn default() -> Self {
        Self {
            max_age_hours: 26,
            max_drill_days: 8,
            rto_minutes: 10,
            rto_is_rule: false,
            min_copies: 1,
            metrics_file: String::new(),
        }
    }
}
