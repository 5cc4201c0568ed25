//! The plots: how tables grow, how long backups and restores take, how old the newest
//! verified backup was, and what lies where. Each has its figures beside it as a table.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::axis::{Axis, seconds, span_text};
use super::chart::{Chart, Form, HUES, Labels, Series, thinned};
use super::{details, rpo, stamp};
use crate::html::{Html, paragraph, table};
use crate::human;
use model::entry::{Entry, Event, Level};
use model::history::History;
use model::label::Label;
use model::manifest::{Manifest, SectionKind};

/// Lines are drawn through at most four times as many points.
const STRETCHES: usize = 160;
const FIGURES_MAX: usize = 60;

type Points = Vec<(DateTime<Utc>, f64)>;

/// Backups of the schema that can be used, the oldest first.
fn manifests(history: &History) -> Vec<&Manifest> {
    let own = history.backups.iter().filter_map(|backup| backup.manifest());
    let mut own: Vec<&Manifest> = own.filter(|one| one.schema == history.schema).collect();
    own.reverse();
    own.sort_by_key(|manifest| manifest.created_utc);
    own
}

/// Text bytes of each table in a backup.
pub(crate) fn sizes(manifest: &Manifest) -> BTreeMap<&str, u64> {
    let mut sizes = BTreeMap::new();
    for section in manifest.sections.iter().filter(|one| one.kind == SectionKind::Table) {
        let size: &mut u64 = sizes.entry(section.name.as_str()).or_default();
        *size = size.saturating_add(section.text_length);
    }
    sizes
}

/// How large each table was in each backup.
pub(crate) fn growth(history: &History) -> Html {
    let backups = manifests(history);
    let (Some(first), Some(last)) = (backups.first(), backups.last()) else {
        return paragraph("There is no usable backup to measure.");
    };
    let measured: Vec<_> = backups.iter().map(|one| (one.created_utc, sizes(one))).collect();
    let mut greatest: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, size) in measured.iter().flat_map(|(_, sizes)| sizes) {
        let most = greatest.entry(name).or_default();
        *most = (*most).max(*size);
    }
    let mut names: Vec<(&str, u64)> = greatest.into_iter().collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let own = if names.len() <= usize::from(HUES) { names.len() } else { usize::from(HUES) - 1 };
    let (drawn, rest) = names.split_at(own);
    let mut lines: Vec<(String, Points)> = Vec::new();
    for (name, _) in drawn {
        let points =
            measured.iter().filter_map(|(at, sizes)| Some((*at, *sizes.get(name)? as f64)));
        lines.push(((*name).to_owned(), points.collect()));
    }
    if !rest.is_empty() {
        let others = |sizes: &BTreeMap<&str, u64>| -> f64 {
            rest.iter().filter_map(|(name, _)| sizes.get(name)).map(|size| *size as f64).sum()
        };
        let points = measured.iter().map(|(at, sizes)| (*at, others(sizes))).collect();
        lines.push((
            format!("the other {} together", human::count(rest.len() as u64, "table")),
            points,
        ));
    }
    let most = lines.iter().flat_map(|(_, points)| points).map(|(_, y)| *y).fold(0.0, f64::max);
    let chart = Chart {
        id: "plot-sizes",
        title: "Size of the tables over time".to_owned(),
        description: format!(
            "One line for each of the largest tables in {}; the table below has the figures.",
            human::count(backups.len() as u64, "backup")
        ),
        height: 280,
        labels: Labels::Right(76),
        x: Axis::time(first.created_utc, last.created_utc),
        y: Axis::bytes(most),
        series: lines.iter().enumerate().map(|(at, (_, points))| line(at, points)).collect(),
        limit: None,
    };
    let names = lines.iter().map(|(name, _)| Html::name(name));
    let rows = lines.iter().map(|(name, points)| {
        let text = |point: Option<&(DateTime<Utc>, f64)>| match point {
            Some((_, bytes)) => Html::text(&human::bytes(*bytes as u64)),
            None => Html::text("none"),
        };
        vec![Html::name(name), text(points.first()), text(points.last()), change(points)]
    });
    let figures = table(
        "Size of the tables as SQL text, in their first and last backup",
        &["Table", "First", "Last", "Change"],
        rows,
    );
    figure(chart.html(), legend(names), "Bytes of SQL text before compression.", figures)
}

