//! A status as one screen for people. Nothing in it needs colour.

use chrono::{DateTime, Utc};

use super::human;
use super::text::{facts as list, finished, table};
use model::status::{
    Answer, BackupFacts, Disk, Drill, Facts, Place, Rpo, Rto, Severity, Status, span,
};
use model::toned::{Tone, Toned};

/// How many drills before the last one are shown.
const TREND: usize = 4;

pub fn text(status: &Status) -> Toned {
    let facts = &status.facts;
    let verified = |backup: &BackupFacts| match (backup.verified, backup.verified_utc) {
        (Some(level), Some(at)) => format!("verified ({}) {}", level.word(), ago(at, facts)),
        _ => "not verified".to_owned(),
    };
    let backup = facts.last_backup.as_ref().map_or_else(
        || "none usable".to_owned(),
        |it| {
            let size = human::bytes(it.bytes);
            let age = match &it.wrong_clock {
                Some(_) => "age unknown".to_owned(),
                None => ago(it.created_utc, facts),
            };
            format!("{}, {age}, {size}, {}; {}", it.label, it.reason, verified(it))
        },
    );
    let ledger = match (&facts.ledger.problem, facts.ledger.entries.known()) {
        (Some(problem), _) => format!("DAMAGED: {problem}"),
        (None, Some(0)) => "no entries yet".to_owned(),
        (None, Some(n)) => format!("{}, the chain holds", human::count(*n, "entry")),
        (None, None) => "unknown".to_owned(),
    };
    // The title is the verdict, of one line.
    let rest = list(
        "",
        &[
            ("last backup", &backup),
            ("last drill", &drill(facts)),
            ("RPO", &rpo(&facts.rpo)),
            ("RTO", &rto(&facts.rto)),
            ("3-2-1", &copies(facts)),
            ("disk", &disk(&facts.disk)),
            ("ledger", &ledger),
            ("schedule", &schedule(facts)),
        ],
    );
    let mut out = Toned::default();
    out.push_as(verdict(status), &status.summary);
    out.push(&rest);
    out.push("\n");
    out.push(&places(facts));
    out.append(findings(status));
    out
}

/// What the summary comes to.
fn verdict(status: &Status) -> Tone {
    let has = |wanted| status.findings.iter().any(|finding| finding.severity == wanted);
    match () {
        () if has(Severity::Broken) => Tone::Bad,
        () if status.findings.is_empty() => Tone::Good,
        () => Tone::Unsure,
    }
}

/// How long ago; unknown by a clock that may be wrong.
pub(crate) fn ago(at: DateTime<Utc>, facts: &Facts) -> String {
    if facts.is_clock_doubted() {
        return "age unknown".to_owned();
    }
    human::age(at, facts.at_utc)
}

fn drill(facts: &Facts) -> String {
    match facts.rto.last_drill() {
        None => "never".to_owned(),
        Some(Drill { subject, at_utc, passed, .. }) => {
            let how = if *passed { "passed" } else { "FAILED" };
            format!("{subject}, {}, {how}", ago(*at_utc, facts))
        }
    }
}

fn or_unknown<T>(answer: &Answer<T>, known: impl FnOnce(&T) -> String) -> String {
    match answer {
        Answer::Known(value) => known(value),
        Answer::Unknown(why) => format!("unknown: {why}"),
    }
}

fn rpo(rpo: &Rpo) -> String {
    let objective = span(rpo.objective_s);
    let age = or_unknown(&rpo.age_s, |age| {
        format!("the newest verified backup is {} old, the rule allows {objective}", span(*age))
    });
    let written = or_unknown(&rpo.written, |it| {
        format!("{} on the server", human::count(it.transactions, "transaction"))
    });
    if rpo.newest_verified.is_none() {
        return age;
    }
    format!("{age}; written since: {written}")
}

