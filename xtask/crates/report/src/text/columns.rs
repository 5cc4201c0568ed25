//! A table that fits a width: what matters least is left out, and nothing wraps.

use model::toned::{Tone, Toned};

/// A column, its cells from the top.
#[derive(Debug, Clone)]
pub(super) struct Column {
    head: &'static str,
    /// 0 always stays; of the others, the greatest goes first.
    rank: u8,
    right: bool,
    cells: Vec<String>,
    /// Of the cells, where any has one.
    tones: Vec<Option<Tone>>,
}

impl Column {
    pub(super) fn left(head: &'static str, rank: u8, cells: Vec<String>) -> Self {
        Self { head, rank, right: false, cells, tones: Vec::new() }
    }

    pub(super) fn right(head: &'static str, rank: u8, cells: Vec<String>) -> Self {
        Self { head, rank, right: true, cells, tones: Vec::new() }
    }

    pub(super) fn toned(self, tones: Vec<Option<Tone>>) -> Self {
        Self { tones, ..self }
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|it| length(it));
        cells.chain([length(self.head)]).max().unwrap_or(0)
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The columns that are shown.
#[derive(Debug)]
pub(super) struct Fit {
    columns: Vec<Column>,
    width: Option<usize>,
}

const GAP: usize = 2;

impl Fit {
    /// Chooses by rank what fits; a smaller column may stay where a more important one did not.
    pub(super) fn of(columns: Vec<Column>, width: Option<usize>) -> Self {
        let Some(room) = width else { return Self { columns, width } };
        let mut ranks: Vec<(u8, usize)> = columns.iter().map(|it| (it.rank, it.width())).collect();
        ranks.sort_unstable();
        // A line begins with a blank.
        let mut used = 1;
        let mut kept = Vec::new();
        for (rank, width) in ranks {
            let gap = if kept.is_empty() { 0 } else { GAP };
            if rank == 0 || used + gap + width <= room {
                used += gap + width;
                kept.push(rank);
            }
        }
        let columns = columns.into_iter().filter(|it| kept.contains(&it.rank)).collect();
        Self { columns, width }
    }

    pub(super) fn head(&self) -> String {
        self.row(|column| (column.head, None)).to_string()
    }

    pub(super) fn line(&self, at: usize) -> Toned {
        self.row(|column| {
            let tone = column.tones.get(at).copied().flatten();
            (column.cells.get(at).map_or("", String::as_str), tone)
        })
    }

    fn row<'a>(&'a self, cell: impl Fn(&'a Column) -> (&'a str, Option<Tone>)) -> Toned {
        let mut text = Toned::default();
        // Blanks are written in front of what follows them: none stand at the end of a line.
        let mut blanks = 1;
        for column in &self.columns {
            let (width, (cell, tone)) = (column.width(), cell(column));
            let room = width.saturating_sub(length(cell));
            let (before, behind) = if column.right { (room, 0) } else { (0, room) };
            if cell.is_empty() {
                blanks += before + behind + GAP;
                continue;
            }
            text.push(&" ".repeat(blanks + before));
            text.push_as(tone, cell);
            blanks = behind + GAP;
        }
        text.push("\n");
        text
    }

    /// A line about the row above it, cut where the terminal ends.
    pub(super) fn below(&self, said: &str) -> String {
        let text = format!("   {said}");
        match self.width {
            Some(width) if length(&text) > width => {
                let cut: String = text.chars().take(width.saturating_sub(1)).collect();
                format!("{}…\n", cut.trim_end())
            }
            _ => format!("{text}\n"),
        }
    }
}

/// A sentence over several lines, broken at blanks only: a label stays whole.
pub(super) fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return format!("{text}\n") };
    let (mut all, mut line) = (String::new(), String::new());
    for (at, word) in text.split(' ').enumerate() {
        if !line.trim().is_empty() && length(&line) + 1 + length(word) > width {
            all += &format!("{line}\n");
            line = "    ".to_owned();
        } else if at > 0 {
            line.push(' ');
        }
        line += word;
    }
    format!("{all}{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(head: &'static str, rank: u8, cell: &str) -> Column {
        Column::left(head, rank, vec![cell.to_owned()])
    }

    #[test]
    fn what_matters_least_goes_first() {
        let all = || vec![column("a", 0, "12345"), column("b", 2, "123"), column("c", 1, "12345")];
        let lines = |width| Fit::of(all(), width).line(0);
        assert_eq!(lines(None), " 12345  123  12345\n");
        assert_eq!(lines(Some(18)), " 12345  123  12345\n");
        assert_eq!(lines(Some(17)), " 12345  12345\n");
        // A smaller one takes the room that is too little for one that matters more.
        assert_eq!(lines(Some(12)), " 12345  123\n");
        assert_eq!(lines(Some(3)), " 12345\n");
    }

    #[test]
    fn sentences_break_between_words() {
        assert_eq!(wrapped("one two three", None), "one two three\n");
        assert_eq!(wrapped(" in  two", Some(8)), " in  two\n");
        assert_eq!(wrapped("one two three", Some(8)), "one two\n    three\n");
        assert_eq!(
            wrapped("a_very_long_label is gone", Some(8)),
            "a_very_long_label\n    is\n    gone\n"
        );
    }

    #[test]
    fn a_line_below_is_cut_and_not_wrapped() {
        let fit = Fit::of(vec![column("a", 0, "1")], Some(8));
        assert_eq!(fit.below("123456"), "   1234…\n");
        assert_eq!(fit.below("12345"), "   12345\n");
    }
}
