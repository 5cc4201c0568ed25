//! Where reading begins.

use std::fmt;

use binlog::gtid::mariadb::GtidList;
use binlog::gtid::mysql::GtidSet;
use binlog::{Id, Place};

use super::ended::{self, LogError};
use model::facts::Flavour;

/// A position in a log. It belongs to one server: [`super::LogState`] says to which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// MySQL: what is not in the set.
    Gtids(GtidSet),
    /// MariaDB: what comes after these.
    List(GtidList),
    /// MariaDB, by file and offset.
    Place(Place),
}

impl Position {
    /// Reads what the server or a manifest says; `None` if it is something else.
    pub fn parse(flavour: Flavour, text: &str) -> Option<Self> {
        match flavour {
            Flavour::Mysql => GtidSet::parse(text).map(Self::Gtids),
            Flavour::Mariadb => GtidList::parse(text).map(Self::List),
        }
    }

    /// Whether all that comes before the other comes before this one, too. Places are compared
    /// by [`super::Visible`]; here only equal ones are.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Gtids(own), Self::Gtids(other)) => own.covers(other),
            (Self::List(own), Self::List(other)) => own.covers(other),
            (own, other) => own == other,
        }
    }

    /// Moves behind a transaction.
    pub(super) fn pass(&mut self, id: &Id, end: &Place) -> Result<(), LogError> {
        match (self, id) {
            (Self::Gtids(set), Id::Mysql(gtid)) => set.add(gtid),
            (Self::List(list), Id::Mariadb(gtid)) => {
                if list.contains(*gtid) {
                    return Err(ended::backwards(&gtid.to_string()));
                }
                list.add(*gtid);
            }
            (Self::Place(place), _) => *place = end.clone(),
            (Self::Gtids(_) | Self::List(_), _) => return Err(ended::unnamed(end)),
        }
        Ok(())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gtids(set) => set.fmt(f),
            Self::List(list) => list.fmt(f),
            Self::Place(place) => place.fmt(f),
        }
    }
}

/// A reader's number among a server's replicas, for one installation of this tool and one use
/// of it: in the upper half, where no one who numbers servers by hand gets. `installation`
/// must differ between machines.
pub fn server_id(installation: &str, purpose: &str) -> u32 {
    let both = format!("{installation}\0{purpose}");
    let hash = xxhash_rust::xxh3::xxh3_64(both.as_bytes());
    // The last one is kept by some servers for themselves.
    let low = u32::try_from(hash % 0x7fff_ffff).unwrap_or_default();
    0x8000_0000 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_readers_differ_by_place_and_use() {
        let one = server_id("here", "follow");
        assert_eq!(one, server_id("here", "follow"));
        assert_ne!(one, server_id("here", "archive"));
        assert_ne!(one, server_id("there", "follow"));
        assert_ne!(server_id("a", "bc"), server_id("ab", "c"));
        assert!((0x8000_0000..u32::MAX).contains(&one));
    }

    #[test]
    fn a_position_moves_with_what_was_read() {
        let end = Place { file: "binlog.000001".to_owned(), offset: 99 };
        let gtid = |text: &str| {
            let list = GtidList::parse(text).unwrap();
            let mut parts = text.split('-').map(|part| part.parse::<u64>().unwrap());
            let mut next = || parts.next().unwrap();
            let (domain, server, sequence) = (next(), next(), next());
            let gtid = binlog::gtid::mariadb::Gtid {
                domain: u32::try_from(domain).unwrap(),
                server: u32::try_from(server).unwrap(),
                sequence,
            };
            assert!(list.contains(gtid));
            Id::Mariadb(gtid)
        };
        let mut from = Position::List(GtidList::parse("0-1-5").unwrap());
        from.pass(&gtid("0-1-7"), &end).unwrap();
        from.pass(&gtid("3-1-1"), &end).unwrap();
        assert_eq!(from.to_string(), "0-1-7,3-1-1");
        // Where numbers go back, the last one does not say what was read.
        assert!(from.pass(&gtid("0-2-6"), &end).is_err());
        let mut place = Position::Place(Place::default());
        place.pass(&gtid("0-1-7"), &end).unwrap();
        assert_eq!(place, Position::Place(end.clone()));
        let mut set = Position::Gtids(GtidSet::default());
        assert!(set.pass(&Id::Anonymous, &end).is_err());
    }
}
