//! Failures by key, with bounded memory.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// How failures turn into waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) free: u32,
    /// The wait after the first failure beyond those; it doubles with each more.
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Rule {
    fn wait(self, failures: u32) -> Duration {
        if failures < self.free {
            return Duration::ZERO;
        }
        let doubled = 2_u32.saturating_pow(failures - self.free);
        self.first.saturating_mul(doubled).min(self.longest)
    }
}

/// Failures without a new one for this long are forgotten. Longer than any wait.
pub(super) const FORGET: Duration = Duration::from_secs(3600);

#[derive(Debug)]
struct Entry {
    failures: u32,
    last: Instant,
}

/// What is known of at most `most` keys.
#[derive(Debug)]
pub(super) struct Table {
    most: usize,
    entries: HashMap<u64, Entry>,
}

impl Table {
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: HashMap::new() }
    }

    pub(super) fn failures(&self, key: u64, now: Instant) -> u32 {
        self.entries
            .get(&key)
            .filter(|entry| now.saturating_duration_since(entry.last) < FORGET)
            .map_or(0, |entry| entry.failures)
    }

    /// How long from `now` until the next attempt is let through.
    pub(super) fn wait(&self, key: u64, rule: Rule, now: Instant) -> Duration {
        let Some(entry) = self.entries.get(&key) else { return Duration::ZERO };
        let wait = rule.wait(self.failures(key, now));
        (entry.last + wait).saturating_duration_since(now)
    }

    pub(super) fn count(&mut self, key: u64, now: Instant) {
        let failures = self.failures(key, now).saturating_add(1);
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        self.entries.insert(key, Entry { failures, last: now });
    }

    // What is forgotten goes; else the key with the fewest failures, the oldest of those.
    // So a flood of new keys pushes out itself, not the keys that failed often.
    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, entry| now.saturating_duration_since(entry.last) < FORGET);
        if self.entries.len() < self.most {
            return;
        }
        let least = self.entries.iter().min_by_key(|(_, entry)| (entry.failures, entry.last));
        if let Some(key) = least.map(|(key, _)| *key) {
            self.entries.remove(&key);
        }
    }

    /// The newest failure is from `now`.
    pub(super) fn stamp(&mut self, key: u64, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.last = now;
        }
    }

    pub(super) fn take_back(&mut self, key: u64) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.failures = entry.failures.saturating_sub(1);
            if entry.failures == 0 {
                self.entries.remove(&key);
            }
        }
    }

    pub(super) fn clear(&mut self, key: u64) {
        self.entries.remove(&key);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{FORGET, Rule, Table};

    const SECOND: Duration = Duration::from_secs(1);
    const RULE: Rule = Rule { free: 3, first: SECOND, longest: Duration::from_secs(60) };

    #[test]
    fn waits_double_up_to_the_longest_and_are_forgotten() {
        let mut table = Table::new(10);
        let mut now = Instant::now();
        let mut waits = vec![];
        for _ in 0..12 {
            table.count(1, now);
            let wait = table.wait(1, RULE, now);
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(table.wait(1, RULE, now), Duration::ZERO);
        }
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert_eq!(table.wait(2, RULE, now), Duration::ZERO);
        assert_eq!(table.failures(1, now + FORGET), 0);
        assert_eq!(RULE.wait(u32::MAX), RULE.longest);
    }

    #[test]
    fn a_flood_of_keys_neither_grows_the_table_nor_clears_it() {
        let mut table = Table::new(100);
        let now = Instant::now();
        for _ in 0..5 {
            table.count(1, now);
        }
        for key in 1000..50_000 {
            table.count(key, now + SECOND);
        }
        assert_eq!((table.len(), table.failures(1, now)), (100, 5));
        table.count(7, now + FORGET + SECOND * 2);
        assert_eq!(table.len(), 1, "what is forgotten makes room first");
    }
}