fn rto(rto: &Rto) -> String {
    let objective = human::duration(rto.objective_ms);
    let passed: Vec<&Drill> = rto.drills.iter().filter(|drill| drill.passed).collect();
    let before: Vec<String> = passed
        .iter()
        .rev()
        .skip(1)
        .take(TREND)
        .rev()
        .map(|drill| human::duration(drill.duration_ms))
        .collect();
    let trend =
        if before.is_empty() { String::new() } else { format!("; before: {}", before.join(", ")) };
    or_unknown(&rto.measured_ms, |ms| {
        format!("{} in the last drill, the objective is {objective}{trend}", human::duration(*ms))
    })
}

fn copies(facts: &Facts) -> String {
    let Facts { copies, rpo, .. } = facts;
    if rpo.newest_verified.is_none() {
        return "there is no verified backup to count copies of".to_owned();
    }
    let least = if copies.complete { "" } else { "at least " };
    let kinds = human::count(copies.kinds, "kind");
    let off_site = match (copies.off_site, copies.complete) {
        (true, _) => "one off-site",
        (false, true) => "none off-site",
        (false, false) => "off-site unknown",
    };
    let number = match copies.copies {
        1 => "1 copy".to_owned(),
        n => format!("{n} copies"),
    };
    format!(
        "{least}{number} besides the database on {kinds} of storage, {off_site}; the rule is {}",
        copies.wanted
    )
}

fn disk(disk: &Disk) -> String {
    let free = or_unknown(&disk.free_bytes, |free| human::bytes(*free));
    let forecast = or_unknown(&disk.forecast, |it| match it.days_until_full {
        Some(days) => until_full(days),
        None => "never at this rate".to_owned(),
    });
    format!("{free} free, backups take {}; full: {forecast}", human::bytes(disk.used_bytes))
}

/// Days as far as they can be foreseen.
fn until_full(days: u64) -> String {
    match days {
        0..90 => format!("in {}", human::count(days, "day")),
        90..730 => format!("in about {}", human::count(days / 30, "month")),
        730..3650 => format!("in about {}", human::count(days / 365, "year")),
        _ => "not within ten years at this rate".to_owned(),
    }
}

fn schedule(facts: &Facts) -> String {
    let schedule = &facts.schedule;
    let installed = or_unknown(&schedule.installed, |how| match how {
        Some(how) if schedule.every.contains(' ') => format!("{how}, at {}", schedule.every),
        Some(how) => format!("{how}, every {}", schedule.every),
        None => "not installed".to_owned(),
    });
    let last = schedule.last.as_ref().map_or_else(
        || "it never ran".to_owned(),
        |run| {
            let how = if run.passed { "passed" } else { "FAILED" };
            format!("last run {}, {how}", ago(run.at_utc, facts))
        },
    );
    format!("{installed}; {last}")
}

fn places(facts: &Facts) -> String {
    let mut table = table();
    table.set_header([
        "place",
        "storage",
        "off-site",
        "usable",
        "newest verified",
        "last read back",
    ]);
    for place in &facts.copies.places {
        let storage = place.storage.known().map_or("unknown", |it| it.words());
        let usable = place.usable.known().map_or("unknown".to_owned(), |n| human::thousands(*n));
        let holds = match place.has_newest_verified.known() {
            Some(true) => "there",
            Some(false) => "MISSING",
            None => "unknown",
        };
        let off_site = if place.off_site { "yes" } else { "no" };
        let read = read_back(place, facts);
        table.add_row([place.name.as_str(), storage, off_site, &usable, holds, &read]);
    }
    finished(&table)
}

fn read_back(place: &Place, facts: &Facts) -> String {
    match (&place.read_back, place.usable.known()) {
        (_, None) => "unknown".to_owned(),
        (None, _) => "never".to_owned(),
        (Some(read), _) => ago(read.at_utc, facts),
    }
}

fn findings(status: &Status) -> Toned {
    let mut out = Toned::default();
    for finding in &status.findings {
        let (word, tone) = match finding.severity {
            Severity::Broken => ("BROKEN", Tone::Bad),
            Severity::NotLookedAt => ("NOT CHECKED", Tone::Unsure),
            Severity::Warning => ("warning", Tone::Unsure),
        };
        out.push("\n");
        out.push_as(tone, word);
        out.push(&format!(": {} ({})\n  {}\n", finding.message, finding.id, finding.todo));
    }
    out
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
