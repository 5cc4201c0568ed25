//! A plot: drawn by the plotting library, then given the page's colours, so that it is
//! as readable on a dark page. What it shows is said in words as well: nothing is told
//! by a colour alone, each line carries a letter and each kind of mark has its shape.

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, Cross, Rectangle, Text, TriangleMarker};
use plotters::series::{AreaSeries, DashedLineSeries, LineSeries};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::axis::Axis;
use super::html::{Html, scrolling};
use model::visible::visible;

/// How wide a plot is drawn; the page scales it.
const WIDTH: u32 = 760;
const LETTER: i32 = 13;

/// How a mark looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A filled circle.
    Dot,
    /// A filled triangle.
    Triangle,
    /// A cross, larger than the others.
    Cross,
}

/// What is drawn from a series of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A line, with its points where they are few.
    Line,
    /// A line, and the area below it.
    Area,
    /// Marks alone.
    Marks(Mark),
    /// A bar from 0 to each point.
    Bars,
}

/// Points that belong together.
#[derive(Debug, Clone)]
pub struct Series {
    /// What stands at its end; may be empty.
    pub letter: String,
    /// Which of the page's colours: 1 to [`HUES`].
    pub hue: u8,
    /// How it is drawn.
    pub form: Form,
    /// Its pieces: a gap is between two of them.
    pub pieces: Vec<Vec<(f64, f64)>>,
}

/// How many colours lines can have.
pub const HUES: u8 = 6;
/// The colour of what failed.
pub const BAD: u8 = 7;

/// A side of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// Where it begins.
    Left(u32),
    /// Where the newest is: a narrow page shows that side first.
    Right(u32),
}

/// A plot.
#[derive(Debug)]
pub struct Chart {
    /// Its identity on the page.
    pub id: &'static str,
    /// What it is.
    pub title: String,
    /// What it shows, for those who do not see it.
    pub description: String,
    /// Its height.
    pub height: u32,
    /// Where the labels of `y` are, and how much room they need.
    pub labels: Labels,
    /// From left to right.
    pub x: Axis,
    /// From below to above.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
    /// A level that should not be passed, and its name.
    pub limit: Option<(f64, String)>,
}

/// Colours that stand for those of the page until the drawing is done.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);

