//! The shapes that both charts are made of, as SVG: the bars of `bench` and the plots of
//! the report. Numbers have one decimal, and text is escaped.

use crate::html::{Attribute, Html};

/// A place in the drawing: x to the right, y downwards.
pub(crate) type Place = (f64, f64);

/// A straight line.
pub(crate) fn line(from: Place, to: Place, style: &[Attribute<'_>]) -> Html {
    let ends = [("x1", from.0), ("y1", from.1), ("x2", to.0), ("y2", to.1)];
    shape("line", &ends, style)
}

/// A line through points.
pub(crate) fn polyline(points: &[Place], style: &[Attribute<'_>]) -> Html {
    through("polyline", points, style)
}

/// The area inside points.
pub(crate) fn polygon(points: &[Place], style: &[Attribute<'_>]) -> Html {
    through("polygon", points, style)
}

/// A circle around a point.
pub(crate) fn circle(centre: Place, radius: f64, style: &[Attribute<'_>]) -> Html {
    shape("circle", &[("cx", centre.0), ("cy", centre.1), ("r", radius)], style)
}

/// A rectangle: its upper left corner, its width and its height.
pub(crate) fn rect(corner: Place, (width, height): (f64, f64), style: &[Attribute<'_>]) -> Html {
    let sides = [("x", corner.0), ("y", corner.1), ("width", width), ("height", height)];
    shape("rect", &sides, style)
}

/// Text whose baseline begins at a place; `text-anchor` and `dy` in `style` move it.
pub(crate) fn text(at: Place, words: &str, style: &[Attribute<'_>]) -> Html {
    let (x, y) = (number(at.0), number(at.1));
    let all = [&[("x", x.as_str()), ("y", y.as_str())], style].concat();
    Html::tag("text", &all, Html::text(words))
}

fn shape(name: &'static str, numbers: &[(&'static str, f64)], style: &[Attribute<'_>]) -> Html {
    let numbers: Vec<_> = numbers.iter().map(|(name, value)| (*name, number(*value))).collect();
    let place = numbers.iter().map(|(name, value)| (*name, value.as_str()));
    Html::leaf(name, &place.chain(style.iter().copied()).collect::<Vec<_>>())
}

fn through(name: &'static str, points: &[Place], style: &[Attribute<'_>]) -> Html {
    let points: Vec<_> =
        points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
    let points = points.join(" ");
    Html::leaf(name, &[&[("points", points.as_str())], style].concat())
}

/// "12", "12.5"; a value that is no number would break the whole path.
fn number(value: f64) -> String {
    let value = if value.is_finite() { (value * 10.0).round() / 10.0 } else { 0.0 };
    // Adding zero turns -0 into 0.
    format!("{}", value + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(12.0, "12"), (12.46, "12.5"), (-0.01, "0"), (f64::NAN, "0"), (f64::INFINITY, "0")]
        {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_shape_is_one_closed_tag() {
        let style = [("stroke", "currentColor")];
        for (shape, wanted) in [
            (
                line((0.0, 1.0), (2.5, 3.0), &style),
                "<line x1=\"0\" y1=\"1\" x2=\"2.5\" y2=\"3\" stroke=\"currentColor\"/>",
            ),
            (
                polyline(&[(0.0, 1.0), (2.0, 3.0)], &style),
                "<polyline points=\"0,1 2,3\" stroke=\"currentColor\"/>",
            ),
            (text((1.0, 2.0), "a < b", &[]), "<text x=\"1\" y=\"2\">a &lt; b</text>"),
        ] {
            assert_eq!(shape.into_text(), wanted);
        }
    }
}
