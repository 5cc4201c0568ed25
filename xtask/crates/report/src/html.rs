//! HTML that cannot be broken out of: tags and attribute names are words of this
//! program, and every other text is escaped on its way in.

use model::visible::visible;

/// A piece of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Html(String);

/// An attribute: its name is the program's, its value anybody's.
pub(crate) type Attribute<'a> = (&'static str, &'a str);

impl Html {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Text of the program itself, as it is.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn text(text: &str) -> Self {
        Self(escape(text))
    }

    /// An untrusted name, isolated from the text direction around it.
    pub(crate) fn name(text: &str) -> Self {
        Self::tag("bdi", &[("class", "n")], Self::text(text))
    }

    /// A sentence with names from anywhere, apart in the same way.
    pub(crate) fn said(text: &str) -> Self {
        Self::tag("bdi", &[], Self::text(text))
    }

    pub(crate) fn tag(name: &'static str, attributes: &[Attribute<'_>], inner: Self) -> Self {
        let mut html = Self::open(name, attributes);
        html.0.push_str(&inner.0);
        html.0.push_str("</");
        html.0.push_str(name);
        html.0.push('>');
        html
    }

    /// A tag without an end.
    pub(crate) fn open(name: &'static str, attributes: &[Attribute<'_>]) -> Self {
        let mut html = format!("<{name}");
        for (attribute, value) in attributes {
            html.push(' ');
            html.push_str(attribute);
            html.push_str("=\"");
            html.push_str(&escape(value));
            html.push('"');
        }
        html.push('>');
        Self(html)
    }

    /// An element without content, which XML closes in the same tag.
    pub(crate) fn leaf(name: &'static str, attributes: &[Attribute<'_>]) -> Self {
        let mut html = Self::open(name, attributes);
        html.0.pop();
        html.0.push_str("/>");
        html
    }

    /// This, and then that.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.push(&other);
        self
    }

    pub(crate) fn push(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// How many bytes it takes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of the page.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<T: IntoIterator<Item = Self>>(pieces: T) -> Self {
        let mut all = Self::new();
        for piece in pieces {
            all.push(&piece);
        }
        all
    }
}

/// Text as it may stand between tags and in a quoted attribute.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text).chars() {
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

/// A table: a caption, the heads of its columns, and rows whose first cell is their head.
/// It scrolls by itself where the page is narrow, with the keyboard as well.
pub(crate) fn table(
    caption: &str,
    heads: &[&'static str],
    rows: impl Iterator<Item = Vec<Html>>,
) -> Html {
    let cell = |at: usize, inner: Html| match at {
        0 => Html::tag("th", &[("scope", "row")], inner),
        _ => Html::tag("td", &[], inner),
    };
    let rows: Html = rows
        .map(|row| {
            let cells = row.into_iter().enumerate().map(|(at, inner)| cell(at, inner)).collect();
            Html::tag("tr", &[], cells).and(Html::fixed("\n"))
        })
        .collect();
    let class = if heads.is_empty() { "facts" } else { "list" };
    let heads: Html =
        heads.iter().map(|head| Html::tag("th", &[("scope", "col")], Html::text(head))).collect();
    let head = match heads.is_empty() {
        true => Html::new(),
        false => Html::tag("thead", &[], Html::tag("tr", &[], heads)),
    };
    let inner =
        Html::tag("caption", &[], Html::text(caption)).and(head).and(Html::tag("tbody", &[], rows));
    scrolling("scroll", caption, Html::tag("table", &[("class", class)], inner))
}

/// What may be wider than the page: it scrolls by itself.
pub(crate) fn scrolling(class: &'static str, what: &str, inner: Html) -> Html {
    let attributes =
        [("class", class), ("role", "region"), ("tabindex", "0"), ("aria-label", what)];
    Html::tag("div", &attributes, inner)
}

pub(crate) fn paragraph(text: &str) -> Html {
    Html::tag("p", &[], Html::text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let hostile = "<script>alert(1)</script> \"a\" 'b' &amp; </svg>";
        let html = Html::tag("p", &[("title", hostile)], Html::text(hostile)).into_text();
        let safe = "&lt;script&gt;alert(1)&lt;/script&gt; &quot;a&quot; &#39;b&#39; &amp;amp; &lt;/svg&gt;";
        assert_eq!(html, format!("<p title=\"{safe}\">{safe}</p>"));
    }
}
