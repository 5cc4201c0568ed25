//! Sets of GTIDs, kept short: a load commits thousands of times, one after the other.

use std::collections::BTreeMap;

/// A set of MySQL's GTIDs: for each source (a uuid, or a uuid and a tag) the numbers
/// in it, as intervals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GtidSet {
    sources: BTreeMap<String, Intervals>,
    /// What is not understood is kept as it came: the server will read it.
    other: Vec<String>,
}

/// First number to last, both included.
type Intervals = BTreeMap<u64, u64>;

impl GtidSet {
    /// Adds what a text such as `uuid:1-5:7,uuid:tag:3` holds.
    pub fn add(&mut self, text: &str) {
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match parse(part) {
                Some(found) => {
                    for (source, first, last) in found {
                        insert(self.sources.entry(source).or_default(), first, last);
                    }
                }
                None => self.other.push(part.to_owned()),
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (source, intervals) in &other.sources {
            let own = self.sources.entry(source.clone()).or_default();
            intervals.iter().for_each(|(&first, &last)| insert(own, first, last));
        }
        self.other.extend(other.other.iter().cloned());
    }

    /// How many numbers are in it; `None` where a part is not understood.
    pub fn count(&self) -> Option<u64> {
        let size = |(first, last): (&u64, &u64)| last - first + 1;
        self.other.is_empty().then(|| self.sources.values().flatten().map(size).sum())
    }

    /// One text a source; together, with commas between them, the set.
    pub fn texts(&self) -> Vec<String> {
        let source = |(source, intervals): (&String, &Intervals)| {
            intervals.iter().fold(source.clone(), |text, (first, last)| match first == last {
                true => format!("{text}:{first}"),
                false => format!("{text}:{first}-{last}"),
            })
        };
        self.sources.iter().map(source).chain(self.other.iter().cloned()).collect()
    }
}

/// `uuid:1-5:7` or, with tags, `uuid:1:tag:2-3`.
fn parse(text: &str) -> Option<Vec<(String, u64, u64)>> {
    let mut parts = text.split(':');
    let uuid = parts.next()?.trim();
    let mut source = uuid.to_owned();
    let mut found = Vec::new();
    for part in parts.map(str::trim) {
        if !part.starts_with(|c: char| c.is_ascii_digit()) {
            source = format!("{uuid}:{part}");
            continue;
        }
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        if first > last {
            return None;
        }
        found.push((source.clone(), first, last));
    }
    (!found.is_empty()).then_some(found)
}

/// Adds an interval and joins it with those that it touches.
fn insert(intervals: &mut Intervals, mut first: u64, mut last: u64) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "c2dcf7a6-e65f-11f1-b033-0242ac110002";

    fn set(texts: &[&str]) -> GtidSet {
        let mut set = GtidSet::default();
        texts.iter().for_each(|text| set.add(&text.replace('A', A)));
        set
    }

    fn joined(set: &GtidSet) -> String {
        set.texts().join(",").replace(A, "A")
    }

    #[test]
    fn neighbours_become_one_interval_in_any_order() {
        assert_eq!(joined(&set(&["A:5", "A:7", "A:6", "A:1-2", "A:4"])), "A:1-2:4-7");
        assert_eq!(joined(&set(&["A:10-20", "A:1-30", "A:15", "A:31"])), "A:1-31");
        assert_eq!(joined(&set(&["A:3", "A:1", "A:5"])), "A:1:3:5");
        let mut both = set(&["A:1-3", "b:1"]);
        both.merge(&set(&["A:4-9:12", "b:1"]));
        assert_eq!(joined(&both), "b:1,A:1-9:12");
        let many = (1..=10_000).map(|n| format!("{A}:{n}"));
        let mut long = GtidSet::default();
        many.rev().for_each(|text| long.add(&text));
        assert_eq!(long.texts(), [format!("{A}:1-10000")]);
    }

    #[test]
    fn tags_are_sources_and_the_unknown_is_kept() {
        assert_eq!(joined(&set(&["A:1-2:tag:3:4"])), "A:1-2,A:tag:3-4");
        assert_eq!(joined(&set(&["A:1, A:2"])), "A:1-2");
        assert_eq!(joined(&set(&["0-1-5"])), "0-1-5");
        assert!(set(&[""]).texts().is_empty());
        assert_eq!(set(&["A:1-2:tag:3:4", "b:7"]).count(), Some(5));
        assert_eq!((set(&[""]).count(), set(&["0-1-5"]).count()), (Some(0), None));
    }
}
