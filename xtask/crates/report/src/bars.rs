//! A bar chart as SVG text: no script, and nothing that only a colour says.

use crate::html::Html;
use crate::svg;

/// One bar: its label, its length, and the shortest and longest run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    /// What it is.
    pub label: String,
    /// Its length.
    pub value: f64,
    /// Where its whisker begins.
    pub least: f64,
    /// Where its whisker ends.
    pub most: f64,
    /// One of ours, drawn darker.
    pub own: bool,
}

/// Bars under a heading of their own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    /// The heading.
    pub title: String,
    /// Its bars, from the top.
    pub bars: Vec<Bar>,
}

const WIDTH: f64 = 920.0;
const LEFT: f64 = 390.0;
const RIGHT: f64 = 90.0;
const ROW: f64 = 26.0;
const TOP: f64 = 46.0;
/// A heading, and the axis below its bars.
const GROUP: f64 = 76.0;
const INK: &str = "#1a1a1a";
const BOLD: (&str, &str) = ("font-weight", "bold");

/// Draws the groups below each other, each with an axis in seconds that begins at 0.
pub(crate) fn chart(title: &str, groups: &[Group]) -> String {
    let rows = groups.iter().map(|group| group.bars.len() as f64 * ROW + GROUP).sum::<f64>();
    let height = TOP + rows + 8.0;
    let (width, high) = (format!("{WIDTH:.0}"), format!("{height:.0}"));
    let attributes = [
        ("xmlns", "http://www.w3.org/2000/svg"),
        ("viewBox", &*format!("0 0 {width} {high}")),
        ("width", &width),
        ("height", &high),
        ("role", "img"),
        ("aria-label", title),
        ("font-family", "sans-serif"),
        ("font-size", "13"),
        ("fill", INK),
    ];
    // Its own white ground, so that it can be read on a dark page as well.
    let mut inner = Html::tag("title", &[], Html::text(title))
        .and(svg::rect((0.0, 0.0), (WIDTH, height), &[("fill", "#ffffff")]))
        .and(svg::text((16.0, 28.0), title, &[("font-size", "17"), BOLD]));
    let mut y = TOP;
    for group in groups {
        inner.push(&draw(group, y));
        y += group.bars.len() as f64 * ROW + GROUP;
    }
    Html::tag("svg", &attributes, inner).and(Html::fixed("\n")).into_text()
}

fn draw(group: &Group, top: f64) -> Html {
    let longest = group.bars.iter().map(|bar| bar.most.max(bar.value)).fold(0.0, f64::max);
    let step = step(longest);
    let end = (longest / step).ceil().max(1.0) * step;
    let x = |seconds: f64| LEFT + seconds / end * (WIDTH - LEFT - RIGHT);
    let first = top + 28.0;
    let floor = first + group.bars.len() as f64 * ROW;
    let mut drawn = Html::fixed("\n").and(svg::text((16.0, top + 18.0), &group.title, &[BOLD]));
    for tick in 0..=(end / step).round() as u32 {
        let seconds = f64::from(tick) * step;
        let at = x(seconds);
        let label = format!("{} s", tick_text(seconds));
        drawn.push(&svg::line((at, first), (at, floor), &[("stroke", "#d0d0d0")]));
        let style = [("text-anchor", "middle"), ("font-size", "11")];
        drawn.push(&svg::text((at, floor + 16.0), &label, &style));
    }
    for (row, bar) in group.bars.iter().enumerate() {
        drawn.push(&Html::fixed("\n"));
        drawn.push(&draw_bar(bar, first + row as f64 * ROW, x));
    }
    drawn
}

