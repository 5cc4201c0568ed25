//! Reads one CSV file into checked rows; every bad field is reported, not only the first.

use std::{ops::RangeInclusive, path::Path, str::FromStr};

use csv::StringRecord;

use super::Rejected;

/// A row and where it came from.
#[derive(Debug)]
pub struct Line<T> {
    /// Line in the file, from 1.
    pub line: u64,
    /// The row.
    pub row: T,
}

/// The fields of one record, taken from left to right.
#[derive(Debug)]
pub struct Fields<'a> {
    record: &'a StringRecord,
    columns: &'static [&'static str],
    next: usize,
    reasons: Vec<String>,
}

impl<'a> Fields<'a> {
    fn take(&mut self) -> (&'static str, &'a str) {
        let taken = (self.columns[self.next], self.record[self.next].trim());
        self.next += 1;
        taken
    }

    /// Records what is wrong with the row.
    pub fn reject(&mut self, reason: String) {
        self.reasons.push(reason);
    }

    /// A text of up to `max` characters; `min` is 0 or 1.
    pub fn text(&mut self, min: usize, max: usize) -> String {
        let (column, value) = self.take();
        let count = value.chars().count();
        if count < min {
            self.reject(format!("{column} is empty"));
        } else if count > max {
            self.reject(format!("{column} has {count} characters, at most {max} fit"));
        }
        value.to_owned()
    }

    /// A number within `range`.
    pub fn number<T>(&mut self, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let (column, value) = self.take();
        match value.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let (low, high) = (range.start(), range.end());
                self.reject(format!("{column} is {value:?}, not a number from {low} to {high}"));
                *range.start()
            }
        }
    }

    /// A number within `range`, or nothing.
    pub fn optional<T>(&mut self, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        if self.record[self.next].trim().is_empty() {
            self.next += 1;
            return None;
        }
        Some(self.number(range))
    }

    /// One of a few words.
    pub fn word(&mut self, words: &[&'static str]) -> &'static str {
        let (column, value) = self.take();
        match words.iter().find(|word| **word == value) {
            Some(word) => word,
            None => {
                self.reject(format!("{column} is {value:?}, not one of {}", words.join(", ")));
                words[0]
            }
        }
    }
}

/// Reads `dir/file`, whose first line must be exactly `columns`.
pub fn read<T>(
    dir: &Path,
    file: &'static str,
    columns: &'static [&'static str],
    rejected: &mut Vec<Rejected>,
    mut parse: impl FnMut(&mut Fields<'_>) -> T,
) -> Vec<Line<T>> {
    let mut reject = |line, reason| rejected.push(Rejected { file, line, reason });
    let mut reader = match csv::ReaderBuilder::new().flexible(true).from_path(dir.join(file)) {
        Ok(reader) => reader,
        Err(error) => {
            reject(0, error.to_string());
            return vec![];
        }
    };
    match reader.headers() {
        Ok(headers) if headers.iter().map(str::trim).eq(columns.iter().copied()) => {}
        Ok(_) => {
            reject(1, format!("the first line must be {:?}", columns.join(",")));
            return vec![];
        }
        Err(error) => {
            reject(1, error.to_string());
            return vec![];
        }
    }
    let mut lines = vec![];
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                reject(line, error.to_string());
                // After bytes that are no UTF-8 the next record is still a good one.
                if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) {
                    continue;
                }
                return lines;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != columns.len() {
            reject(line, format!("has {} fields, not {}", record.len(), columns.len()));
            continue;
        }
        let mut fields = Fields { record: &record, columns, next: 0, reasons: vec![] };
        let row = parse(&mut fields);
        match fields.reasons.is_empty() {
            true => lines.push(Line { line, row }),
            false => fields.reasons.into_iter().for_each(|reason| reject(line, reason)),
        }
    }
    lines
}
