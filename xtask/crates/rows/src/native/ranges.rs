//! Cuts tables into ranges of their primary key, so that several connections read
//! one table and none has to hold much of it.
//!
//! The first range has no lower end and the last no upper one, and neighbours share
//! one literal (`k < b`, `k >= b`): whatever the estimates were, every row is in
//! exactly one range. Only how even they are depends on the estimates.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use mysql_common::Row;
use rowtext::literal::{self, Kind};

use model::facts::Flavour;
use model::ident::{literal as text, qualified, quote};
use model::inventory::{Inventory, TableFacts};
use server::Session;

/// How much of a table one range should hold, in bytes by the server's statistics.
const RANGE_BYTES: u64 = 4 << 20;
/// Never fewer rows than this in a range: asking costs something, too.
const FEWEST: u64 = 500;
/// An integer key with more room than this per row is not cut evenly but by estimates.
const SPARSE: i128 = 4;
/// More ranges than this say nothing about evenness any more.
const MOST: usize = 20_000;

/// The first column of a primary key that can be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub column: String,
    /// How its values are cut.
    pub cut: Cut,
}

/// How a key's values are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Evenly between the smallest and the largest.
    Integer,
    /// At values that the index is asked for.
    Ordered(Kind),
    /// Not at all, but read in its order.
    Whole,
}

/// The key of each InnoDB table of a schema that has one.
pub fn keys(
    session: &mut Session,
    schema: &str,
    inventory: &Inventory,
) -> Result<BTreeMap<String, Key>> {
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = {} AND INDEX_NAME = 'PRIMARY' AND SEQ_IN_INDEX = 1 \
         AND SUB_PART IS NULL",
        text(schema)
    );
    let mut keys = BTreeMap::new();
    for (table, column) in session.rows::<(String, String)>(&sql)? {
        let Some(facts) = inventory.tables.get(&table).filter(|t| t.engine == "InnoDB") else {
            continue;
        };
        // A generated column is not among them: it is read in order, and not cut.
        let at = facts.columns.iter().position(|name| *name == column);
        let cut = match at.and_then(|at| facts.types.get(at)) {
            Some((data_type, charset)) => cut_of(data_type, charset.as_deref()),
            None => Cut::Whole,
        };
        keys.insert(table, Key { column, cut });
    }
    Ok(keys)
}

/// Integers are cut by arithmetic. Floating point does not compare exactly; ENUM and SET
/// compare as text but are kept by number; a date that does not exist does not compare;
/// and a character set with two codes for one character does not come back from the
/// text that the server sends. Those are read whole.
fn cut_of(data_type: &str, charset: Option<&str>) -> Cut {
    match data_type {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Cut::Integer,
        "decimal" | "binary" | "varbinary" => Cut::Ordered(Kind::of(data_type, charset)),
        "char" | "varchar" if charset.is_some_and(faithful) => Cut::Ordered(Kind::Text),
        _ => Cut::Whole,
    }
}

/// Whether every text in this character set comes back from utf8mb4 as it was.
pub fn faithful(charset: &str) -> bool {
    matches!(charset, "utf8mb4" | "utf8mb3" | "utf8" | "ascii" | "latin1")
}

/// Reads estimates and ends of keys for one schema.
#[derive(Debug)]
pub struct Cutter<'a> {
    /// The session that asks; the ranges hold for any other as well.
    pub session: &'a mut Session,
    pub schema: &'a str,
    pub flavour: Flavour,
    /// Rows of a range, instead of what its bytes suggest; for tests.
    pub rows: Option<u64>,
}