fn hue(number: u8) -> RGBColor {
    RGBColor(3, 3, number)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

impl Chart {
    /// The plot on the page.
    pub fn html(&self) -> Html {
        let mut svg = String::new();
        // It writes into memory: there is nothing that could fail but a bug of ours.
        let drawn = {
            let area = SVGBackend::with_string(&mut svg, (WIDTH, self.height)).into_drawing_area();
            self.draw(&area)
        };
        if let Err(error) = drawn {
            return super::html::paragraph(&format!("This plot could not be drawn: {error}"));
        }
        let Some((_, body)) = svg.split_once('>') else { return Html::new() };
        let (title_id, text_id) = (format!("{}-title", self.id), format!("{}-text", self.id));
        let head = Html::open(
            "svg",
            &[
                ("viewBox", &format!("0 0 {WIDTH} {}", self.height)),
                ("role", "img"),
                ("aria-labelledby", &format!("{title_id} {text_id}")),
            ],
        )
        .and(Html::tag("title", &[("id", &title_id)], Html::text(&self.title)))
        .and(Html::tag("desc", &[("id", &text_id)], Html::text(&self.description)));
        let class = match self.labels {
            Labels::Left(_) => "scroll",
            Labels::Right(_) => "scroll newest",
        };
        scrolling(class, &self.title, head.and(Html::drawn(&themed(body))))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let mut builder = ChartBuilder::on(area);
        builder.margin_top(14).x_label_area_size(26);
        match self.labels {
            Labels::Left(size) => builder.y_label_area_size(size).margin_right(34),
            Labels::Right(size) => builder.right_y_label_area_size(size).margin_left(34),
        };
        let mut chart = builder.build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let text = ("sans-serif", 14).into_font().color(&INK);
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(GRID)
            .max_light_lines(0)
            .axis_style(INK)
            .label_style(text)
            .x_label_formatter(&|at| self.x.label(*at))
            .y_label_formatter(&|at| visible(&self.y.label(*at)))
            .draw()?;
        for series in &self.series {
            for piece in &series.pieces {
                self.draw_piece(&mut chart, series, piece)?;
            }
        }
        self.draw_limit(&mut chart)?;
        self.draw_letters(area, &chart)?;
        area.present()
    }

    fn draw_piece(&self, chart: &mut Plot<'_, '_>, series: &Series, piece: &[(f64, f64)]) -> Drawn {
        let colour = hue(series.hue);
        let line = ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: 2 };
        let points = || piece.iter().copied();
        match series.form {
            Form::Line => {
                chart.draw_series(LineSeries::new(points(), line))?;
                if piece.len() <= 60 {
                    chart.draw_series(points().map(|at| Circle::new(at, 3, colour.filled())))?;
                }
            }
            Form::Area => {
                let ground = AreaSeries::new(points(), 0.0, colour.mix(0.18));
                chart.draw_series(ground.border_style(line))?;
            }
            Form::Marks(Mark::Dot) => {
                chart.draw_series(points().map(|at| Circle::new(at, 4, colour.filled())))?;
            }
            Form::Marks(Mark::Triangle) => {
                chart
                    .draw_series(points().map(|at| TriangleMarker::new(at, 6, colour.filled())))?;
            }
            Form::Marks(Mark::Cross) => {
                chart.draw_series(points().map(|at| Cross::new(at, 6, line)))?;
            }
            Form::Bars => {
                let bars = points()
                    .map(|(x, y)| Rectangle::new([(0.0, y - 0.3), (x, y + 0.3)], colour.filled()));
                chart.draw_series(bars)?;
            }
        }
        Ok(())
    }

    fn draw_limit(&self, chart: &mut Plot<'_, '_>) -> Drawn {
        let Some((level, name)) = &self.limit else { return Ok(()) };
        let line = ShapeStyle { color: INK.to_rgba(), filled: false, stroke_width: 1 };
        let ends = vec![(self.x.from, *level), (self.x.to, *level)];
        chart.draw_series(DashedLineSeries::new(ends, 6, 5, line))?;
        let style = label(HPos::Right, VPos::Bottom);
        let text = Text::new(visible(name), (self.x.to, *level), style);
        chart.draw_series(std::iter::once(text))?;
        Ok(())
    }

    /// The letters at the ends of the lines, moved apart where lines end together.
    fn draw_letters(&self, area: &Area<'_>, chart: &Plot<'_, '_>) -> Drawn {
        let place = |at: &(f64, f64)| chart.plotting_area().map_coordinate(at);
        let mut ends: Vec<((i32, i32), &str)> = self
            .series
            .iter()
            .filter(|series| !series.letter.is_empty())
            .filter_map(|series| Some((place(series.pieces.last()?.last()?), &*series.letter)))
            .collect();
        ends.sort_by_key(|((_, y), _)| *y);
        let mut floor = i32::MIN;
        for ((_, y), _) in &mut ends {
            *y = (*y).max(floor.saturating_add(LETTER));
            floor = *y;
        }
        // Not into the labels below.
        let mut ceiling = chart.plotting_area().get_pixel_range().1.end;
        for ((_, y), _) in ends.iter_mut().rev() {
            ceiling -= LETTER;
            *y = (*y).min(ceiling + LETTER / 2);
            ceiling = ceiling.min(*y);
        }
        for ((x, y), letter) in ends {
            let style = label(HPos::Left, VPos::Center);
            area.draw(&Text::new(visible(letter), (x + 8, y), style))?;
        }
        Ok(())
    }
}

fn label(h_pos: HPos, v_pos: VPos) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", 14).into_font()).color(&INK).pos(Pos::new(h_pos, v_pos))
}

/// The drawing in the colours of the page, which follow its theme.
fn themed(svg: &str) -> String {
    let mut svg = svg.replace("\"#010101\"", "\"currentColor\"");
    svg = svg.replace("\"#020202\"", "\"var(--grid)\"").replace(" opacity=\"1\"", "");
    for number in 1..=BAD {
        svg = svg.replace(&format!("\"#0303{number:02X}\""), &format!("\"var(--hue{number})\""));
    }
    svg
}

/// At most so many points that a line through them looks the same: of each stretch its
/// first, its least, its greatest and its last.
pub fn thinned(points: &[(f64, f64)], stretches: usize) -> Vec<(f64, f64)> {
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
