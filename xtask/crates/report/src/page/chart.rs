//! A plot in the colours of the page, which follow its theme. What it shows is said in
//! words as well: nothing is told by a colour alone, each line carries a letter and each
//! kind of mark has its shape.

use super::axis::Axis;
use crate::html::{Attribute, Html, scrolling};
use crate::svg::{self, Place};

/// How wide a plot is drawn; the page scales it.
const WIDTH: u32 = 760;
/// Room above the plot, beside it where no labels are, and below it for the labels of `x`.
const TOP: f64 = 14.0;
const SIDE: f64 = 34.0;
const BELOW: f64 = 26.0;
/// From the axis to its labels, and how far letters stay apart.
const TICK: f64 = 5.0;
const LETTER: f64 = 13.0;

const INK: &str = "currentColor";
const GRID: &str = "var(--grid)";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    Dot,
    Triangle,
    /// A cross, larger than the others.
    Cross,
}

/// What is drawn from a series of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A line, with its points where they are few.
    Line,
    /// A line, and the area below it.
    Area,
    Marks(Mark),
    /// A bar from 0 to each point.
    Bars,
}

#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// What stands at its end; may be empty.
    pub letter: String,
    /// Which of the page's colours: 1 to [`HUES`].
    pub hue: u8,
    pub form: Form,
    /// Its pieces: a gap is between two of them.
    pub pieces: Vec<Vec<(f64, f64)>>,
}

/// How many colours lines can have.
pub(crate) const HUES: u8 = 6;
/// The colour of what failed.
pub(crate) const BAD: u8 = 7;

/// A side of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Labels {
    Left(u32),
    /// Where the newest is: a narrow page shows that side first.
    Right(u32),
}

#[derive(Debug)]
pub(crate) struct Chart {
    /// Its identity on the page.
    pub id: &'static str,
    pub title: String,
    /// What it shows, for those who do not see it.
    pub description: String,
    pub height: u32,
    /// Where the labels of `y` are, and how much room they need.
    pub labels: Labels,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    /// A level that should not be passed, and its name.
    pub limit: Option<(f64, String)>,
}

/// The colours of the page by their numbers.
fn colour(hue: u8) -> String {
    format!("var(--hue{hue})")
}

/// The rectangle that the axes enclose, and what they say about a place in it.
struct Frame<'c> {
    chart: &'c Chart,
    left: f64,
    right: f64,
    floor: f64,
}

impl Chart {
    /// The plot on the page.
    pub(crate) fn html(&self) -> Html {
        let (title_id, text_id) = (format!("{}-title", self.id), format!("{}-text", self.id));
        let attributes = [
            ("viewBox", &*format!("0 0 {WIDTH} {}", self.height)),
            ("role", "img"),
            ("aria-labelledby", &*format!("{title_id} {text_id}")),
            ("font-family", "sans-serif"),
            ("font-size", "11.5"),
            ("fill", INK),
        ];
        let head = Html::tag("title", &[("id", &title_id)], Html::text(&self.title))
            .and(Html::tag("desc", &[("id", &text_id)], Html::text(&self.description)));
        let class = match self.labels {
            Labels::Left(_) => "scroll",
            Labels::Right(_) => "scroll newest",
        };
        let plot = Html::tag("svg", &attributes, head.and(self.frame().draw()));
        scrolling(class, &self.title, plot)
    }

    fn frame(&self) -> Frame<'_> {
        let (left, right) = match self.labels {
            Labels::Left(size) => (f64::from(size), SIDE),
            Labels::Right(size) => (SIDE, f64::from(size)),
        };
        Frame {
            chart: self,
            left,
            right: f64::from(WIDTH) - right,
            floor: f64::from(self.height) - BELOW,
        }
    }
}