impl Cutter<'_> {
    /// What to put behind `SELECT … FROM t`, once per range, in the key's order.
    pub fn ranges(
        &mut self,
        table: &str,
        facts: &TableFacts,
        key: Option<&Key>,
    ) -> Result<Vec<String>> {
        let Some(key) = key else { return Ok(vec![String::new()]) };
        let each = self.rows.unwrap_or_else(|| rows_of_a_range(facts));
        let column = quote(&key.column);
        // Else a narrow table could be read in another index's order.
        let order = format!(" ORDER BY {column}");
        let force = " FORCE INDEX (PRIMARY)";
        // With a size given, the estimate does not decide whether there is more than one.
        let cuts = if facts.rows_estimate < each * 3 / 2 && self.rows.is_none() {
            Vec::new()
        } else {
            let name = qualified(self.schema, table);
            match key.cut {
                Cut::Whole => Vec::new(),
                Cut::Integer => self.integers(&name, &column, each, facts.rows_estimate)?,
                Cut::Ordered(kind) => self.walk(&name, &column, kind, each)?,
            }
        };
        let below = cuts.iter().map(Some).chain([None]);
        let above = [None].into_iter().chain(cuts.iter().map(Some));
        Ok(above
            .zip(below)
            .map(|ends| match ends {
                (None, None) => format!("{force}{order}"),
                (None, Some(end)) => format!("{force} WHERE {column} < {end}{order}"),
                (Some(start), None) => format!("{force} WHERE {column} >= {start}{order}"),
                (Some(start), Some(end)) => {
                    format!("{force} WHERE {column} >= {start} AND {column} < {end}{order}")
                }
            })
            .collect())
    }

    fn integers(
        &mut self,
        name: &str,
        column: &str,
        each: u64,
        estimate: u64,
    ) -> Result<Vec<String>> {
        let sql =
            format!("SELECT CAST(MIN({column}) AS CHAR), CAST(MAX({column}) AS CHAR) FROM {name}");
        let ends: Option<(Option<String>, Option<String>)> = self.session.first(&sql)?;
        let Some((Some(low), Some(high))) = ends else { return Ok(Vec::new()) };
        let number = |text: &str| text.parse::<i128>().with_context(|| format!("read {sql}"));
        let (low, high) = (number(&low)?, number(&high)?);
        let room = high - low + 1;
        let rows = i128::from(estimate.max(1));
        let cuts = if room <= rows.saturating_mul(SPARSE) {
            evenly(low, high, each)
        } else {
            self.by_estimates(name, column, low, high, each)?
        };
        Ok(cuts.into_iter().map(|cut| cut.to_string()).collect())
    }

    /// Halves ranges until the server's estimate for each is small: it dives into the
    /// index for it, which costs next to nothing.
    fn by_estimates(
        &mut self,
        name: &str,
        column: &str,
        low: i128,
        high: i128,
        each: u64,
    ) -> Result<Vec<i128>> {
        let mut open = vec![(low, high)];
        let mut cuts = Vec::new();
        while let Some((low, high)) = open.pop() {
            if cuts.last().is_none_or(|last| low > *last) {
                cuts.push(low);
            }
            if low >= high || cuts.len() + open.len() > MOST {
                continue;
            }
            let condition = format!("{column} >= {low} AND {column} <= {high}");
            if self.estimate(name, &condition)? > each * 3 / 2 {
                let middle = low + (high - low) / 2;
                // The lower half goes on top: cuts come in order.
                open.push((middle + 1, high));
                open.push((low, middle));
            }
        }
        // The first cut is the smallest key: no range begins there.
        cuts.remove(0);
        Ok(cuts)
    }

    fn estimate(&mut self, name: &str, condition: &str) -> Result<u64> {
        let format = match self.flavour {
            Flavour::Mysql => "FORMAT=TRADITIONAL ",
            Flavour::Mariadb => "",
        };
        let sql =
            format!("EXPLAIN {format}SELECT 1 FROM {name} FORCE INDEX (PRIMARY) WHERE {condition}");
        let row: Option<Row> = self.session.first(&sql)?;
        let rows = row.and_then(|row| row.get_opt::<Option<u64>, _>("rows"));
        Ok(rows.and_then(Result::ok).flatten().unwrap_or(0))
    }

    /// Asks the index for every n-th value.
    fn walk(&mut self, name: &str, column: &str, kind: Kind, each: u64) -> Result<Vec<String>> {
        let mut cuts: Vec<String> = Vec::new();
        while cuts.len() < MOST {
            // Whether it is another value is for the column's collation to say.
            let (new, after) = match cuts.last() {
                Some(cut) => (format!("{column} > {cut}"), format!(" WHERE {column} >= {cut}")),
                None => ("1".to_owned(), String::new()),
            };
            let from = format!("SELECT {column}, {new} FROM {name} FORCE INDEX (PRIMARY)");
            let sql = format!("{from}{after} ORDER BY {column} LIMIT {each},1");
            let found = match self.session.first::<(Vec<u8>, bool)>(&sql)? {
                // One value of the key's first column fills a range and more.
                Some((_, false)) => {
                    let sql = format!("{from} WHERE {new} ORDER BY {column} LIMIT 1");
                    self.session.first(&sql)?
                }
                found => found,
            };
            let Some((value, _)) = found else { break };
            let mut cut = Vec::new();
            literal::write(kind, Some(&value), &mut cut);
            cuts.push(String::from_utf8(cut).context("a key's value is not text")?);
        }
        Ok(cuts)
    }
}

fn rows_of_a_range(facts: &TableFacts) -> u64 {
    let width = (facts.bytes_estimate / facts.rows_estimate.max(1)).max(16);
    (RANGE_BYTES / width).max(FEWEST)
}

/// Where the ranges after the first begin.
fn evenly(low: i128, high: i128, each: u64) -> Vec<i128> {
    let room = high - low + 1;
    let most = i128::try_from(MOST).unwrap_or(i128::MAX);
    let step = i128::from(each).max(1).max(room / most);
    (1..).map(|n| low + n * step).take_while(|cut| *cut <= high).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That each value from `low` to `high` is in exactly one range is what the shared
    /// literals are for; here that the cuts rise and lie within.
    #[test]
    fn even_cuts_rise_and_end() {
        for (low, high, each) in [
            (1, 3_000_000, 100_000),
            (0, 0, 7),
            (-5, 5, 3),
            (i128::from(i64::MIN), i128::from(u64::MAX), 10),
            (i128::from(u64::MAX) - 3, i128::from(u64::MAX), 1),
        ] {
            let cuts = evenly(low, high, each);
            assert!(cuts.windows(2).all(|pair| pair[0] < pair[1]), "{low} {high}");
            assert!(cuts.iter().all(|cut| *cut > low && *cut <= high), "{low} {high}");
            assert!(cuts.len() <= MOST + 1);
        }
        assert_eq!(evenly(-5, 5, 3), [-2, 1, 4]);
        assert!(evenly(1, 3, 500).is_empty());
    }

    #[test]
    fn keys_that_do_not_compare_as_they_are_kept_are_not_cut() {
        assert_eq!(cut_of("bigint", None), Cut::Integer);
        assert_eq!(cut_of("varchar", Some("latin1")), Cut::Ordered(Kind::Text));
        assert_eq!(cut_of("varbinary", None), Cut::Ordered(Kind::Bytes));
        assert_eq!(cut_of("varchar", Some("cp1251")), Cut::Whole);
        assert_eq!(cut_of("date", None), Cut::Whole);
        assert_eq!(cut_of("enum", Some("utf8mb4")), Cut::Whole);
        assert_eq!(cut_of("double", None), Cut::Whole);
    }
}
