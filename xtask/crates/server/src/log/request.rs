//! What a reader tells the server before it asks for the log, and how it asks.

use std::time::Duration;

use binlog::Place;
use model::facts::Flavour;
use model::ident::literal;

use super::ended::{self, LogError};
use super::position::Position;

const COM_BINLOG_DUMP: u8 = 0x12;
const COM_BINLOG_DUMP_GTID: u8 = 0x1e;

/// Ends at the end of the log instead of waiting there.
const NON_BLOCK: u16 = 0x01;
/// By GTID.
const THROUGH_GTID: u16 = 0x04;

/// Where the first event of a file is.
const FIRST: u32 = 4;

/// Whether such a position means anything to the server.
pub(super) fn demand(flavour: Flavour, from: &Position) -> Result<(), LogError> {
    let fits = match from {
        Position::Gtids(_) => flavour == Flavour::Mysql,
        Position::List(_) => flavour == Flavour::Mariadb,
        Position::Place(place) => {
            flavour == Flavour::Mariadb && u32::try_from(place.offset).is_ok()
        }
    };
    if fits { Ok(()) } else { Err(ended::other_server(from, flavour)) }
}

/// Without the first the server sends events without checksums; without the second a dead
/// server cannot be told from one that has nothing to say.
pub(super) fn settings(flavour: Flavour, from: &Position, heartbeat: Duration) -> Vec<String> {
    let beat = heartbeat.as_nanos();
    let (mut all, names) = match flavour {
        // Servers before 8.0.26 read the second name.
        Flavour::Mysql => (Vec::new(), ["source", "master"].as_slice()),
        // 4: GTIDs as they are, and nothing left out that this reader could take for a gap.
        Flavour::Mariadb => {
            (vec!["SET @mariadb_slave_capability = 4".to_owned()], ["master"].as_slice())
        }
    };
    for name in names {
        all.push(format!("SET @{name}_binlog_checksum = 'CRC32'"));
        all.push(format!("SET @{name}_heartbeat_period = {beat}"));
    }
    if let Position::List(list) = from {
        all.push(format!("SET @slave_connect_state = {}", literal(&list.to_string())));
        // Refuses a position that this server never had.
        all.push("SET @slave_gtid_strict_mode = 1".to_owned());
        all.push("SET @slave_gtid_ignore_duplicates = 0".to_owned());
    }
    all
}

/// The command that asks for the log, and its payload.
pub(super) fn dump(from: &Position, server_id: u32, follow: bool) -> (u8, Vec<u8>) {
    let wait = if follow { 0 } else { NON_BLOCK };
    match from {
        Position::Gtids(set) => {
            let set = set.encode();
            let mut payload = (THROUGH_GTID | wait).to_le_bytes().to_vec();
            payload.extend_from_slice(&server_id.to_le_bytes());
            // No file: the set decides.
            payload.extend_from_slice(&0_u32.to_le_bytes());
            payload.extend_from_slice(&u64::from(FIRST).to_le_bytes());
            let length = u32::try_from(set.len()).unwrap_or(u32::MAX);
            payload.extend_from_slice(&length.to_le_bytes());
            payload.extend_from_slice(&set);
            (COM_BINLOG_DUMP_GTID, payload)
        }
        Position::List(_) => (COM_BINLOG_DUMP, by_place(&Place::default(), wait, server_id)),
        Position::Place(place) => (COM_BINLOG_DUMP, by_place(place, wait, server_id)),
    }
}

fn by_place(place: &Place, flags: u16, server_id: u32) -> Vec<u8> {
    let offset = u32::try_from(place.offset).unwrap_or(u32::MAX).max(FIRST);
    let mut payload = offset.to_le_bytes().to_vec();
    payload.extend_from_slice(&flags.to_le_bytes());
    payload.extend_from_slice(&server_id.to_le_bytes());
    payload.extend_from_slice(place.file.as_bytes());
    payload
}

#[cfg(test)]
mod tests {
    use binlog::gtid::mariadb::GtidList;
    use binlog::gtid::mysql::GtidSet;

    use super::*;

    #[test]
    fn requests_are_by_the_protocol() {
        let set = GtidSet::parse("c2dcf7a6-e65f-11f1-b033-0242ac110002:1-5").unwrap();
        let (command, payload) = dump(&Position::Gtids(set), 0x8000_0001, false);
        assert_eq!((command, &payload[..10]), (0x1e, &[5, 0, 1, 0, 0, 0x80, 0, 0, 0, 0][..]));
        assert_eq!(&payload[10..22], &[4, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0]);
        assert_eq!(payload.len(), 22 + 48);
        let place = Place { file: "binlog.000002".to_owned(), offset: 300 };
        let (command, payload) = dump(&Position::Place(place), 7, true);
        assert_eq!((command, &payload[..10]), (0x12, &[44, 1, 0, 0, 0, 0, 7, 0, 0, 0][..]));
        assert_eq!(&payload[10..], b"binlog.000002");
        let list = Position::List(GtidList::parse("0-1-5").unwrap());
        let (_, payload) = dump(&list, 7, true);
        assert_eq!(payload, [4, 0, 0, 0, 0, 0, 7, 0, 0, 0]);
        let said = settings(Flavour::Mariadb, &list, Duration::from_secs(2));
        assert!(said.contains(&"SET @slave_connect_state = '0-1-5'".to_owned()), "{said:?}");
        assert!(said.iter().all(|it| !it.contains("semi_sync")));
        let beat = "SET @source_heartbeat_period = 2000000000".to_owned();
        let said =
            settings(Flavour::Mysql, &Position::Gtids(GtidSet::default()), Duration::from_secs(2));
        assert!(said.contains(&beat), "{said:?}");
    }

    #[test]
    fn a_position_of_another_kind_of_server_is_refused() {
        let set = Position::Gtids(GtidSet::default());
        let list = Position::List(GtidList::default());
        let place = Position::Place(Place { file: "b.000001".to_owned(), offset: 1 << 32 });
        assert!(demand(Flavour::Mysql, &set).is_ok() && demand(Flavour::Mariadb, &list).is_ok());
        for (flavour, from) in
            [(Flavour::Mysql, &list), (Flavour::Mariadb, &set), (Flavour::Mariadb, &place)]
        {
            assert!(demand(flavour, from).is_err());
        }
    }
}
