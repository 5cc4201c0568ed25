//! What happened when: a lane for each kind of event, and the newest events in words.

use std::collections::BTreeMap;

use super::axis::{Axis, seconds};
use super::chart::{BAD, Chart, Form, Labels, Mark, Series};
use super::words::{self, End, LANES};
use super::{details, stamp};
use crate::html::{Html, paragraph, table};
use crate::human;
use model::entry::Entry;
use model::history::History;

/// So many events stand in words below the plot.
const WORDS_MAX: usize = 100;
/// Marks closer than this share of the whole would cover each other.
const SLOTS: f64 = 300.0;

pub(crate) fn timeline(history: &History) -> Html {
    let entries = &history.entries;
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return paragraph("The ledger has no entries.");
    };
    let lanes = LANES.map(str::to_owned);
    let y = Axis::lanes(&lanes);
    let times = || entries.iter().map(|entry| entry.at_utc);
    let begin = times().min().unwrap_or(first.at_utc);
    let end = times().max().unwrap_or(last.at_utc);
    let x = Axis::time(begin, end);
    let marks = marks(entries, &x);
    let failed = entries.iter().filter(|one| words::end(&one.event) == End::Bad).count() as u64;
    let series = [
        (End::Good, Mark::Dot, 1),
        (End::Neither, Mark::Triangle, 2),
        (End::Bad, Mark::Cross, BAD),
    ];
    let series = series.into_iter().map(|(end, mark, hue)| {
        let own = marks.iter().filter(|(_, (_, found))| *found == end);
        let points = own.map(|((lane, _), (at, _))| (*at, y.ticks[*lane].0)).collect();
        Series { letter: String::new(), hue, form: Form::Marks(mark), pieces: vec![points] }
    });
    let chart = Chart {
        id: "plot-timeline",
        title: "Backups, proofs, copies, changes, deploys and restores over time".to_owned(),
        description: format!(
            "{} in the ledger, {} of them failed. The table below lists the newest.",
            human::count(entries.len() as u64, "entry"),
            human::thousands(failed)
        ),
        height: 250,
        labels: Labels::Right(84),
        series: series.collect(),
        x,
        y,
        limit: None,
    };
    let caption = "● done, ▲ refused or undone, × failed. Where marks overlap, the most severe is \
    shown.";
    let caption = Html::tag("figcaption", &[], Html::text(caption));
    let figure = Html::tag("figure", &[], chart.html().and(caption));
    let shown = entries.len().min(WORDS_MAX);
    let title = format!("The newest {} of {}", shown, human::count(entries.len() as u64, "entry"));
    let newest = entries.iter().rev().take(WORDS_MAX);
    figure.and(details(&title, events(&title, newest)))
}

/// One mark for each place: the gravest of those that would cover each other.
fn marks(entries: &[Entry], x: &Axis) -> BTreeMap<(usize, i64), (f64, End)> {
    let mut marks: BTreeMap<(usize, i64), (f64, End)> = BTreeMap::new();
    for entry in entries {
        let Some(lane) = words::lane(&entry.event) else { continue };
        let at = seconds(entry.at_utc);
        let slot = ((at - x.from) / (x.to - x.from) * SLOTS) as i64;
        let end = words::end(&entry.event);
        let mark = marks.entry((lane, slot)).or_insert((at, end));
        if end > mark.1 {
            *mark = (at, end);
        }
    }
    marks
}

pub(crate) fn events<'a>(caption: &str, entries: impl Iterator<Item = &'a Entry>) -> Html {
    let rows = entries.map(|entry| {
        let end = words::end(&entry.event);
        let word = Html::tag("span", &[("class", "w")], Html::text(end.word()));
        let took = words::duration_ms(&entry.event).map(human::duration).unwrap_or_default();
        vec![
            stamp(entry.at_utc),
            Html::text(words::kind(&entry.event)),
            Html::tag("span", &[("class", end.class())], word),
            Html::said(&words::said_by(entry)),
            Html::text(&took),
        ]
    });
    table(caption, &["When", "What", "End", "About", "Took"], rows)
}
