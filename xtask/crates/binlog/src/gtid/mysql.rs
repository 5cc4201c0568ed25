//! MySQL: a source's uuid, perhaps a tag, and a number.

use std::collections::BTreeMap;
use std::fmt;

use crate::bytes::Bytes;
use crate::halt::Halt;

/// The longest tag.
const TAG_MAX: usize = 32;

/// The largest number, which a set's encoding needs room above.
const LAST: u64 = i64::MAX as u64 - 1;

/// Who numbers: a server's uuid and perhaps a tag.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    uuid: [u8; 16],
    /// Empty without one.
    tag: String,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtid {
    pub source: Source,
    pub number: u64,
}

/// A set of transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GtidSet {
    sources: BTreeMap<Source, Intervals>,
}

/// First number to last, both included; they neither overlap nor touch.
type Intervals = BTreeMap<u64, u64>;

impl Source {
    pub(crate) fn new(uuid: [u8; 16], tag: &str) -> Result<Self, Halt> {
        let starts = |c: char| c.is_ascii_lowercase() || c == '_';
        let rest = |c: char| starts(c) || c.is_ascii_digit();
        let fits = tag.is_empty()
            || (tag.len() <= TAG_MAX && tag.starts_with(starts) && tag.chars().all(rest));
        if fits {
            Ok(Self { uuid, tag: tag.to_owned() })
        } else {
            Err(Halt::damaged("a GTID's tag has characters that no tag has"))
        }
    }
}

impl Gtid {
    pub(crate) fn new(source: Source, number: u64) -> Result<Self, Halt> {
        if (1..=LAST).contains(&number) {
            Ok(Self { source, number })
        } else {
            Err(Halt::damaged(format!("{number} is no number of a GTID")))
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.uuid.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        if self.tag.is_empty() { Ok(()) } else { write!(f, ":{}", self.tag) }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.number)
    }
}

impl GtidSet {
    /// Reads `uuid:1-5:7,uuid:tag:3` as the server writes it; `None` if anything in it is
    /// something else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut set = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let mut parts = part.split(':').map(str::trim);
            let uuid = uuid(parts.next()?)?;
            let mut source = Source { uuid, tag: String::new() };
            let mut found = false;
            for part in parts {
                if part.starts_with(|c: char| c.is_ascii_digit()) {
                    let (first, last) = part.split_once('-').unwrap_or((part, part));
                    set.insert(source.clone(), first.parse().ok()?, last.parse().ok()?)?;
                    found = true;
                } else {
                    let tag = part.to_ascii_lowercase();
                    source = Source::new(uuid, &tag).ok().filter(|it| !it.tag.is_empty())?;
                    found = false;
                }
            }
            if !found {
                return None;
            }
        }
        Some(set)
    }

    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    pub fn add(&mut self, gtid: &Gtid) {
        join(self.sources.entry(gtid.source.clone()).or_default(), gtid.number, gtid.number);
    }

    /// Adds all that the other has.
    pub fn merge(&mut self, other: &Self) {
        for (source, intervals) in &other.sources {
            let own = self.sources.entry(source.clone()).or_default();
            intervals.iter().for_each(|(&first, &last)| join(own, first, last));
        }
    }

    pub fn contains(&self, gtid: &Gtid) -> bool {
        self.sources.get(&gtid.source).is_some_and(|own| holds(own, gtid.number, gtid.number))
    }

    /// Whether it has all that the other has.
    pub fn covers(&self, other: &Self) -> bool {
        other.sources.iter().all(|(source, intervals)| {
            let own = self.sources.get(source);
            own.is_some_and(|own| intervals.iter().all(|(&first, &last)| holds(own, first, last)))
        })
    }

    /// How many transactions are in it.
    pub fn count(&self) -> u64 {
        let size = |(first, last): (&u64, &u64)| last.saturating_sub(*first).saturating_add(1);
        self.sources.values().flatten().map(size).fold(0, u64::saturating_add)
    }

    fn insert(&mut self, source: Source, first: u64, last: u64) -> Option<()> {
        if first == 0 || first > last || last > LAST {
            return None;
        }
        join(self.sources.entry(source).or_default(), first, last);
        Some(())
    }

    /// The set as COM_BINLOG_DUMP_GTID takes it. Tags change the format, which servers before
    /// 8.3 do not know; they have none.
    pub fn encode(&self) -> Vec<u8> {
        let tagged = self.sources.keys().any(|source| !source.tag.is_empty());
        let count = self.sources.len() as u64;
        let head = if tagged { 1 << 56 | count << 8 | 1 } else { count };
        let mut out = head.to_le_bytes().to_vec();
        for (source, intervals) in &self.sources {
            out.extend_from_slice(&source.uuid);
            if tagged {
                // A length below 64 is one byte of this encoding of integers.
                out.push(u8::try_from(source.tag.len() << 1).unwrap_or_default());
                out.extend_from_slice(source.tag.as_bytes());
            }
            out.extend_from_slice(&(intervals.len() as u64).to_le_bytes());
            for (&first, &last) in intervals {
                out.extend_from_slice(&first.to_le_bytes());
                out.extend_from_slice(&last.saturating_add(1).to_le_bytes());
            }
        }
        out
    }

    /// What [`GtidSet::encode`] writes, as the server writes it into PREVIOUS_GTIDS.
    pub fn decode(bytes: &[u8]) -> Result<Self, Halt> {
        let mut bytes = Bytes::new(bytes);
        let head = bytes.u64()?;
        let (tagged, count) = match head >> 56 {
            0 => (false, head),
            1 => (true, head >> 8 & 0xffff_ffff_ffff),
            other => return Err(Halt::unknown(format!("sets of GTIDs in format {other}"))),
        };
        let mut set = Self::default();
        for _ in 0..count {
            let uuid = bytes.array()?;
            let tag = if tagged { super::tagged::text(&mut bytes)? } else { "" };
            let source = Source::new(uuid, tag)?;
            for _ in 0..bytes.u64()? {
                let (first, end) = (bytes.u64()?, bytes.u64()?);
                set.insert(source.clone(), first, end.saturating_sub(1))
                    .ok_or_else(|| Halt::damaged("an interval of GTIDs is reversed"))?;
            }
        }
        if bytes.is_empty() { Ok(set) } else { Err(Halt::damaged("a set of GTIDs is too long")) }
    }
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (source, intervals)) in self.sources.iter().enumerate() {
            write!(f, "{}{source}", if at == 0 { "" } else { "," })?;
            for (first, last) in intervals {
                if first == last { write!(f, ":{first}")? } else { write!(f, ":{first}-{last}")? }
            }
        }
        Ok(())
    }
}

