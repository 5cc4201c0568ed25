//! What has to hold for any bytes of a server: for fuzzing, and for the tests here.

use model::facts::Flavour;

use crate::assemble::{Assembler, Limits, Step};
use crate::event;
use crate::group::Table;
use crate::gtid::{mariadb::GtidList, mysql::GtidSet};
use crate::key::{Key, KeyColumn, KeySpec, Want};

/// Small, so that a search finds out whether they hold.
const LIMITS: Limits = Limits { event: 64 << 10, keys: 64 << 10, statements: 10 };

/// Reads the input as events, both as it is and as a server would frame it: a byte for the
/// flavour, then a type, flags, a length and a body for each event.
///
/// # Panics
/// If something does not hold.
pub fn log(input: &[u8]) {
    groups(input);
}

/// How many transactions were complete.
fn groups(input: &[u8]) -> usize {
    let Some((first, rest)) = input.split_first() else { return 0 };
    let mut complete = 0;
    let flavour = if first & 1 == 0 { Flavour::Mysql } else { Flavour::Mariadb };
    let mut raw = Assembler::new(flavour, LIMITS);
    drop(raw.feed(rest, &mut |_| Want::Nothing));
    let mut assembler = Assembler::new(flavour, LIMITS);
    for (code, flags, body) in Cut(rest) {
        let event = framed(code, flags, body);
        let fed = assembler.feed(&event, &mut want);
        match fed {
            Ok(Step::Group(group)) => {
                complete += 1;
                assert!(assembler.is_between_groups(), "a group within a group");
                let keys: usize = group.tables.values().map(|touched| touched.keys.len()).sum();
                assert!(keys <= LIMITS.keys / size_of::<Key>(), "{keys} keys");
                assert!(group.statements.len() <= LIMITS.statements);
            }
            Ok(_) => {}
            // The end of reading; the rest says nothing.
            Err(halt) => {
                assert!(!halt.what.is_empty(), "a halt without a reason");
                break;
            }
        }
    }
    sets(rest);
    complete
}

/// The tables of the corpus.
fn want(table: &Table) -> Want {
    let (columns, key): (_, &[usize]) = match table.name.as_str() {
        "wide" => (10, &[6]),
        "ints" => (6, &[0, 1, 2, 3, 4, 5]),
        "times" => (7, &[6, 5, 4, 3, 2, 1, 0]),
        "made" | "par" | "ab" => (1, &[0]),
        "chi" => (2, &[0]),
        "abc" => (3, &[2, 0]),
        "my" => return Want::Presence,
        _ => return Want::Nothing,
    };
    let column = |at: &usize| KeyColumn { at: *at, unsigned: None, binary: Some(false) };
    let signed = |at: &usize| KeyColumn { unsigned: Some(false), ..column(at) };
    let key = match table.name.as_str() {
        "ints" => key.iter().map(column).collect(),
        _ => key.iter().map(signed).collect(),
    };
    Want::Keys(KeySpec { columns, key })
}

/// What is read as a set is written as the same set.
fn sets(input: &[u8]) {
    if let Ok(set) = GtidSet::decode(input) {
        assert_eq!(GtidSet::decode(&set.encode()), Ok(set.clone()));
        assert_eq!(GtidSet::parse(&set.to_string()), Some(set));
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(set) = GtidSet::parse(text) {
        assert_eq!(GtidSet::parse(&set.to_string()), Some(set));
    }
    if let Some(list) = GtidList::parse(text) {
        assert_eq!(GtidList::parse(&list.to_string()), Some(list));
    }
}

/// Cuts the input into types, flags and bodies.
struct Cut<'a>(&'a [u8]);

impl<'a> Iterator for Cut<'a> {
    type Item = (u8, u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[code, flags, low, high], rest) = self.0.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes([low, high])).min(rest.len());
        let (body, rest) = rest.split_at(length);
        self.0 = rest;
        Some((code, flags, body))
    }
}

/// An event with its length and checksum.
fn framed(code: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(event::HEADER + body.len() + 4).unwrap_or(u32::MAX);
    let mut event = Vec::with_capacity(event::HEADER + body.len() + 4);
    event.extend_from_slice(&[1, 0, 0, 0, code, 1, 0, 0, 0]);
    event.extend_from_slice(&size.to_le_bytes());
    event.extend_from_slice(&[1, 1, 0, 0, flags, 0]);
    event.extend_from_slice(body);
    let sum = crc32fast::hash(&event);
    event.extend_from_slice(&sum.to_le_bytes());
    event
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    /// The corpus, by name.
    fn corpus() -> Vec<(String, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/transactions");
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        let read = |file: std::path::PathBuf| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&file).unwrap())
        };
        let all: Vec<_> = files.map(read).collect();
        assert!(all.len() >= 10, "{all:?}");
        all
    }

    #[test]
    fn the_log_holds_on_its_corpus() {
        for (name, input) in corpus() {
            let held = std::panic::catch_unwind(|| groups(&input));
            let wanted = usize::from(!name.starts_with("gtid_"));
            assert_eq!(held.ok(), Some(wanted), "{name}");
        }
    }

    /// The checksums are right here, so that what comes behind them is what is tried.
    #[test]
    fn the_log_holds_however_its_corpus_is_spoilt() {
        let mut random = 20_261_130_u64;
        let mut next = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(random >> 33).unwrap() % below
        };
        let extremes = [0, 1, 0x7f, 0x80, 0xfa, 0xfc, 0xfd, 0xfe, 0xff];
        for (name, whole) in corpus() {
            for _ in 0..3000 {
                let mut input = whole.clone();
                for _ in 0..=next(3) {
                    let at = next(input.len());
                    match next(4) {
                        0 => input[at] ^= 1 << next(8),
                        1 => input[at] = extremes[next(extremes.len())],
                        2 => drop(input.splice(at..at, [extremes[next(extremes.len())]])),
                        _ => drop(input.remove(at)),
                    }
                    if input.is_empty() {
                        break;
                    }
                }
                let held = std::panic::catch_unwind(|| groups(&input));
                assert!(held.is_ok(), "{name}: {input:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_log_holds_for_any_bytes(input in prop::collection::vec(any::<u8>(), 0..300)) {
            log(&input);
        }
    }
}
