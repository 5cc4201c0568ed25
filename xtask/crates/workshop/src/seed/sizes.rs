//! How many rows each table gets at a scale, and the numbers that its rows have.

use std::collections::BTreeMap;

/// A table that is filled: its name, rows at scale 1, and the fewest at any scale.
/// Parents stand before their children.
pub(crate) const TABLES: [(&str, u64, u64); 19] = [
    ("genre", 24, 24),
    ("movie", 20_000, 20),
    ("series", 1_000, 5),
    ("season", 3_000, 15),
    ("episode", 30_000, 150),
    ("movie_genre", 40_000, 40),
    ("series_genre", 2_000, 10),
    ("person", 20_000, 20),
    ("credit", 80_000, 80),
    ("subscription_plan", 3, 3),
    ("account", 200_000, 4),
    ("profile", 400_000, 8),
    ("device", 100_000, 2),
    ("session", 40_000, 1),
    ("subscription", 100_000, 2),
    ("payment", 60_000, 1),
    ("watch_history", 3_000_000, 60),
    ("watchlist", 100_000, 2),
    ("rating", 100_000, 2),
];

/// The rows of a run.
#[derive(Debug, Clone)]
pub(crate) struct Sizes {
    rows: BTreeMap<&'static str, u64>,
    base: BTreeMap<&'static str, u64>,
}

impl Sizes {
    pub(crate) fn new(scale: f64) -> Self {
        let size = |rows: u64, least: u64| ((rows as f64 * scale).round() as u64).max(least);
        let mut rows: BTreeMap<&'static str, u64> = TABLES
            .iter()
            .map(|(name, rows, least)| {
                let fixed = matches!(*name, "genre" | "subscription_plan");
                (*name, if fixed { *rows } else { size(*rows, *least) })
            })
            .collect();
        // These come in a fixed number per row of another table.
        for (child, parent, each) in [
            ("season", "series", 3),
            ("episode", "season", 10),
            ("movie_genre", "movie", 2),
            ("series_genre", "series", 2),
            ("credit", "movie", 4),
            ("profile", "account", 2),
        ] {
            let parents = rows.get(parent).copied().unwrap_or(0);
            rows.insert(child, parents * each);
        }
        Self { rows, base: BTreeMap::new() }
    }

    pub(crate) fn rows(&self, table: &str) -> u64 {
        self.rows.get(table).copied().unwrap_or(0)
    }

    /// Sets the highest id that a table has already; its new rows come behind it.
    pub(crate) fn put_behind(&mut self, table: &'static str, id: u64) {
        self.base.insert(table, id);
    }

    /// The id of a table's row; rows count from 0.
    pub(crate) fn id(&self, table: &str, row: u64) -> u64 {
        self.base.get(table).copied().unwrap_or(0) + 1 + row
    }

    /// Which of a table's rows the `row`th of `of` belongs to, when they are
    /// spread evenly; two rows share one only when there are more of them.
    pub(crate) fn spread(&self, row: u64, of: &str, over: &str) -> u64 {
        (u128::from(row) * u128::from(self.rows(over)) / u128::from(self.rows(of).max(1))) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_one_is_what_is_promised() {
        let mut sizes = Sizes::new(1.0);
        sizes.put_behind("movie", 7);
        for (name, rows, _) in TABLES {
            assert_eq!(sizes.rows(name), rows, "{name}");
        }
        assert_eq!((sizes.id("movie", 0), sizes.id("genre", 3)), (8, 4));
        let small = Sizes::new(0.000_001);
        assert_eq!(sizes.spread(99_999, "device", "account"), 199_998);
        assert!(TABLES.iter().all(|(name, _, least)| small.rows(name) >= *least));
    }
}
