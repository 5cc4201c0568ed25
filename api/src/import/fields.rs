//! Reads the rows of one file, CSV or JSON, into checked ones; every bad field is
//! reported, not only the first.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::Value;

use super::{
    Rejected,
    files::{Format, Input},
};

/// A row and where it came from.
#[derive(Debug)]
pub(crate) struct Line<T> {
    /// Line of a CSV file, or element of a JSON array, from 1.
    pub line: u64,
    pub row: T,
}

/// The rows of a file.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    /// Name of the file; empty when there was none.
    pub file: String,
    pub lines: Vec<Line<T>>,
    /// Rows with one, as far as they could be read: references to them are not wrong.
    pub faulty: Vec<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { file: String::new(), lines: vec![], faulty: vec![] }
    }
}

/// The fields of one row, taken from left to right.
#[derive(Debug)]
pub(crate) struct Fields {
    columns: &'static [&'static str],
    values: Vec<String>,
    next: usize,
    reasons: Vec<String>,
}

impl Fields {
    fn take(&mut self) -> (&'static str, String) {
        let taken = (self.columns[self.next], self.values[self.next].trim().to_owned());
        self.next += 1;
        taken
    }

    /// Records what is wrong with the row.
    pub(crate) fn reject(&mut self, reason: String) {
        self.reasons.push(reason);
    }

    // Records what is wrong with a field, unless its type was already.
    fn complain(&mut self, column: &str, what: &str) {
        let known = |reason: &String| reason.split(' ').next() == Some(column);
        if !self.reasons.iter().any(known) {
            self.reject(format!("{column} {what}"));
        }
    }

    /// A text of up to `max` characters; `min` is 0 or 1.
    pub(crate) fn text(&mut self, min: usize, max: usize) -> String {
        let (column, value) = self.take();
        let count = value.chars().count();
        if count < min {
            self.complain(column, "is empty");
        } else if count > max {
            self.complain(column, &format!("has {count} characters, at most {max} fit"));
        }
        value
    }

    /// A number within `range`.
    pub(crate) fn number<T>(&mut self, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + fmt::Display + Copy,
    {
        let (column, value) = self.take();
        match value.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let (low, high) = (range.start(), range.end());
                let what = format!("is {value:?}, not a number from {low} to {high}");
                self.complain(column, &what);
                *range.start()
            }
        }
    }

    /// A number within `range`, or nothing.
    pub(crate) fn optional<T>(&mut self, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + fmt::Display + Copy,
    {
        if self.values[self.next].trim().is_empty() {
            self.next += 1;
            return None;
        }
        Some(self.number(range))
    }

    /// One of a few words.
    pub(crate) fn word(&mut self, words: &[&'static str]) -> &'static str {
        let (column, value) = self.take();
        match words.iter().find(|word| **word == value) {
            Some(word) => word,
            None => {
                self.complain(column, &format!("is {value:?}, not one of {}", words.join(", ")));
                words[0]
            }
        }
    }
}

/// Reads the rows of `input`.
pub(crate) fn read<T>(
    input: &Input,
    rejected: &mut Vec<Rejected>,
    mut parse: impl FnMut(&mut Fields) -> T,
) -> Rows<T> {
    let columns = input.kind.columns();
    let mut rows = Rows { file: input.name.clone(), ..Rows::default() };
    let mut row = |line: u64, read: Result<Fields, String>| {
        let mut fields = match read {
            Ok(fields) => fields,
            Err(reason) => return rejected.push(Rejected::new(&input.name, line, reason)),
        };
        let row = parse(&mut fields);
        if fields.reasons.is_empty() {
            rows.lines.push(Line { line, row });
            return;
        }
        rows.faulty.push(row);
        let reasons = fields.reasons.into_iter();
        rejected.extend(reasons.map(|reason| Rejected::new(&input.name, line, reason)));
    };
    match input.format {
        Format::Csv => csv(&input.bytes, columns, &mut row),
        Format::Json => json(&input.bytes, columns, &mut row),
    }
    rows
}

// Hands out every row, or what is wrong with the text at that line; 0 is the whole file.
fn csv(
    bytes: &[u8],
    columns: &'static [&'static str],
    row: &mut impl FnMut(u64, Result<Fields, String>),
) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    match reader.headers() {
        Ok(headers) if headers.iter().map(str::trim).eq(columns.iter().copied()) => {}
        Ok(_) => return row(1, Err(format!("the first line must be {:?}", columns.join(",")))),
        Err(error) => return row(1, Err(error.to_string())),
    }
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                row(line, Err(error.to_string()));
                // After bytes that are no UTF-8 the next record is still a good one.
                if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) {
                    continue;
                }
                return;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != columns.len() {
            row(line, Err(format!("has {} fields, not {}", record.len(), columns.len())));
            continue;
        }
        let values = record.iter().map(str::to_owned).collect();
        row(line, Ok(Fields { columns, values, next: 0, reasons: vec![] }));
    }
}

// One element after the other: the text of a whole file as JSON values takes several
// times its size.
fn json(
    bytes: &[u8],
    columns: &'static [&'static str],
    row: &mut impl FnMut(u64, Result<Fields, String>),
) {
    struct Elements<'a, F>(&'a mut F, &'a mut u64);

    impl<'de, F: FnMut(Value)> Visitor<'de> for Elements<'_, F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of objects")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
            while let Some(element) = elements.next_element()? {
                *self.1 += 1;
                (self.0)(element);
            }
            Ok(())
        }
    }

    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let mut count = 0;
    let mut number = 0;
    let mut take = |element: Value| {
        number += 1;
        let fields = match element {
            Value::Object(object) => Ok(fields(object, columns)),
            _ => Err("is not an object".to_owned()),
        };
        row(number, fields);
    };
    let end = reader.deserialize_seq(Elements(&mut take, &mut count)).and_then(|()| reader.end());
    match end {
        Ok(()) => {}
        // Not even an array, or something behind it.
        Err(error) if count == 0 || error.to_string().starts_with("trailing characters") => {
            row(0, Err(error.to_string()));
        }
        Err(error) => row(count + 1, Err(error.to_string())),
    }
}

fn fields(mut object: serde_json::Map<String, Value>, columns: &'static [&'static str]) -> Fields {
    let mut reasons = vec![];
    let mut values = vec![];
    for column in columns {
        values.push(match object.remove(*column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Array(list)) if *column == "genres" => {
                joined(&list).unwrap_or_else(|reason| {
                    reasons.push(reason);
                    String::new()
                })
            }
            Some(_) => {
                reasons.push(format!("{column} is neither text nor a number"));
                String::new()
            }
        });
    }
    reasons.extend(object.keys().map(|key| format!("there is no column {key:?}")));
    Fields { columns, values, next: 0, reasons }
}

fn joined(list: &[Value]) -> Result<String, String> {
    let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    match texts {
        Some(texts) if texts.iter().any(|text| text.contains('|')) => {
            Err("genres has a name that contains |".to_owned())
        }
        Some(texts) => Ok(texts.join("|")),
        None => Err("genres has something that is not text".to_owned()),
    }
}