fn change(points: &[(DateTime<Utc>, f64)]) -> Html {
    let (Some((_, first)), Some((_, last))) = (points.first(), points.last()) else {
        return Html::text("unknown");
    };
    let by = human::bytes((last - first).abs() as u64);
    Html::text(&match last - first {
        d if d > 0.0 => format!("+{by}"),
        d if d < 0.0 => format!("\u{2212}{by}"),
        _ => "none".to_owned(),
    })
}

/// How long backups, drills and restores took.
pub(crate) fn durations(history: &History) -> Html {
    let mut kinds: Vec<(&str, Points)> =
        ["backup", "drill", "restore"].map(|kind| (kind, Vec::new())).into();
    for entry in history.entries.iter().filter(|one| is_own(history, one)) {
        let (kind, ms) = match &entry.event {
            Event::Backup { duration_ms, .. } => (0, duration_ms),
            Event::Verify { level: Level::Restore, passed: true, duration_ms, .. } => {
                (1, duration_ms)
            }
            Event::Restore { duration_ms, .. } => (2, duration_ms),
            _ => continue,
        };
        kinds[kind].1.push((entry.at_utc, *ms as f64 / 1000.0));
    }
    let all = || kinds.iter().flat_map(|(_, points)| points);
    let (Some(first), Some(last)) =
        (all().map(|point| point.0).min(), all().map(|point| point.0).max())
    else {
        return paragraph("The ledger has no backup, drill or restore.");
    };
    let most = all().map(|point| point.1).fold(0.0, f64::max);
    let objective = history.objectives.rto_ms as f64 / 1000.0;
    let (limit, note) = limit(objective, most, "objective for a restore");
    let longest = kinds[1..].iter().flat_map(|(_, points)| points).map(|point| point.1);
    let longest = longest.fold(None, |most: Option<f64>, one| Some(most.unwrap_or(0.0).max(one)));
    kinds.retain(|(_, points)| !points.is_empty());
    let sentence = match longest {
        Some(longest) if longest > objective => "A restore took longer than its objective.",
        Some(_) => "Every restore met its objective.",
        None => "No restore was measured yet.",
    };
    let chart = Chart {
        id: "plot-durations",
        title: "How long backups, drills and restores took".to_owned(),
        description: format!("{sentence} {note}"),
        height: 260,
        labels: Labels::Right(76),
        x: Axis::time(first, last),
        y: Axis::span(limit.as_ref().map_or(most, |(level, _)| most.max(*level))),
        series: kinds.iter().enumerate().map(|(at, (_, points))| line(at, points)).collect(),
        limit,
    };
    let rows = kinds.iter().map(|(kind, points)| {
        let text = |seconds: f64| Html::text(&human::duration((seconds * 1000.0) as u64));
        let mut sorted: Vec<f64> = points.iter().map(|point| point.1).collect();
        sorted.sort_by(f64::total_cmp);
        let last = points.last().map_or(0.0, |point| point.1);
        vec![
            Html::text(kind),
            Html::text(&human::thousands(points.len() as u64)),
            text(last),
            text(sorted[sorted.len() / 2]),
            text(sorted[sorted.len() - 1]),
        ]
    });
    let heads = ["What", "How many", "Last", "Middle", "Longest"];
    let figures = table("How long they took", &heads, rows);
    let names = kinds.iter().map(|(kind, _)| Html::text(kind));
    figure(chart.html(), legend(names), &format!("{sentence} {note}"), figures)
}

/// A restore into another schema is written down under that one's name.
fn is_own(history: &History, entry: &Entry) -> bool {
    entry.schema == history.schema
        || matches!(&entry.event, Event::Restore { subject, .. }
            if subject.parse::<Label>().is_ok_and(|label| label.schema() == history.schema))
}

