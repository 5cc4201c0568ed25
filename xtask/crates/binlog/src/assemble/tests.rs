//! Whole files of real servers.

use model::facts::Flavour;

use super::*;
use crate::key::{Key, KeyColumn, KeySpec};

/// Written by MySQL 9.7.4 and MariaDB 10.11.19; `fixtures/README.md` says how.
const MYSQL: &[u8] = include_bytes!("../../fixtures/mysql.binlog");
const MARIADB: &[u8] = include_bytes!("../../fixtures/mariadb.binlog");

fn events(file: &[u8]) -> Vec<&[u8]> {
    let mut rest = &file[4..];
    let mut all = Vec::new();
    while !rest.is_empty() {
        let size = u32::from_le_bytes(rest[9..13].try_into().unwrap()) as usize;
        let (event, more) = rest.split_at(size);
        all.push(event);
        rest = more;
    }
    all
}

fn want(table: &Table) -> Want {
    let known = |at, unsigned, binary| KeyColumn { at, unsigned, binary };
    let ints = |signs: &[(usize, bool)]| {
        signs.iter().map(|(at, unsigned)| known(*at, Some(*unsigned), None)).collect()
    };
    let (columns, key) = match table.name.as_str() {
        "ints" => (6, ints(&[(0, false), (1, true), (2, false), (3, true), (4, false), (5, true)])),
        "texts" => (
            5,
            vec![
                known(0, None, Some(false)),
                known(1, None, Some(false)),
                known(2, None, Some(true)),
                known(3, None, Some(true)),
            ],
        ),
        "times" => (7, (0..7).map(KeyColumn::at).collect()),
        "wide" => (10, ints(&[(6, false)])),
        "made" => (1, ints(&[(0, false)])),
        "multi" => (3, ints(&[(0, false)])),
        "vec" | "chi" => (2, ints(&[(0, false)])),
        "par" => (1, ints(&[(0, false)])),
        "my" => return Want::Presence,
        _ => return Want::Nothing,
    };
    Want::Keys(KeySpec { columns, key })
}

