//! `[retention]`, `[schedule]` and `[monitor]` of `xtask.toml`: what is kept, when a
//! backup is taken without being asked for, and when somebody should be told.

use serde::Deserialize;

/// Which backups are kept, here and at the destinations. 0 of a rule keeps none by it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionPolicy {
    /// The newest ones, whatever their age.
    pub last: u32,
    /// The newest one of each of the last so many hours that have one.
    pub hourly: u32,
    /// … days.
    pub daily: u32,
    /// … weeks (ISO, from Monday).
    pub weekly: u32,
    /// … months.
    pub monthly: u32,
    /// … years.
    pub yearly: u32,
    /// A safety backup, which a restore takes first, is kept for so many days, and takes
    /// no place in the rules above.
    pub safety_days: u32,
    /// Old tables (`mydb__before_…`) are kept for so many days, and the newest ones
    /// longer. 0: only those that `migrate --undo` needs.
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
    /// Some rule keeps something.
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
    /// Restore a backup to prove it at least every so many days; in between the file
    /// is read.
    pub drill_days: u32,
    /// Copy to every destination.
    pub copy: bool,
}

impl Default for SchedulePolicy {
    fn default() -> Self {
        Self { every: "6h".to_owned(), drill_days: 7, copy: true }
    }
}

/// When `db-status --check` is not content.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorPolicy {
    /// The newest verified backup is older than so many hours (the RPO's objective).
    pub max_age_hours: u32,
    /// The newest drill is older than so many days.
    pub max_drill_days: u32,
    /// The last drill took longer than so many minutes (the RTO's objective).
    pub rto_minutes: u32,
    /// Whether a slower drill breaks a rule; else it is a warning.
    pub rto_is_rule: bool,
    /// The newest verified backup has fewer copies than so many, the local one counted.
    /// Destinations that are declared count even where this is less.
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
