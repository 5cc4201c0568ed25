//! A status as OpenMetrics text. What is unknown has no sample, so an alert on `absent()` fires.

use chrono::{DateTime, Utc};

use model::status::{BackupFacts, Facts, LOCAL, Severity, State, Status};
use model::wrong_clock::SLACK;

/// What the names of all of them begin with.
const PREFIX: &str = "streamflix_backup";

/// The text, for Prometheus' textfile collector and other readers of OpenMetrics.
pub fn text(status: &Status) -> String {
    let mut out = Text { schema: status.facts.schema.clone(), text: String::new() };
    verdict(status, &mut out);
    recovery(status, &mut out);
    places(status, &mut out);
    around(status, &mut out);
    out.text.push_str("# EOF\n");
    out.text
}

struct Text {
    schema: String,
    text: String,
}

/// The labels beside `schema`, and the value.
type Sample<'a> = (Vec<(&'a str, &'a str)>, String);

impl Text {
    /// A gauge; one that has no sample is left out.
    fn family<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'a>>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        self.text.push_str(&format!(
            "# TYPE {PREFIX}_{name} gauge\n# HELP {PREFIX}_{name} {}\n",
            help.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
        ));
        for (labels, value) in samples {
            let schema = ("schema", self.schema.as_str());
            let labels: Vec<String> = std::iter::once(schema)
                .chain(labels)
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            self.text.push_str(&format!("{PREFIX}_{name}{{{}}} {value}\n", labels.join(",")));
        }
    }

    fn one(&mut self, name: &str, help: &str, value: Option<impl ToString>) {
        self.family(name, help, value.map(|value| (Vec::new(), value.to_string())));
    }

    fn time(&mut self, name: &str, help: &str, at: Option<DateTime<Utc>>) {
        self.one(name, help, at.map(|at| at.timestamp()));
    }

    fn flag(&mut self, name: &str, help: &str, value: Option<bool>) {
        self.one(name, help, value.map(u8::from));
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

fn verdict(status: &Status, out: &mut Text) {
    let facts = &status.facts;
    let states = [("safe", State::Safe), ("at_risk", State::AtRisk), ("unknown", State::Unknown)];
    out.family(
        "state",
        "The verdict: 1 for the current state.",
        states.map(|(name, state)| {
            (vec![("state", name)], u8::from(status.state == state).to_string())
        }),
    );
    let severities = [
        ("broken", Severity::Broken),
        ("not_looked_at", Severity::NotLookedAt),
        ("warning", Severity::Warning),
    ];
    out.family(
        "findings",
        "Findings by severity.",
        severities.map(|(name, severity)| {
            let number = status.findings.iter().filter(|it| it.severity == severity).count();
            (vec![("severity", name)], number.to_string())
        }),
    );
    let help = "When these metrics were collected. If that is old, none of them is current.";
    out.time("looked_at_timestamp_seconds", help, Some(facts.at_utc));
}

/// When it was taken; a time that is not believed is no sample.
fn taken(backup: &BackupFacts) -> Option<DateTime<Utc>> {
    backup.wrong_clock.is_none().then_some(backup.created_utc)
}

/// A moment; one that is yet to come, or by a clock that may be wrong, is no sample.
fn believed(at: DateTime<Utc>, facts: &Facts) -> Option<DateTime<Utc>> {
    (at <= facts.at_utc + SLACK && !facts.is_clock_doubted()).then_some(at)
}

fn recovery(status: &Status, out: &mut Text) {
    let facts = &status.facts;
    let newest = facts.last_backup.as_ref();
    out.time(
        "newest_timestamp_seconds",
        "When the newest usable backup was taken.",
        newest.and_then(taken),
    );
    out.one("newest_bytes", "Size of its file.", newest.map(|backup| backup.bytes));
    out.one(
        "newest_duration_seconds",
        "How long it took.",
        newest.map(|backup| seconds(backup.duration_ms)),
    );
    out.time(
        "newest_verified_timestamp_seconds",
        "When the newest verified backup was taken; anything written since could be lost.",
        facts.rpo.newest_verified.as_ref().and_then(taken),
    );
    out.one("rpo_objective_seconds", "How old it may be.", Some(facts.rpo.objective_s));
    out.one(
        "written_transactions",
        "Transactions in the server's log since the newest verified backup.",
        facts.rpo.written.known().map(|written| written.transactions),
    );
    let rto = &facts.rto;
    out.time(
        "drill_timestamp_seconds",
        "When a backup was last proven by restoring it.",
        rto.last_passed().and_then(|drill| believed(drill.at_utc, facts)),
    );
    out.flag(
        "drill_passed",
        "Whether the last drill passed.",
        rto.last_drill().map(|it| it.passed),
    );
    out.one(
        "rto_seconds",
        "How long the last successful drill took: the measured recovery time.",
        rto.measured_ms.known().map(|ms| seconds(*ms)),
    );
    out.one("rto_objective_seconds", "How long it may take.", Some(seconds(rto.objective_ms)));
}

fn places(status: &Status, out: &mut Text) {
    let copies = &status.facts.copies;
    // While a place was not checked, these are lower bounds and not exported.
    let complete = copies.complete.then_some(copies);
    let help = "Places that have the newest verified backup, including the backups folder.";
    out.one("copies", help, complete.map(|it| it.copies));
    out.one("copies_wanted", "Places that should.", Some(copies.wanted));
    out.one("storage_kinds", "Kinds of storage among them.", complete.map(|it| it.kinds));
    out.flag("off_site", "Whether one of them is off-site.", complete.map(|it| it.off_site));
    let help = "Usable backups at a place; no sample if it could not be checked.";
    let each = |value: fn(&model::status::Place) -> Option<String>| {
        copies
            .places
            .iter()
            .filter_map(move |place| Some((vec![("place", place.name.as_str())], value(place)?)))
    };
    out.family("place_copies", help, each(|it| it.usable.known().map(u64::to_string)));
    out.family("place_bytes", "What they take.", each(|it| it.bytes.map(|n| n.to_string())));
    out.family(
        "place_has_newest_verified",
        "Whether the place has the newest verified backup.",
        each(|it| it.has_newest_verified.known().map(|yes| u8::from(*yes).to_string())),
    );
    out.family(
        "place_flawed",
        "Unreliable backups and copies at a place.",
        each(|it| it.usable.known().map(|_| it.flaws.len().to_string())),
    );
    out.family(
        "place_read_back_timestamp_seconds",
        "When a copy there was last read completely and found intact.",
        copies.places.iter().filter_map(|place| {
            let at = believed(place.read_back.as_ref()?.at_utc, &status.facts)?;
            Some((vec![("place", place.name.as_str())], at.timestamp().to_string()))
        }),
    );
    debug_assert!(copies.places.first().is_none_or(|place| place.name == LOCAL));
}

fn around(status: &Status, out: &mut Text) {
    let facts = &status.facts;
    let disk = &facts.disk;
    out.one("disk_free_bytes", "Room on the disk of the backups.", disk.free_bytes.known());
    out.one(
        "disk_growth_bytes_per_day",
        "Daily growth of the backups folder over the last 30 days.",
        disk.forecast.known().map(|it| it.bytes_per_day),
    );
    out.one(
        "disk_full_days",
        "Days until the disk is full at that rate; no sample if never.",
        disk.forecast.known().and_then(|it| it.days_until_full),
    );
    let ledger = &facts.ledger;
    // Whether an empty chain holds is unknown.
    let looked = ledger.problem.is_some() || ledger.entries.known().is_some_and(|n| *n > 0);
    out.flag(
        "ledger_ok",
        "Whether the ledger's chain holds.",
        looked.then_some(ledger.problem.is_none()),
    );
    let schedule = &facts.schedule;
    out.flag(
        "schedule_installed",
        "Whether the scheduled job is installed.",
        schedule.installed.known().map(Option::is_some),
    );
    let last = schedule.last.as_ref();
    out.time(
        "scheduled_run_timestamp_seconds",
        "When the last scheduled run ended.",
        last.and_then(|run| believed(run.at_utc, facts)),
    );
    out.flag(
        "scheduled_run_passed",
        "Whether the last scheduled run \
    succeeded.",
        last.map(|run| run.passed),
    );
}
