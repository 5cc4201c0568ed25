//! MariaDB: a domain, the server that wrote first, and a number that only grows in a domain.

use std::collections::BTreeMap;
use std::fmt;

/// One group of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtid {
    pub domain: u32,
    pub server: u32,
    pub sequence: u64,
}

/// The last group of each domain, and so all before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GtidList {
    last: BTreeMap<u32, (u32, u64)>,
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.server, self.sequence)
    }
}

impl Gtid {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let gtid = Self {
            domain: parts.next()?.parse().ok()?,
            server: parts.next()?.parse().ok()?,
            sequence: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(gtid)
    }
}

impl GtidList {
    /// Reads `0-1-5,1-2-7`; `None` if it is something else, or names a domain twice.
    pub fn parse(text: &str) -> Option<Self> {
        let mut list = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Gtid { domain, server, sequence } = Gtid::parse(part)?;
            if list.last.insert(domain, (server, sequence)).is_some() {
                return None;
            }
        }
        Some(list)
    }

    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// Moves its domain on to this group; never back.
    pub fn add(&mut self, gtid: Gtid) {
        let last = self.last.entry(gtid.domain).or_insert((gtid.server, gtid.sequence));
        if gtid.sequence >= last.1 {
            *last = (gtid.server, gtid.sequence);
        }
    }

    /// Whether the group, or a later one of its domain, is in it.
    pub fn contains(&self, gtid: Gtid) -> bool {
        self.last.get(&gtid.domain).is_some_and(|(_, sequence)| *sequence >= gtid.sequence)
    }

    /// Whether it has all that the other has.
    pub fn covers(&self, other: &Self) -> bool {
        other.all().all(|gtid| self.contains(gtid))
    }

    fn all(&self) -> impl Iterator<Item = Gtid> {
        let gtid =
            |(&domain, &(server, sequence)): (&u32, &(u32, u64))| Gtid { domain, server, sequence };
        self.last.iter().map(gtid)
    }
}

impl fmt::Display for GtidList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, gtid) in self.all().enumerate() {
            write!(f, "{}{gtid}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written_as_the_server_does() {
        let mut list = GtidList::parse("1-2-7, 0-1-5").unwrap();
        assert_eq!(list.to_string(), "0-1-5,1-2-7");
        list.add(Gtid::parse("0-3-6").unwrap());
        list.add(Gtid::parse("1-9-3").unwrap());
        list.add(Gtid::parse("4-1-1").unwrap());
        assert_eq!(list.to_string(), "0-3-6,1-2-7,4-1-1");
        assert!(list.contains(Gtid { domain: 0, server: 8, sequence: 6 }));
        assert!(!list.contains(Gtid { domain: 0, server: 3, sequence: 7 }));
        assert!(!list.contains(Gtid { domain: 2, server: 3, sequence: 1 }));
        assert!(list.covers(&GtidList::parse("0-1-5").unwrap()));
        assert!(!list.covers(&GtidList::parse("0-1-5,5-1-1").unwrap()));
        for bad in ["0-1", "0-1-5-6", "0-1-5,0-2-6", "x-1-2", "4294967296-1-1"] {
            assert_eq!(GtidList::parse(bad), None, "{bad}");
        }
        assert!(GtidList::parse("").unwrap().is_empty());
    }
}
