//! The top of the page: how safe the data is, in words, and where copies are.

use super::stamp;
use crate::html::{Html, paragraph, table};
use crate::human;
use crate::status::ago;
use model::entry::Level;
use model::history::History;
use model::status::{Answer, BackupFacts, Severity, State, Status};

/// The state in words, what to do, and the facts that it is made from.
pub(crate) fn state(history: &History) -> Html {
    let status = match &history.status {
        Answer::Known(status) => status,
        Answer::Unknown(why) => {
            let words = Html::tag("strong", &[], Html::text("unknown"));
            let text = Html::tag("p", &[], words).and(paragraph(&format!("Not checked: {why}.")));
            return Html::tag("div", &[("class", "state neither")], text);
        }
    };
    let class = match status.state {
        State::Safe => "state good",
        State::AtRisk => "state bad",
        State::Unknown => "state neither",
    };
    let words = Html::tag("strong", &[], Html::text(status.state.words()));
    let top = Html::tag("p", &[], words).and(paragraph(&status.summary));
    let findings = status.findings.iter().map(|finding| {
        let weight = match finding.severity {
            Severity::Broken => "rule broken",
            Severity::NotLookedAt => "not checked",
            Severity::Warning => "warning",
        };
        let text = format!("{weight}: {}. {}", finding.message, finding.todo);
        Html::tag("li", &[], Html::text(&text))
    });
    let findings: Html = findings.collect();
    let findings = match findings.is_empty() {
        true => Html::new(),
        false => Html::tag("ul", &[], findings),
    };
    Html::tag("div", &[("class", class)], top.and(findings)).and(facts(status))
}

fn facts(status: &Status) -> Html {
    let facts = &status.facts;
    let rpo = &facts.rpo;
    let mut rows: Vec<(&str, String)> = vec![
        ("Newest backup", facts.last_backup.as_ref().map_or_else(|| "none".to_owned(), backup)),
        (
            "Newest verified backup",
            rpo.newest_verified.as_ref().map_or_else(|| "none".to_owned(), backup),
        ),
        (
            "Its age (RPO now)",
            format!(
                "{}; objective {}",
                told(&rpo.age_s, |age| human::duration(age.saturating_mul(1000))),
                human::duration(rpo.objective_s.saturating_mul(1000))
            ),
        ),
        (
            "Written since",
            told(&rpo.written, |written| human::count(written.transactions, "transaction")),
        ),
        (
            "Time to restore (RTO)",
            format!(
                "{} in the last successful drill; objective {}",
                told(&facts.rto.measured_ms, |ms| human::duration(*ms)),
                human::duration(facts.rto.objective_ms)
            ),
        ),
    ];
    if let Some(drill) = facts.rto.last_drill() {
        let end = if drill.passed { "passed" } else { "failed" };
        let age = ago(drill.at_utc, facts);
        rows.push(("Last drill", format!("{} {end}, {age}", drill.subject)));
    }
    rows.extend(keeping(status));
    let rows = rows.into_iter().map(|(name, text)| vec![Html::text(name), Html::said(&text)]);
    table("What the state is based on", &[], rows)
}

fn keeping(status: &Status) -> Vec<(&'static str, String)> {
    let facts = &status.facts;
    let copies = &facts.copies;
    let least = if copies.complete { "" } else { "at least " };
    let off_site = if copies.off_site { "one is off-site" } else { "none is off-site" };
    let forecast = told(&facts.disk.forecast, |forecast| match forecast.days_until_full {
        Some(days) => format!("full in {} at this rate", human::count(days, "day")),
        None => "does not fill at this rate".to_owned(),
    });
    let schedule = told(&facts.schedule.installed, |by| match by {
        Some(by) => format!("every {} by {by}", facts.schedule.every),
        None => "not installed".to_owned(),
    });
    let ledger = match &facts.ledger.problem {
        Some(problem) => format!("damaged: {problem}"),
        None => told(&facts.ledger.entries, |n| {
            format!("{}, the chain holds", human::count(*n, "entry"))
        }),
    };
    vec![
        (
            "Copies of it",
            format!(
                "{least}{} on {}, {off_site}; {} wanted",
                human::count(copies.copies, "place"),
                human::count(copies.kinds, "kind") + " of storage",
                human::thousands(copies.wanted)
            ),
        ),
        (
            "Disk",
            format!(
                "{} free; {forecast}",
                told(&facts.disk.free_bytes, |bytes| human::bytes(*bytes))
            ),
        ),
        ("Schedule", schedule),
        ("Ledger", ledger),
    ]
}

/// Each place, what is there, and when it was last read.
pub(crate) fn places(status: &Status) -> Html {
    let rows = status.facts.copies.places.iter().map(|place| {
        let read = place.read_back.as_ref();
        let flaws = place.flaws.iter().map(|flaw| format!("{} {}", flaw.label, flaw.problem));
        let flaws: Vec<String> = flaws.take(5).collect();
        let flaws = match (place.flaws.len(), place.usable.known()) {
            (0, Some(_)) => "none known".to_owned(),
            (0, None) => "unknown".to_owned(),
            (n, _) if n > flaws.len() => {
                format!("{} and {} more", flaws.join("; "), n - flaws.len())
            }
            _ => flaws.join("; "),
        };
        vec![
            Html::name(&place.name),
            Html::text(&told(&place.storage, |storage| storage.words().to_owned())),
            Html::text(if place.off_site { "yes" } else { "no" }),
            Html::text(&told(&place.usable, |n| human::thousands(*n))),
            Html::text(&place.bytes.map_or_else(|| "unknown".to_owned(), human::bytes)),
            Html::text(&told(&place.has_newest_verified, |has| {
                if *has { "yes" } else { "no" }.to_owned()
            })),
            match read {
                None => Html::text("never"),
                Some(_) if status.facts.is_clock_doubted() => Html::text("unknown"),
                Some(read) => stamp(read.at_utc),
            },
            Html::said(&flaws),
        ]
    });
    let heads = [
        "Place",
        "On",
        "Elsewhere",
        "Backups",
        "Bytes",
        "Has the newest verified",
        "Last read back",
        "Problems",
    ];
    table("Where backups are", &heads, rows)
}

fn backup(facts: &BackupFacts) -> String {
    let proof = match facts.verified {
        Some(Level::Restore) => "restored and compared",
        Some(Level::File) => "its file was read",
        None => "not verified",
    };
    format!(
        "{}, {}, {}, {proof}",
        facts.label,
        human::count(facts.rows, "row"),
        human::bytes(facts.bytes)
    )
}

fn told<T>(answer: &Answer<T>, text: impl Fn(&T) -> String) -> String {
    match answer {
        Answer::Known(value) => text(value),
        Answer::Unknown(why) => format!("unknown ({why})"),
    }
}