fn key(key: &Key) -> String {
    key.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A group as one line.
fn line(group: &Group) -> String {
    let id = group.id.to_string();
    let number = id.rsplit([':', '-']).next().unwrap_or_default();
    let tables = group.tables.iter().map(|(table, touched)| {
        let keys: Vec<String> = touched.keys.iter().map(key).collect();
        format!("{}[{}]", table.name, keys.join(" "))
    });
    let statements = group.statements.iter().map(|it| {
        let text: String = it.text.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        format!("{:?} {}: {text}", it.kind, it.schema)
    });
    let ending = match &group.ending {
        Ending::Committed => String::new(),
        Ending::Prepared(xid) => format!("Prepared {xid}"),
        Ending::XaCommitted(xid) => format!("XaCommitted {xid}"),
        Ending::XaRolledBack(xid) => format!("XaRolledBack {xid}"),
        Ending::RolledBack => "RolledBack".to_owned(),
    };
    let parts = tables.chain(statements).chain([ending]).filter(|part| !part.is_empty());
    format!("{number} {}", parts.collect::<Vec<_>>().join("; "))
}

fn read(flavour: Flavour, file: &[u8]) -> Vec<String> {
    let mut assembler = Assembler::new(flavour, Limits::default());
    let mut lines = Vec::new();
    for event in events(file) {
        match assembler.feed(event, &mut |table| want(table)) {
            Ok(Step::Group(group)) => lines.push(line(&group)),
            Ok(_) => {}
            Err(halt) => lines.push(format!("{:?} {halt}", halt.why)),
        }
    }
    lines
}

/// What both servers did.
const BOTH: [&str; 27] = [
    "Definition shop: CREATE DATABASE shop",
    "Definition shop: CREATE TABLE ints",
    "Definition shop: CREATE TABLE texts",
    "Definition shop: CREATE TABLE times",
    "Definition shop: CREATE TABLE wide",
    "ints[-128,65535,-8388608,4294967295,-9223372036854775808,1901 -1,1,-1,1,-1,0 \
     127,0,8388607,0,9223372036854775807,2155]",
    "texts[0x,0x,0x000000000000,0x 0x6162,0x63616620e9,0x010000000000,0x0000]",
    "times[1000-01-01,838:59:59.00,1000-01-01 00:00:00.000000,1970-01-01 00:00:01.000,0.00001,\
     1,0 2026-11-30,-12:34:56.78,9999-12-31 23:59:59.123456,2026-11-30 12:00:00.125,\
     -12345678901234.56789,3,5]",
    "times[0000-00-00,-00:00:00.01,0000-00-00 00:00:00.000000,0000-00-00 00:00:00.000,\
     123.00000,2,2]",
    "wide[42 43]",
    "wide[43 44]",
    // binlog_row_image=MINIMAL, and NOBLOB.
    "wide[42]",
    "wide[44]",
    "wide[42]",
    // A savepoint does not end it; 51 was taken back to it.
    "wide[50 52]",
    "made[42 50 52]; Definition shop: CREATE TABLE `made`",
    "wide[60]; Prepared X'6f6e65',X'',1",
    "XaCommitted X'6f6e65',X'',1",
    "wide[61]; Prepared X'74776f',X'',1",
    "XaRolledBack X'74776f',X'',1",
    "wide[62]",
    "Rows shop: INSERT INTO wide(id,f)",
    "Definition shop: CREATE TABLE my",
    "my[]",
    "my[]",
    "Truncate shop: TRUNCATE TABLE my",
    "Definition shop: DROP TABLE `my`",
];

/// Partial JSON, compression, tags, indexes of their own, a vector, a cascade.
const MORE_OF_MYSQL: [&str; 15] = [
    "wide[42]",
    "wide[42 142]",
    "wide[80 81]",
    "ints[127,0,8388607,0,9223372036854775807,2155]; wide[81 82]",
    "wide[90]",
    "wide[91]",
    "Definition shop: CREATE TABLE multi",
    "multi[1]",
    "Definition shop: CREATE TABLE vec",
    "vec[1]",
    "Definition shop: CREATE TABLE par",
    "Definition shop: CREATE TABLE chi",
    "par[1]",
    "chi[1 2]",
    "chi[1 2]; par[1]",
];

/// Compressed rows and a compressed statement.
const MORE_OF_MARIADB: [&str; 5] =
    ["wide[80 81]", "wide[81 82]", "wide[82]", "Definition shop: CREATE TABLE longish", "wide[99]"];

/// The lines without their numbers, which have no gap.
#[track_caller]
fn demand(lines: &[String], first: u64, more: &[&str]) {
    let wanted: Vec<&str> = BOTH.iter().chain(more).copied().collect();
    let found: Vec<&str> = lines.iter().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    assert_eq!(found, wanted);
    // The tagged one has numbers of its own.
    let untagged = lines.iter().filter(|line| !line.starts_with("2 "));
    for (number, line) in (first..).zip(untagged) {
        assert!(line.starts_with(&format!("{number} ")), "{number}: {line}");
    }
}

#[test]
fn every_transaction_of_mysql_with_its_keys() {
    demand(&read(Flavour::Mysql, MYSQL), 44, &MORE_OF_MYSQL);
}

#[test]
fn every_transaction_of_mariadb_with_its_keys() {
    demand(&read(Flavour::Mariadb, MARIADB), 34, &MORE_OF_MARIADB);
}

fn groups(flavour: Flavour, file: &[u8]) -> Result<Vec<Group>, Halt> {
    let mut assembler = Assembler::new(flavour, Limits::default());
    let mut groups = Vec::new();
    for event in events(file) {
        if let Step::Group(group) = assembler.feed(event, &mut |table| want(table))? {
            groups.push(*group);
        }
    }
    Ok(groups)
}

#[test]
fn a_group_says_when_where_and_under_what() {
    let mysql = groups(Flavour::Mysql, MYSQL).unwrap();
    assert_eq!(mysql[5].id.to_string(), "0662bc27-ecdb-11f1-843c-0242ac110002:49");
    assert_eq!((mysql[5].committed, mysql[5].end.offset), (1_796_056_139_176_332, 2086));
    assert_eq!(mysql.last().unwrap().end.offset, 16_739);
    let tagged = mysql.iter().find(|group| group.id.to_string().contains(":nightly:2")).unwrap();
    assert_eq!(tagged.committed / 1_000_000, 1_796_056_139);
    // The rows of a compressed transaction are at the end of what holds them.
    let packed = mysql.iter().find(|group| line(group).ends_with(" wide[80 81]")).unwrap();
    assert_eq!(packed.end.offset, 13_186);
    let mariadb = groups(Flavour::Mariadb, MARIADB).unwrap();
    assert_eq!(mariadb[5].id.to_string(), "0-7-39");
    assert_eq!((mariadb[5].server_id, mariadb[5].end.offset), (7, 2012));
    assert_eq!(mariadb[5].committed, 1_796_056_141_000_000);
    // MySQL 9.7 gives statements a variable with the number 21, which no page describes.
    for (all, complete) in [(mysql, false), (mariadb, true)] {
        let random = all.iter().find(|group| line(group).contains("Rows ")).unwrap();
        let statement = &random.statements[0];
        assert_eq!(statement.text, "INSERT INTO wide(id,f) VALUES(70,RAND())");
        assert_eq!(statement.settings.complete, complete, "{statement:?}");
        assert_eq!(statement.settings.time_zone, None);
    }
}

#[test]
fn no_prefix_gives_more_or_other_than_the_whole() {
    for (flavour, file) in [(Flavour::Mysql, MYSQL), (Flavour::Mariadb, MARIADB)] {
        let whole = groups(flavour, file).unwrap();
        let all = events(file);
        for (number, last) in all.iter().enumerate() {
            let mut assembler = Assembler::new(flavour, Limits::default());
            let mut found = Vec::new();
            for event in &all[..number] {
                if let Step::Group(group) = assembler.feed(event, &mut |table| want(table)).unwrap()
                {
                    found.push(*group);
                }
            }
            assert_eq!(found, whole[..found.len()]);
            // The event that is cut off is refused, wherever it is cut.
            for length in 0..last.len() {
                let cut = assembler.feed(&last[..length], &mut |table| want(table));
                assert_eq!(cut.unwrap_err().why, Why::Damaged, "{number}, {length}");
            }
        }
    }
}

#[test]
fn a_bit_that_flips_never_changes_what_was_done() {
    for (flavour, file) in [(Flavour::Mysql, MYSQL), (Flavour::Mariadb, MARIADB)] {
        let all = events(file);
        // An event is taken or refused as it is, whatever came before.
        for (number, event) in all.iter().enumerate() {
            let mut spoilt = event.to_vec();
            for bit in 0..event.len() * 8 {
                spoilt[bit / 8] ^= 1 << (bit % 8);
                let mut assembler = Assembler::new(flavour, Limits::default());
                let refused = assembler.feed(&spoilt, &mut |table| want(table)).is_err();
                // Whether the file is still open is no part of the checksum.
                let open = event[4] == kind::FORMAT && bit == 17 * 8;
                assert_eq!(refused, !open || number > 0, "event {number}, bit {bit}");
                spoilt[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}

/// An event of a server, with its length and checksum.
fn event(code: u8, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut event = vec![0; event::HEADER];
    event[4] = code;
    event[17..19].copy_from_slice(&flags.to_le_bytes());
    event.extend_from_slice(body);
    let size = u32::try_from(event.len() + 4).unwrap();
    event[9..13].copy_from_slice(&size.to_le_bytes());
    let sum = crc32fast::hash(&event);
    event.extend_from_slice(&sum.to_le_bytes());
    event
}

/// A reader that is in a file, between two transactions.
fn described(flavour: Flavour) -> Assembler {
    let file = if flavour == Flavour::Mysql { MYSQL } else { MARIADB };
    let mut assembler = Assembler::new(flavour, Limits::default());
    assembler.feed(events(file)[0], &mut |_| Want::Nothing).unwrap();
    assembler
}

#[track_caller]
fn refused(assembler: &mut Assembler, event: &[u8]) -> Halt {
    assembler.feed(event, &mut |table| want(table)).unwrap_err()
}

#[test]
fn what_is_not_understood_is_named() {
    let mysql = || described(Flavour::Mysql);
    let unknown = refused(&mut mysql(), &event(99, 0, &[]));
    assert_eq!(
        (unknown.why, unknown.what.as_str()),
        (Why::Unknown, "an event of the unknown type 99")
    );
    // Its writer says that it may be passed over.
    let ignorable = mysql().feed(&event(99, 0x80, &[]), &mut |_| Want::Nothing);
    assert_eq!(ignorable, Ok(Step::Nothing));
    // A known type is what it is, whatever the flag says.
    assert!(mysql().feed(&event(26, 0x80, b"\x01\0\x04lost"), &mut |_| Want::Nothing).is_err());
    let incident = refused(&mut mysql(), &event(26, 0, b"\x01\0\x04lost"));
    assert_eq!(incident.why, Why::Lost);
    assert!(incident.what.ends_with("(incident 1) lost"), "{incident}");
    let encrypted = refused(&mut described(Flavour::Mariadb), &event(164, 0, &[1; 17]));
    assert!(encrypted.what.starts_with("START_ENCRYPTION"), "{encrypted}");
    assert_eq!(refused(&mut mysql(), &event(20, 0, &[])).why, Why::Unsupported);
    let other = Assembler::new(Flavour::Mysql, Limits::default())
        .feed(events(MARIADB)[0], &mut |_| Want::Nothing);
    assert_eq!(other.unwrap_err().why, Why::Unsupported);
}

#[test]
fn a_log_without_checksums_is_refused_by_name() {
    let mut format = events(MYSQL)[0].to_vec();
    let at = format.len() - 5;
    format[at] = 0;
    let mut assembler = Assembler::new(Flavour::Mysql, Limits::default());
    let halt = refused(&mut assembler, &format);
    assert!(halt.what.contains("binlog_checksum=NONE"), "{halt}");
}

#[test]
fn events_in_an_impossible_order_are_refused() {
    for (flavour, file) in [(Flavour::Mysql, MYSQL), (Flavour::Mariadb, MARIADB)] {
        let all = events(file);
        let of = |code: u8| *all.iter().find(|event| event[4] == code).unwrap();
        let rows = if flavour == Flavour::Mysql { 30 } else { 23 };
        for code in [16, 19, rows, 2, 38] {
            let halt = refused(&mut described(flavour), of(code));
            assert_eq!(halt.why, Why::Disorder, "{flavour}, {code}: {halt}");
        }
        let gtid = if flavour == Flavour::Mysql { 33 } else { 162 };
        let gtid: Vec<&[u8]> = all.iter().filter(|event| event[4] == gtid).copied().collect();
        let mut assembler = described(flavour);
        assembler.feed(gtid[6], &mut |_| Want::Nothing).unwrap();
        assert!(!assembler.is_between_groups());
        assert_eq!(refused(&mut assembler, gtid[7]).why, Why::Disorder);
        let mut early = Assembler::new(flavour, Limits::default());
        assert_eq!(refused(&mut early, gtid[6]).why, Why::Disorder);
    }
}

#[test]
fn a_crash_drops_what_was_never_committed_and_nothing_else_does() {
    let all = events(MARIADB);
    let gtid = all.iter().filter(|event| event[4] == 162).nth(6).unwrap();
    let mut assembler = described(Flavour::Mariadb);
    assembler.feed(gtid, &mut |_| Want::Nothing).unwrap();
    let rotate = event(4, 0x20, b"\x04\0\0\0\0\0\0\0binlog.000004");
    assembler.feed(&rotate, &mut |_| Want::Nothing).unwrap();
    assert_eq!(refused(&mut assembler, all[0]).why, Why::Disorder);
    // The time of the start.
    let mut restarted = all[0].to_vec();
    restarted[19 + 52] = 1;
    let at = restarted.len() - 4;
    let sum = crc32fast::hash(&restarted[..at]).to_le_bytes();
    restarted[at..].copy_from_slice(&sum);
    assembler.feed(gtid, &mut |_| Want::Nothing).unwrap();
    assembler.feed(&restarted, &mut |_| Want::Nothing).unwrap();
    assert!(assembler.is_between_groups());
    assert_eq!(assembler.place().to_string(), "binlog.000004:256");
}

#[test]
fn another_table_than_the_caller_knows_is_refused() {
    for (columns, key, words) in [
        (9, KeyColumn::at(6), "10 columns instead of 9"),
        (10, KeyColumn::at(10), "a column that is not there"),
        (10, KeyColumn { unsigned: Some(true), ..KeyColumn::at(6) }, "is not unsigned in the log"),
        (10, KeyColumn::at(7), "a key of BLOB or TEXT"),
        (10, KeyColumn::at(3), "a key of FLOAT or DOUBLE"),
    ] {
        let spec = KeySpec { columns, key: vec![key] };
        let mut assembler = Assembler::new(Flavour::Mysql, Limits::default());
        let mut want = |table: &Table| match table.name.as_str() {
            "wide" => Want::Keys(spec.clone()),
            _ => Want::Nothing,
        };
        let halt = events(MYSQL).into_iter().find_map(|e| assembler.feed(e, &mut want).err());
        let halt = halt.unwrap();
        assert!(halt.what.contains(words) && halt.what.contains("shop.wide"), "{halt}");
    }
}

#[test]
fn limits_have_names() {
    let feed = |limits: Limits, file: &[u8], flavour| {
        let mut assembler = Assembler::new(flavour, limits);
        events(file).into_iter().find_map(|e| assembler.feed(e, &mut |t| want(t)).err()).unwrap()
    };
    let few = Limits { keys: 200, ..Limits::default() };
    let halt = feed(few, MYSQL, Flavour::Mysql);
    assert!(halt.why == Why::TooLarge && halt.what.contains("more than 200 bytes"), "{halt}");
    let none = Limits { statements: 0, ..Limits::default() };
    assert_eq!(feed(none, MARIADB, Flavour::Mariadb).why, Why::TooLarge);
    for (flavour, file) in [(Flavour::Mysql, MYSQL), (Flavour::Mariadb, MARIADB)] {
        // Larger than any event as it is in the file, smaller than one that is unpacked.
        let small = Limits { event: 1500, ..Limits::default() };
        let halt = feed(small, file, flavour);
        assert_eq!(halt.why, Why::TooLarge);
        assert!(halt.what.contains("compressed"), "{halt}");
    }
}