fn holds(intervals: &Intervals, first: u64, last: u64) -> bool {
    intervals.range(..=first).next_back().is_some_and(|(_, end)| *end >= last)
}

/// Adds an interval and joins it with those that it touches.
fn join(intervals: &mut Intervals, mut first: u64, mut last: u64) {
    if let Some((&before, &end)) = intervals.range(..=first).next_back()
        && end >= first.saturating_sub(1)
    {
        first = before;
        last = last.max(end);
    }
    while let Some((&next, &end)) = intervals.range(first..=last.saturating_add(1)).next() {
        last = last.max(end);
        intervals.remove(&next);
    }
    intervals.insert(first, last);
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let dashes = [8, 13, 18, 23];
    if text.len() != 36 || dashes.iter().any(|at| text.as_bytes().get(*at) != Some(&b'-')) {
        return None;
    }
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 {
        return None;
    }
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks(2)) {
        let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|v| u8::try_from(v).ok());
        let [high, low] = pair else { return None };
        *byte = value(high)? << 4 | value(low)?;
    }
    Some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "c2dcf7a6-e65f-11f1-b033-0242ac110002";
    const B: &str = "d2dcf7a6-e65f-11f1-b033-0242ac110002";

    fn set(text: &str) -> GtidSet {
        GtidSet::parse(&text.replace('A', A).replace('B', B)).unwrap()
    }

    fn gtid(tag: &str, number: u64) -> Gtid {
        Gtid::new(Source::new(uuid(A).unwrap(), tag).unwrap(), number).unwrap()
    }

    #[test]
    fn sets_are_read_and_written_as_the_server_does() {
        for (text, again) in [
            ("A:1-5:7", "A:1-5:7"),
            ("A:5,A:7,A:6,A:1-2,A:4", "A:1-2:4-7"),
            ("A:1-2:Tag:3:4:_b:9", "A:1-2,A:_b:9,A:tag:3-4"),
            ("B:1,\nA:2", "A:2,B:1"),
            ("", ""),
        ] {
            let set = set(text);
            assert_eq!(set.to_string().replace(A, "A").replace(B, "B"), again);
            assert_eq!(GtidSet::decode(&set.encode()).unwrap(), set);
        }
        for bad in [
            "A",
            "A:",
            "A:0",
            "A:5-4",
            "A:x:",
            "A:1:tag",
            "0-1-5",
            "A:1-",
            "A:9x:1",
            "A:9223372036854775807",
        ] {
            assert_eq!(GtidSet::parse(&bad.replace('A', A)), None, "{bad}");
        }
    }

    #[test]
    fn what_is_in_a_set() {
        let mut seen = set("A:1-5:7,A:tag:3");
        assert!(seen.contains(&gtid("", 5)) && seen.contains(&gtid("tag", 3)));
        assert!(!seen.contains(&gtid("", 6)) && !seen.contains(&gtid("tag", 1)));
        assert!(seen.covers(&set("A:2-3,A:tag:3")) && seen.covers(&GtidSet::default()));
        assert!(!seen.covers(&set("A:5-7")) && !seen.covers(&set("B:1")));
        seen.add(&gtid("", 6));
        assert!(seen.covers(&set("A:1-7")));
        assert_eq!(seen.count(), 8);
        seen.merge(&set("B:1-3"));
        assert!(seen.covers(&set("B:3")));
    }

    #[test]
    fn damaged_sets_are_refused() {
        let whole = set("A:1-5,A:tag:3").encode();
        for length in 0..whole.len() {
            assert!(GtidSet::decode(&whole[..length]).is_err(), "{length}");
        }
        let mut more = whole.clone();
        more.push(0);
        assert!(GtidSet::decode(&more).is_err());
        assert!(GtidSet::decode(&[0xff; 64]).is_err());
    }
}
