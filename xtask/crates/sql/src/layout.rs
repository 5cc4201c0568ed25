//! Which of an INSERT's values belongs to which column, and where they stand.

/// How an INSERT's values map to the columns that the digest covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// For each value of a row, the digest column it fills; `None` for generated ones.
    pub(super) places: Vec<Option<usize>>,
    pub(super) covered: usize,
    /// The values come in digest order, so that a row is hashed as it is read.
    pub(super) in_order: bool,
}

impl Layout {
    /// `None` if a digest column gets no value, or two.
    pub fn new(places: Vec<Option<usize>>, covered: usize) -> Option<Self> {
        let mut filled: Vec<usize> = places.iter().flatten().copied().collect();
        let in_order = filled.iter().enumerate().all(|(at, &place)| at == place);
        filled.sort_unstable();
        filled.dedup();
        let all = filled.len() == covered && places.iter().flatten().count() == covered;
        all.then_some(Self { places, covered, in_order })
    }

    /// A row's values are those of all `columns` columns that the digest covers, in its order.
    pub fn covers_all_of(&self, columns: usize) -> bool {
        columns > 0 && self.in_order && self.covered == columns && self.places.len() == columns
    }

    /// Values in digest order, none left out.
    pub fn identity(columns: usize) -> Self {
        Self { places: (0..columns).map(Some).collect(), covered: columns, in_order: true }
    }
}

/// Where in the file the values stand, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub table: &'a str,
    /// Line on which the statement begins.
    pub line: u64,
}
