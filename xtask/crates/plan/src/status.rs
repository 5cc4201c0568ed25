//! What follows from the facts, by the rules of `[monitor]`: findings and a verdict.
//! What could not be checked never counts as good.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{loss, safe, timeline};
use config::keeping::MonitorPolicy;
use model::status::{
    Answer, Facts, Finding, LOCAL, Place, STATUS_VERSION, Severity, State, Status, Storage, span,
};
use model::wrong_clock::SLACK;

/// A disk that is full in fewer days is worth a word.
const FULL_DAYS: u64 = 14;
/// How late a scheduled run may be before it counts as missed.
const LATE: TimeDelta = TimeDelta::minutes(30);

pub fn judge(facts: Facts, policy: &MonitorPolicy) -> Status {
    let mut findings = Vec::new();
    if let Some(problem) = &facts.ledger.problem {
        findings.push(broken(
            LEDGER,
            problem.clone(),
            "Put back a copy of `ledger.jsonl` and `ledger.head`; docs/monitoring.md lists the \
            other options.",
        ));
    }
    age(&facts, policy, &mut findings);
    findings.extend(loss::finding(&facts));
    findings.extend(timeline::finding(&facts));
    origins(&facts, &mut findings);
    drills(&facts, policy, &mut findings);
    copies(&facts, &mut findings);
    around(&facts, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    let state = match findings.first().map(|finding| finding.severity) {
        Some(Severity::Broken) => State::AtRisk,
        Some(Severity::NotLookedAt) => State::Unknown,
        _ => State::Safe,
    };
    let summary = summary(state, &findings, &facts);
    Status { version: STATUS_VERSION, state, summary, findings, facts }
}

/// The finding of a ledger that cannot be relied on; it has an exit code of its own.
pub const LEDGER: &str = "ledger_damaged";
/// The finding of a server that did not answer.
pub const SERVER: &str = "server_not_reached";

fn finding(
    severity: Severity,
    id: impl Into<String>,
    message: impl Into<String>,
    todo: impl Into<String>,
) -> Finding {
    Finding { id: id.into(), severity, message: message.into(), todo: todo.into() }
}

pub(crate) fn broken(
    id: impl Into<String>,
    message: impl Into<String>,
    todo: impl Into<String>,
) -> Finding {
    finding(Severity::Broken, id, message, todo)
}

pub(crate) fn warning(
    id: impl Into<String>,
    message: impl Into<String>,
    todo: impl Into<String>,
) -> Finding {
    finding(Severity::Warning, id, message, todo)
}

fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> Option<u64> {
    let passed = to - from;
    (passed >= -SLACK).then(|| passed.num_seconds().max(0).unsigned_abs())
}

/// The age of a moment; a moment that is still to come has none.
pub fn age_of(moment: DateTime<Utc>, now: DateTime<Utc>) -> Answer<u64> {
    seconds(moment, now).map_or_else(
        || Answer::unknown("its timestamp is in the future; was a clock set back?"),
        Answer::Known,
    )
}

fn age(facts: &Facts, policy: &MonitorPolicy, out: &mut Vec<Finding>) {
    const AGAIN: &str = "Run `cargo xtask db-backup` and `cargo xtask db-verify --level restore`; `cargo xtask schedule install` does it regularly.";
    if facts.ledger.problem.is_some() {
        // Without a ledger, what was verified is unknown.
        return;
    }
    let Some(backup) = &facts.last_backup else {
        out.push(broken("no_backup", "there is no usable backup", AGAIN));
        return;
    };
    let Some(verified) = &facts.rpo.newest_verified else {
        let unproven = facts.unproven.iter().find(|it| it.label == backup.label);
        let (message, todo) = match unproven {
            None => (
                format!("no backup is verified; the newest is {}", backup.label),
                "Run `cargo xtask db-verify --level restore`.",
            ),
            Some(it) => (
                format!(
                    "no backup of proven origin is verified; the newest is {}, {}",
                    backup.label, it.origin
                ),
                AGAIN,
            ),
        };
        out.push(broken("no_verified_backup", message, todo));
        return;
    };
    if facts.rpo.written.why() == Some(OTHER_SERVER) {
        out.push(broken(
            "other_server",
            format!(
                "{}, the newest verified backup, is of another server than this \
            one",
                verified.label
            ),
            "Check that DB_HOST names the right server; if it does, run `cargo xtask db-backup` \
            and `cargo xtask db-verify --level restore`.",
        ));
    }
    match &facts.rpo.age_s {
        Answer::Known(age) if *age > facts.rpo.objective_s => out.push(broken(
            "backup_age",
            format!(
                "the newest verified backup is {} old, the rule allows {}",
                span(*age),
                span(u64::from(policy.max_age_hours) * 3600)
            ),
            AGAIN,
        )),
        Answer::Known(_) => {}
        Answer::Unknown(why) => out.push(finding(
            Severity::NotLookedAt,
            "backup_age",
            format!("the age of {} is unknown: {why}", verified.label),
            "Correct this machine's clock, then take a new backup.",
        )),
    }
}

/// Entries signed with an untrusted key, or unsigned where a signature is required.
fn origins(facts: &Facts, out: &mut Vec<Finding>) {
    const TODO: &str = "If one of your machines made them, add its key to `[trust]` in \
    xtask.toml; docs/keys.md shows how.";
    let strangers: Vec<_> = facts.unproven.iter().filter(|it| it.stranger).collect();
    if let Some(first) = strangers.first() {
        let more = match strangers.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        let message = format!("{}: {}{more}", first.label, first.origin);
        out.push(warning("origin_unknown", message, TODO));
    }
    if let Some(unproven) = &facts.ledger.unproven {
        let message = format!("of the ledger, {unproven}: they prove nothing");
        out.push(warning("receipts_unproven", message, TODO));
    }
}

fn drills(facts: &Facts, policy: &MonitorPolicy, out: &mut Vec<Finding>) {
    const DRILL: &str = "Run `cargo xtask db-verify --level restore`.";
    if facts.ledger.problem.is_some() || facts.last_backup.is_none() {
        return;
    }
    if let Some(last) = facts.rto.last_drill().filter(|last| !last.passed) {
        out.push(broken(
            "drill_failed",
            format!("the last drill failed: {} did not restore to what was backed \
            up", last.subject),
            "Do not rely on that backup: take a new one with `cargo xtask db-backup`, and verify it with `cargo xtask db-verify --level restore`.",
        ));
    }
    let most = u64::from(policy.max_drill_days) * 86_400;
    let Some(last) = facts.rto.last_passed() else {
        out.push(broken("no_drill", "no backup was ever proven by restoring it", DRILL));
        return;
    };
    let age = seconds(last.at_utc, facts.at_utc).filter(|_| !facts.is_clock_doubted());
    match age {
        Some(passed) if passed > most => out.push(broken(
            "drill_age",
            format!(
                "the last successful drill was {} ago, the rule allows {}",
                span(passed),
                span(most)
            ),
            DRILL,
        )),
        Some(_) => {}
        None => out.push(finding(
            Severity::NotLookedAt,
            "drill_age",
            "when the last drill was is unknown; is a clock wrong?",
            DRILL,
        )),
    }
    if last.duration_ms > facts.rto.objective_ms {
        let message = format!(
            "the last drill took {} to restore, the objective is {}",
            span(last.duration_ms.div_ceil(1000)),
            span(facts.rto.objective_ms / 1000)
        );
        let todo = "docs/monitoring.md explains how to make restores faster; or raise \
            monitor.rto_minutes.";
        let severity = if policy.rto_is_rule { Severity::Broken } else { Severity::Warning };
        out.push(finding(severity, "rto", message, todo));
    }
}

fn copies(facts: &Facts, out: &mut Vec<Finding>) {
    for place in &facts.copies.places {
        for flaw in &place.flaws {
            out.push(flawed(place, &flaw.label.to_string(), &flaw.problem));
        }
        if place.name != LOCAL {
            destination(facts, place, out);
        }
    }
    let copies = &facts.copies;
    if copies.complete && !copies.off_site {
        out.push(warning(
            "no_off_site",
            "no copy is off-site: losing this machine loses the database and its backups",
            "Five minutes: docs/off-site.md.",
        ));
    }
    if facts.rpo.newest_verified.is_some() && copies.copies < copies.wanted && copies.complete {
        let declared = copies.places.len() as u64;
        if declared < copies.wanted {
            let message = format!(
                "the rule is {} copies (monitor.min_copies), but only {declared} places are \
                declared",
                copies.wanted
            );
            out.push(broken(
                "copies_few",
                message,
                "Declare a destination in xtask.toml: docs/off-site.md.",
            ));
        }
    }
}

fn flawed(place: &Place, label: &str, problem: &str) -> Finding {
    if place.name == LOCAL {
        return broken(
            format!("backup_flawed:{label}"),
            format!("{label} {problem}"),
            "Do not rely on it: fetch it from a destination or take a new backup, then delete its \
            files.",
        );
    }
    let name = &place.name;
    broken(
        format!("copy_flawed:{name}:{label}"),
        format!("the copy of {label} at `{name}` is unreliable: {problem}"),
        format!("Write it again: `cargo xtask db-copy {label} --to {name}`."),
    )
}

fn destination(facts: &Facts, place: &Place, out: &mut Vec<Finding>) {
    let name = &place.name;
    if !place.insecure.is_empty() {
        out.push(warning(
            format!("insecure:{name}"),
            format!("the options of `{name}` make it insecure ({})", place.insecure.join("; ")),
            "Remove them, and `insecure = true`, from xtask.toml: docs/off-site.md.",
        ));
    }
    if let Answer::Unknown(why) = &place.usable {
        let severity = if facts.offline { Severity::NotLookedAt } else { Severity::Broken };
        let todo = if facts.offline {
            "Run it without --offline.".to_owned()
        } else {
            format!(
                "Make sure that `{name}` is reachable, then run `cargo xtask db-copy --to \
            {name}`."
            )
        };
        let id = format!("destination:{name}");
        out.push(finding(
            severity,
            id,
            format!("copies at `{name}` could not be checked: {why}"),
            todo,
        ));
        return;
    }
    if let (Answer::Known(false), Some(newest)) =
        (&place.has_newest_verified, &facts.rpo.newest_verified)
    {
        out.push(broken(
            format!("copy_missing:{name}"),
            format!("`{name}` has no copy of {}, the newest verified backup", newest.label),
            format!("Run `cargo xtask db-copy {} --to {name}`.", newest.label),
        ));
    }
    if place.storage == Answer::Known(Storage::ThisDisk) {
        out.push(warning(
            format!("same_disk:{name}"),
            format!("`{name}` is on the same disk as the backups: one failure destroys both"),
            "Move it to another disk; is the drive mounted?",
        ));
    }
}

fn around(facts: &Facts, out: &mut Vec<Finding>) {
    if let (Answer::Known(free), Some(newest)) = (&facts.disk.free_bytes, facts.disk.newest_bytes)
        && *free < newest.saturating_mul(2)
    {
        let message = "the disk has no room for two more backups";
        out.push(warning("disk_low", message, "Free space, or prune: `cargo xtask db-prune`."));
    } else if let Some(days) = facts.disk.forecast.known().and_then(|it| it.days_until_full)
        && days < FULL_DAYS
    {
        let message = format!("at the current rate the disk is full in {}", span(days * 86_400));
        out.push(warning(
            "disk_forecast",
            message,
            "Free space, or prune: `cargo xtask \
        db-prune`.",
        ));
    }
    if let (Answer::Known(lines), Some(backup)) = (&facts.definitions, &facts.last_backup)
        && let Some(first) = lines.first()
    {
        let more = match lines.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        out.push(warning(
            "definitions_differ",
            format!(
                "the definitions differ from those in {}, the newest backup: \
            {first}{more}",
                backup.label
            ),
            "If a migration or a restore changed them, take a backup: `cargo xtask db-backup`. \
            Otherwise find out who did: docs/security.md.",
        ));
    }
    let schedule = &facts.schedule;
    if let Some(last) = schedule.last.as_ref().filter(|last| !last.passed) {
        out.push(warning(
            "scheduled_run_failed",
            format!("the last scheduled run failed: {}", last.detail),
            "Fix what it names, then run `cargo xtask schedule run`.",
        ));
    }
    let due = schedule.next_due_utc.filter(|due| *due + LATE < facts.at_utc);
    if let (Answer::Known(Some(how)), Some(due)) = (&schedule.installed, due) {
        let late = seconds(due, facts.at_utc).unwrap_or(0);
        out.push(warning(
            "schedule_late",
            format!("a scheduled run is {} late ({how})", span(late)),
            "`cargo xtask schedule status` shows what starts it; the log is .local/schedule.log.",
        ));
    }
    if !facts.offline
        && facts.rpo.newest_verified.is_some()
        && let Some(why) = facts.rpo.written.why().filter(|why| why.starts_with(NOT_REACHED))
    {
        out.push(warning(SERVER, why, "`cargo xtask doctor` shows what is wrong with the server."));
    }
}

/// Why what was written since a backup of another server is unknown.
pub const OTHER_SERVER: &str = "the backup is of another server than this one";
/// The start of the reason why what was written is unknown.
pub const NOT_REACHED: &str = "the server was not reached";

fn summary(state: State, findings: &[Finding], facts: &Facts) -> String {
    let first = |severity| findings.iter().find(|finding| finding.severity == severity);
    let more =
        |severity| match findings.iter().filter(|finding| finding.severity == severity).count() {
            0 | 1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
    let told = |severity| {
        first(severity).map_or_else(String::new, |it| format!("{}{}", it.message, more(severity)))
    };
    match state {
        State::AtRisk => format!("At risk: {}.", told(Severity::Broken)),
        State::Unknown => format!("Unknown: {}.", told(Severity::NotLookedAt)),
        State::Safe => safe::line(facts),
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
pub(crate) mod tests;