impl Frame<'_> {
    fn place(&self, (x, y): (f64, f64)) -> Place {
        let Chart { x: across, y: up, .. } = self.chart;
        let x = self.left + across.share(x) * (self.right - self.left);
        (x, self.floor - up.share(y) * (self.floor - TOP))
    }

    fn draw(&self) -> Html {
        let series = &self.chart.series;
        let pieces = series.iter().flat_map(|one| one.pieces.iter().map(move |it| (one, it)));
        let drawn: Html = pieces.map(|(series, piece)| self.piece(series, piece)).collect();
        self.axes().and(drawn).and(self.limit()).and(self.letters())
    }

    fn axes(&self) -> Html {
        let Chart { x, y, .. } = self.chart;
        let (grid, ink) = ([("stroke", GRID)], [("stroke", INK)]);
        let (axis, outside, anchor) = match self.chart.labels {
            Labels::Left(_) => (self.left, -TICK, "end"),
            Labels::Right(_) => (self.right, TICK, "start"),
        };
        let mut lines = Html::new();
        let mut ticks = Html::new();
        for (value, label) in &x.ticks {
            let (at, _) = self.place((*value, y.from));
            lines.push(&svg::line((at, TOP), (at, self.floor), &grid));
            ticks.push(&svg::line((at, self.floor), (at, self.floor + TICK), &ink));
            let middle = [("text-anchor", "middle"), ("dy", "0.8em")];
            ticks.push(&svg::text((at, self.floor + TICK + 3.0), label, &middle));
        }
        for (value, label) in &y.ticks {
            let (_, at) = self.place((x.from, *value));
            lines.push(&svg::line((self.left, at), (self.right, at), &grid));
            ticks.push(&svg::line((axis, at), (axis + outside, at), &ink));
            let beside = [("text-anchor", anchor), ("dy", "0.35em")];
            ticks.push(&svg::text((axis + outside * 1.8, at), label, &beside));
        }
        let corner = [(self.left, self.floor), (self.right, self.floor)];
        lines
            .and(svg::line(corner[0], corner[1], &ink))
            .and(svg::line((axis, TOP), (axis, self.floor), &ink))
            .and(ticks)
    }

    fn piece(&self, series: &Series, piece: &[(f64, f64)]) -> Html {
        let colour = colour(series.hue);
        let filled = [("fill", colour.as_str())];
        let stroke = [("fill", "none"), ("stroke", &*colour), ("stroke-width", "2")];
        let places: Vec<Place> = piece.iter().map(|at| self.place(*at)).collect();
        let marks = |draw: &dyn Fn(Place) -> Html| places.iter().copied().map(draw).collect();
        let dots = |radius: f64| marks(&|at| svg::circle(at, radius, &filled));
        match series.form {
            Form::Line => {
                let line = svg::polyline(&places, &stroke);
                if piece.len() <= 60 { line.and(dots(3.0)) } else { line }
            }
            Form::Area => {
                let (first, last) = (places.first().copied(), places.last().copied());
                let floor = [last, first].into_iter().flatten().map(|(x, _)| (x, self.floor));
                let outline: Vec<Place> = places.iter().copied().chain(floor).collect();
                svg::polygon(&outline, &[filled[0], ("fill-opacity", "0.18")])
                    .and(svg::polyline(&places, &stroke))
            }
            Form::Marks(Mark::Dot) => dots(4.0),
            Form::Marks(Mark::Triangle) => marks(&|at| triangle(at, &filled)),
            Form::Marks(Mark::Cross) => marks(&|at| cross(at, &stroke)),
            Form::Bars => piece.iter().map(|(x, y)| self.bar(*x, *y, &filled)).collect(),
        }
    }

    fn bar(&self, x: f64, y: f64, style: &[Attribute<'_>]) -> Html {
        let (left, top) = self.place((0.0, y + 0.3));
        let (right, bottom) = self.place((x, y - 0.3));
        svg::rect((left, top), (right - left, bottom - top), style)
    }

    fn limit(&self) -> Html {
        let Some((level, name)) = &self.chart.limit else { return Html::new() };
        let (_, y) = self.place((self.chart.x.from, *level));
        let dashed = [("stroke", INK), ("stroke-dasharray", "6 5")];
        let above = [("text-anchor", "end")];
        svg::line((self.left, y), (self.right, y), &dashed).and(svg::text(
            (self.right - 3.0, y - 4.0),
            name,
            &above,
        ))
    }

    /// The letters at the ends of the lines, moved apart where lines end together.
    fn letters(&self) -> Html {
        let lettered = self.chart.series.iter().filter(|series| !series.letter.is_empty());
        let mut ends: Vec<(Place, &str)> = lettered
            .filter_map(|one| Some((self.place(*one.pieces.last()?.last()?), &*one.letter)))
            .collect();
        // Lines that end together keep their order.
        ends.sort_by(|a, b| a.0.1.round().total_cmp(&b.0.1.round()));
        let mut least = f64::MIN;
        for ((_, y), _) in &mut ends {
            *y = y.max(least);
            least = *y + LETTER;
        }
        // Not into the labels below.
        let mut most = self.floor - LETTER / 2.0;
        for ((_, y), _) in ends.iter_mut().rev() {
            *y = y.min(most);
            most = *y - LETTER;
        }
        ends.iter()
            .map(|((x, y), letter)| svg::text((*x + 8.0, *y), letter, &[("dy", "0.35em")]))
            .collect()
    }
}

