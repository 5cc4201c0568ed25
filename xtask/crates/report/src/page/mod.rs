//! The report: one page of HTML that needs nothing else, not even a script.

mod axis;
mod backup;
mod chart;
#[cfg(test)]
mod markup;
pub(crate) mod plots;
mod rpo;
#[cfg(test)]
pub(crate) mod sample;
mod state;
mod style;
#[cfg(test)]
mod tests;
mod timeline;
pub(crate) mod words;

pub use words::about;

use chrono::{DateTime, Utc};

use crate::html::{Html, paragraph};
use model::check::Outcome;
use model::history::History;
use model::visible::visible;

/// Nothing is loaded from anywhere, and no script runs, whatever a name holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

/// The sections: their identity on the page, and their title.
const SECTIONS: [(&str, &str); 7] = [
    ("state", "State"),
    ("timeline", "Timeline"),
    ("sizes", "Size of the tables"),
    ("durations", "Time to back up and to restore"),
    ("rpo", "Age of the newest verified backup"),
    ("storage", "Storage"),
    ("backups", "Backups"),
];

pub fn page(history: &History) -> String {
    let title = format!("Backups of {}", visible(&history.schema));
    let meta = |name, content| Html::open("meta", &[("name", name), ("content", content)]);
    let head = Html::open("meta", &[("charset", "utf-8")])
        .and(Html::open("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]))
        .and(meta("viewport", "width=device-width, initial-scale=1"))
        .and(meta("color-scheme", "light dark"))
        .and(meta("robots", "noindex"))
        .and(meta("referrer", "no-referrer"))
        .and(Html::open("link", &[("rel", "icon"), ("href", "data:,")]))
        .and(Html::tag("title", &[], Html::text(&title)))
        .and(Html::tag("style", &[], Html::fixed(style::STYLE)));
    let heading = Html::text("Backups of ").and(Html::name(&history.schema));
    let made = Html::text("As of ").and(stamp(history.made_utc));
    let header = Html::tag("h1", &[], heading).and(Html::tag(
        "p",
        &[("class", "soft")],
        made.and(Html::text(". All times are UTC.")),
    ));
    let parts = SECTIONS.map(|(id, title)| section(id, title, part(id, history)));
    let body = Html::tag("header", &[], header.and(contents()))
        .and(Html::tag("main", &[], parts.into_iter().collect()))
        .and(footer(history));
    let html =
        Html::tag("head", &[], head).and(Html::fixed("\n")).and(Html::tag("body", &[], body));
    let html = Html::tag("html", &[("lang", "en")], html);
    Html::fixed("<!doctype html>\n").and(html).and(Html::fixed("\n")).into_text()
}

fn part(id: &str, history: &History) -> Html {
    match id {
        "state" => state::state(history),
        "timeline" => timeline::timeline(history),
        "sizes" => plots::growth(history),
        "durations" => plots::durations(history),
        "rpo" => plots::age(history),
        "storage" => plots::storage(history),
        _ => backup::backups(history).and(strangers(history)),
    }
}

fn section(id: &'static str, title: &'static str, inner: Html) -> Html {
    let heading_id = format!("{id}-heading");
    let heading = Html::tag("h2", &[("id", &heading_id)], Html::text(title));
    let attributes = [("id", id), ("aria-labelledby", heading_id.as_str())];
    Html::tag("section", &attributes, heading.and(inner)).and(Html::fixed("\n"))
}

fn contents() -> Html {
    let items = SECTIONS.map(|(id, title)| {
        let link = Html::tag("a", &[("href", &format!("#{id}"))], Html::text(title));
        Html::tag("li", &[], link)
    });
    let list = Html::tag("ul", &[], items.into_iter().collect());
    Html::tag("nav", &[("aria-label", "Sections")], list)
}

fn strangers(history: &History) -> Html {
    if history.strangers.is_empty() {
        return Html::new();
    }
    let items =
        history.strangers.iter().take(100).map(|name| Html::tag("li", &[], Html::name(name)));
    paragraph("Dumps not made by this tool; their contents are unknown:").and(Html::tag(
        "ul",
        &[],
        items.collect(),
    ))
}

fn footer(history: &History) -> Html {
    let ledger = match history.ledger.outcome {
        Outcome::Passed => "the ledger's chain holds",
        Outcome::Failed => "the ledger is unreliable",
        Outcome::NotRun => "the ledger's chain was not checked",
    };
    let words = format!(
        "Made by xtask {} from the manifests in the backups folder and the ledger; {ledger} ({}). \
         It contains names and counts but no rows; keep it private all the same.",
        history.tool_version, history.ledger.detail
    );
    Html::tag("footer", &[("class", "soft")], paragraph(&words))
}

/// What opens to show more.
fn details(title: &str, inner: Html) -> Html {
    let summary = Html::tag("summary", &[], Html::text(title));
    Html::tag("details", &[], summary.and(inner))
}

/// A moment, for people and for programs.
fn stamp(at: DateTime<Utc>) -> Html {
    let exact = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let text = at.format("%Y-%m-%d %H:%M:%S").to_string();
    Html::tag("time", &[("datetime", &exact)], Html::text(&text))
}