/// How old the newest verified backup was.
pub(crate) fn age(history: &History) -> Html {
    let pieces = rpo::ages(history);
    let all = || pieces.iter().flatten();
    let (Some((first, _)), Some((last, now))) = (all().next(), all().last()) else {
        return paragraph(
            "No backup was verified yet: there is nothing to restore from with confidence.",
        );
    };
    let most = all().map(|point| point.1).fold(0.0, f64::max);
    let objective = history.objectives.rpo_s as f64;
    let (limit, note) = limit(objective, most, "objective");
    let sentence = match (*last == history.made_utc, most > objective) {
        (false, _) => "There is no verified backup now.".to_owned(),
        (true, over) => {
            let past = if over {
                "it was older than its objective at some time"
            } else {
                "it was never older than its objective"
            };
            format!("Now it is {} old; {past}.", human::duration((now * 1000.0) as u64))
        }
    };
    let drawn = pieces.iter().map(|piece| at_seconds(piece));
    let drawn = drawn.map(|piece| thinned(&piece, STRETCHES)).collect();
    let chart = Chart {
        id: "plot-rpo",
        title: "Age of the newest verified backup over time".to_owned(),
        description: format!("{sentence} {note}"),
        height: 240,
        labels: Labels::Right(76),
        x: Axis::time(*first, *last),
        y: Axis::span(limit.as_ref().map_or(most, |(level, _)| most.max(*level))),
        series: vec![Series { letter: String::new(), hue: 1, form: Form::Area, pieces: drawn }],
        limit,
    };
    // Every other point is the one after a proof.
    let mut rows: Vec<_> = all().collect();
    rows.reverse();
    rows.truncate(FIGURES_MAX);
    let rows = rows.into_iter().map(|(at, age)| vec![stamp(*at), Html::text(&span(*age))]);
    let figures =
        table("Age right before and after each proof, the newest first", &["When", "Age"], rows);
    let words = format!(
        "What would have been lost with the database at that moment. Verified at any level counts; \
         safety backups do not. {sentence} {note}"
    );
    figure(chart.html(), Html::new(), &words, figures)
}

pub(crate) fn storage(history: &History) -> Html {
    let Some(status) = history.status.known() else {
        return paragraph("Unknown: it was not checked.");
    };
    let places = &status.facts.copies.places;
    let known: Vec<_> = places.iter().filter(|place| place.bytes.is_some()).collect();
    let names: Vec<String> = known.iter().map(|place| shortened(&place.name, 18)).collect();
    let most = known.iter().filter_map(|place| place.bytes).max().unwrap_or(0) as f64;
    let y = Axis::lanes(&names);
    let bars = known.iter().zip(&y.ticks);
    let bars = bars.map(|(place, (at, _))| (place.bytes.unwrap_or(0) as f64, *at)).collect();
    let chart = Chart {
        id: "plot-storage",
        title: "Bytes at each place".to_owned(),
        description: "One bar for each place checked; the table has the figures.".to_owned(),
        height: 60 + 34 * names.len().max(1) as u32,
        labels: Labels::Left(150),
        x: Axis::bytes(most),
        y,
        series: vec![Series {
            letter: String::new(),
            hue: 1,
            form: Form::Bars,
            pieces: vec![bars],
        }],
        limit: None,
    };
    let plot = if known.is_empty() { Html::new() } else { chart.html() };
    plot.and(super::state::places(status))
}

fn line(at: usize, points: &[(DateTime<Utc>, f64)]) -> Series {
    let pieces = match points.is_empty() {
        true => Vec::new(),
        false => vec![thinned(&at_seconds(points), STRETCHES)],
    };
    Series { letter: letter(at), hue: at as u8 % HUES + 1, form: Form::Line, pieces }
}

fn at_seconds(points: &[(DateTime<Utc>, f64)]) -> Vec<(f64, f64)> {
    points.iter().map(|(at, y)| (seconds(*at), *y)).collect()
}

fn letter(at: usize) -> String {
    char::from(b'A' + (at % 26) as u8).to_string()
}

/// The line of an objective where it fits the plot, and the sentence about it. One that is
/// far above what was measured would press all of that to the floor: it is only told.
fn limit(objective: f64, most: f64, name: &str) -> (Option<(f64, String)>, String) {
    let text = span_text(objective);
    if objective <= most * 4.0 {
        (
            Some((objective, format!("{name}: {text}"))),
            format!("The dashed line is the objective, {text}."),
        )
    } else {
        (None, format!("The objective, {text}, is far above the plot."))
    }
}

/// Which letter is which; the same colours as [`line`] gives.
fn legend(names: impl Iterator<Item = Html>) -> Html {
    const CLASSES: [&str; HUES as usize] = ["h1", "h2", "h3", "h4", "h5", "h6"];
    let items = names.enumerate().map(|(at, name)| {
        let class = CLASSES[at % CLASSES.len()];
        let key = Html::tag("b", &[("class", class)], Html::text(&letter(at)));
        Html::tag("li", &[], key.and(Html::fixed(" ")).and(name))
    });
    Html::tag("ul", &[("class", "legend")], items.collect())
}

fn figure(plot: Html, legend: Html, words: &str, figures: Html) -> Html {
    let caption = Html::tag("figcaption", &[], Html::text(words));
    let figure = Html::tag("figure", &[], plot.and(legend).and(caption));
    figure.and(details("Figures", figures))
}

fn span(seconds: f64) -> String {
    human::duration((seconds * 1000.0) as u64)
}

/// The text, or its beginning.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