fn triangle((x, y): Place, style: &[Attribute<'_>]) -> Html {
    svg::polygon(&[(x, y - 6.0), (x + 5.2, y + 3.0), (x - 5.2, y + 3.0)], style)
}

fn cross((x, y): Place, style: &[Attribute<'_>]) -> Html {
    svg::line((x - 6.0, y - 6.0), (x + 6.0, y + 6.0), style).and(svg::line(
        (x - 6.0, y + 6.0),
        (x + 6.0, y - 6.0),
        style,
    ))
}

/// At most so many points that a line through them looks the same: of each stretch its
/// first, its least, its greatest and its last.
pub(crate) fn thinned(points: &[(f64, f64)], stretches: usize) -> Vec<(f64, f64)> {
    if points.len() <= stretches * 4 {
        return points.to_vec();
    }
    let size = points.len().div_ceil(stretches);
    let mut kept = Vec::new();
    for stretch in points.chunks(size) {
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let least = stretch.iter().min_by(by);
        let most = stretch.iter().max_by(by);
        let ends = [stretch.first(), stretch.last()];
        let chosen = |point: &&(f64, f64)| {
            ends.into_iter().chain([least, most]).flatten().any(|one| std::ptr::eq(one, *point))
        };
        kept.extend(stretch.iter().filter(chosen).copied());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_the_colours_of_the_page_and_no_others() {
        let hostile = "</svg><script>alert(1)</script>\u{202e}\"'";
        let series = |form, hue| Series {
            letter: hostile.to_owned(),
            hue,
            form,
            pieces: vec![vec![(1.0, 1.0), (2.0, 3.0)], vec![(3.0, 0.0)]],
        };
        let chart = Chart {
            id: "plot",
            title: hostile.to_owned(),
            description: hostile.to_owned(),
            height: 240,
            labels: Labels::Left(80),
            x: Axis::span(4.0),
            y: Axis::lanes(&[hostile.to_owned(), "b".to_owned(), "c".to_owned()]),
            series: vec![
                series(Form::Line, 1),
                series(Form::Area, 2),
                series(Form::Marks(Mark::Dot), HUES),
                series(Form::Marks(Mark::Triangle), 3),
                series(Form::Marks(Mark::Cross), BAD),
                series(Form::Bars, 4),
            ],
            limit: Some((2.0, hostile.to_owned())),
        };
        let html = chart.html().into_text();
        assert!(html.contains("var(--hue1)") && html.contains("currentColor"), "{html}");
        assert!(!html.contains("\"#"), "a fixed colour: {html}");
        assert!(!html.contains("<script") && html.matches("</svg>").count() == 1, "{html}");
        assert!(html.contains("&lt;/svg&gt;") && !html.contains('\u{202e}'), "{html}");
        assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
    }

    #[test]
    fn thinning_keeps_peaks_and_ends() {
        let points: Vec<(f64, f64)> =
            (0..10_000).map(|n| (f64::from(n), if n == 4321 { 99.0 } else { 1.0 })).collect();
        let kept = thinned(&points, 100);
        assert!(kept.len() <= 400 && kept.contains(&(4321.0, 99.0)));
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(thinned(&points[..300], 100), points[..300]);
    }
}