/// A bar with its label on the left, its whisker, and its figure on the right.
fn draw_bar(bar: &Bar, top: f64, x: impl Fn(f64) -> f64) -> Html {
    let middle = top + ROW / 2.0;
    let (fill, weight) = if bar.own { ("#2f5d8a", "bold") } else { ("#a9b8c6", "normal") };
    let (least, most) = (x(bar.least), x(bar.most));
    let ink = [("stroke", INK)];
    let end = |x: f64| svg::line((x, middle - 4.0), (x, middle + 4.0), &ink);
    let label = [("text-anchor", "end"), ("font-weight", weight)];
    let size = ((x(bar.value) - LEFT).max(0.5), ROW - 8.0);
    let figure = format!("{} s", short(bar.value));
    svg::text((LEFT - 8.0, middle + 4.5), &bar.label, &label)
        .and(svg::rect((LEFT, top + 4.0), size, &[("fill", fill), ink[0], ("stroke-width", "0.5")]))
        .and(svg::line((least, middle), (most, middle), &ink))
        .and(end(least))
        .and(end(most))
        .and(svg::text((x(bar.value.max(bar.most)) + 8.0, middle + 4.5), &figure, &[]))
}

/// A round distance between ticks: four to ten of them on the axis.
fn step(longest: f64) -> f64 {
    if !(longest > 0.0 && longest.is_finite()) {
        return 1.0;
    }
    let mut step = 10_f64.powf((longest / 4.0).log10().floor());
    for factor in [2.0, 2.5, 2.0] {
        if longest / step > 10.0 {
            step *= factor;
        }
    }
    step
}

/// Two or three figures: "0.42", "4.2", "103".
pub(crate) fn short(seconds: f64) -> String {
    if seconds < 9.995 {
        format!("{seconds:.2}")
    } else if seconds < 99.95 {
        format!("{seconds:.1}")
    } else {
        format!("{seconds:.0}")
    }
}

/// A round number as a tick has it: "0.5", "20".
fn tick_text(seconds: f64) -> String {
    let text = format!("{seconds:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, value: f64) -> Bar {
        Bar { label: label.to_owned(), value, least: value * 0.9, most: value * 1.2, own: false }
    }

    /// As much of XML as this file writes: tags that nest, quoted attributes, no stray signs.
    fn demand_well_formed(svg: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = svg;
        while let Some(at) = rest.find('<') {
            let text = &rest[..at];
            assert!(!text.contains('>'), "a stray > in {text:?}");
            for (at, _) in text.match_indices('&') {
                let end = text[at..].find(';').expect("an entity ends");
                assert!(["&amp", "&lt", "&gt", "&quot", "&#39"].contains(&&text[at..at + end]));
            }
            let end = rest.find('>').expect("a tag ends");
            let tag = &rest[at + 1..end];
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            assert!(!tag.contains('<'), "{tag}");
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(name);
            }
            rest = &rest[end + 1..];
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest:?}");
    }

    #[test]
    fn a_chart_is_well_formed_whatever_its_labels_are() {
        let hostile = "a < b & \"c\" > 'd' \u{1}é";
        let groups = [
            Group {
                title: hostile.to_owned(),
                bars: vec![bar(hostile, 3.2), bar("mysqldump", 0.0)],
            },
            Group { title: "restore".to_owned(), bars: Vec::new() },
        ];
        let svg = chart(hostile, &groups);
        demand_well_formed(&svg);
        assert!(
            svg.contains("a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39; \u{27e8}U+0001\u{27e9}é")
        );
        assert!(svg.starts_with("<svg ") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        // Readable on a dark page, too: it brings its own white ground.
        assert!(svg.contains("fill=\"#ffffff\""));
    }

    #[test]
    fn the_axis_has_round_steps() {
        for (longest, wanted) in [(0.0, 1.0), (3.9, 0.5), (4.2, 1.0), (17.0, 2.0), (103.0, 20.0)] {
            assert!((step(longest) - wanted).abs() < 1e-9, "{longest}: {}", step(longest));
        }
        for (seconds, text) in [(0.421, "0.42"), (4.0, "4.00"), (10.04, "10.0"), (103.4, "103")] {
            assert_eq!(short(seconds), text);
        }
        assert_eq!((tick_text(0.005), tick_text(20.0)), ("0.005".to_owned(), "20".to_owned()));
    }
}
