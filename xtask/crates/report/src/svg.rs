//! A bar chart as SVG text: no library, no script, and nothing that only a colour says.

use std::fmt::Write as _;

/// One bar: its label, its length, and the shortest and longest run.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
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
pub struct Group {
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

/// Draws the groups below each other, each with an axis in seconds that begins at 0.
pub fn bars(title: &str, groups: &[Group]) -> String {
    let rows = groups.iter().map(|group| group.bars.len() as f64 * ROW + GROUP).sum::<f64>();
    let height = TOP + rows + 8.0;
    let title = escape(title);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" \
         width=\"{WIDTH:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#1a1a1a\">\n\
         <title>{title}</title>\n\
         <rect width=\"{WIDTH:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"28\" font-size=\"17\" font-weight=\"bold\">{title}</text>\n"
    );
    let mut y = TOP;
    for group in groups {
        draw(&mut svg, group, y);
        y += group.bars.len() as f64 * ROW + GROUP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, group: &Group, top: f64) {
    let longest = group.bars.iter().map(|bar| bar.most.max(bar.value)).fold(0.0, f64::max);
    let step = step(longest);
    let end = (longest / step).ceil().max(1.0) * step;
    let x = |seconds: f64| LEFT + seconds / end * (WIDTH - LEFT - RIGHT);
    let _ = writeln!(
        svg,
        "<text x=\"16\" y=\"{:.1}\" font-weight=\"bold\">{}</text>",
        top + 18.0,
        escape(&group.title)
    );
    let first = top + 28.0;
    let floor = first + group.bars.len() as f64 * ROW;
    let ticks = (end / step).round() as u32;
    for tick in 0..=ticks {
        let seconds = f64::from(tick) * step;
        let at = x(seconds);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{first:.1}\" x2=\"{at:.1}\" y2=\"{floor:.1}\" stroke=\"#d0d0d0\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\">{} s</text>",
            floor + 16.0,
            tick_text(seconds)
        );
    }
    for (row, bar) in group.bars.iter().enumerate() {
        let y = first + row as f64 * ROW;
        let middle = y + ROW / 2.0;
        let (fill, weight) = if bar.own { ("#2f5d8a", "bold") } else { ("#a9b8c6", "normal") };
        let (least, most) = (x(bar.least), x(bar.most));
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" font-weight=\"{weight}\">{}</text>\
             <rect x=\"{LEFT:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\" stroke=\"#1a1a1a\" stroke-width=\"0.5\"/>\
             <path d=\"M{least:.1} {middle:.1}H{most:.1}M{least:.1} {:.1}v8M{most:.1} {:.1}v8\" stroke=\"#1a1a1a\" fill=\"none\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{} s</text>",
            LEFT - 8.0,
            middle + 4.5,
            escape(&bar.label),
            y + 4.0,
            (x(bar.value) - LEFT).max(0.5),
            ROW - 8.0,
            middle - 4.0,
            middle - 4.0,
            x(bar.value.max(bar.most)) + 8.0,
            middle + 4.5,
            short(bar.value)
        );
    }
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
pub fn short(seconds: f64) -> String {
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

/// Text as it may stand in XML, in an attribute as well; what XML cannot hold is left out.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()) {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
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
        let svg = bars(hostile, &groups);
        demand_well_formed(&svg);
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39; é"), "{svg}");
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
