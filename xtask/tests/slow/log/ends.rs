//! Every way in which reading ends, by its name.

use std::sync::atomic::Ordering;

use binlog::{Table, Why};
use mysql::prelude::Queryable as _;
use server::log::{self, Ended, LogError, Next, Options, Position, Reader, demand_rows};

use super::world::{World, each, nothing, read_upto};
use crate::support::proxy::{Proxy, Trouble};
use crate::support::{Server, own_mariadb_with, own_mysql, require};

/// Reads until it ends, which it must.
fn end_of(reader: &mut Reader) -> LogError {
    loop {
        if let Err(error) = reader.next(&mut nothing) {
            return error;
        }
    }
}

/// As [`end_of`], for a reader that may be refused at once.
fn end_at(world: &World, from: &Position) -> LogError {
    match world.reader(from) {
        Ok(mut reader) => end_of(&mut reader),
        Err(error) => error,
    }
}

#[test]
fn a_statement_without_rows_is_a_stop_with_its_text() {
    each("statement", &[], |world| {
        world.sql("CREATE TABLE film (id INT PRIMARY KEY, r DOUBLE)");
        let from = world.position();
        world.sql("SET SESSION binlog_format = STATEMENT; INSERT INTO film VALUES (1, RAND())");
        let upto = world.position();
        let groups = world.between(&from, &upto).unwrap();
        let stops: Vec<LogError> =
            groups.iter().filter_map(|group| demand_rows(group, &world.schema).err()).collect();
        assert_eq!(stops.len(), 1, "{groups:?}");
        assert_eq!(stops[0].ended, Ended::Statement);
        assert!(stops[0].to_string().contains("INSERT INTO film VALUES (1, RAND())"));
        for (text, words) in [
            ("TRUNCATE film", "emptied a table"),
            ("ALTER TABLE film ADD note TEXT", "changed the schema"),
            ("CREATE TABLE made (PRIMARY KEY (id)) SELECT id FROM film", "changed the schema"),
        ] {
            let from = world.position();
            world.sql(text);
            let groups = world.between(&from, &world.position()).unwrap();
            let stops: Vec<LogError> =
                groups.iter().filter_map(|group| demand_rows(group, &world.schema).err()).collect();
            assert_eq!(stops.len(), 1, "{text}: {groups:?}");
            assert!(stops[0].to_string().contains(words), "{}", stops[0]);
        }
        // What others do in their schemas is no reason, whatever they name them.
        let from = world.position();
        let other = format!("{}__other", world.schema);
        world.sql(&format!(
            "CREATE DATABASE {other}; CREATE TABLE {other}.film (id INT); DROP DATABASE {other}"
        ));
        // Moved out of the schema, a table is gone from it.
        let groups = world.between(&from, &world.position()).unwrap();
        assert!(groups.len() >= 3);
        for group in &groups {
            let quiet = demand_rows(group, &world.schema);
            let in_it = group.statements.iter().any(|it| it.schema == world.schema);
            // A session in the schema: MariaDB does not say that it changed another one.
            assert!(quiet.is_ok() || (in_it && !world.is_mysql()), "{quiet:?}");
        }
    });
}

#[test]
fn a_swap_of_tables_is_seen_in_the_schema_it_leaves() {
    each("swap", &[], |world| {
        let before = format!("{}__before", world.schema);
        world.sql("CREATE TABLE film (id INT PRIMARY KEY)");
        world.sql(&format!("CREATE DATABASE {before}"));
        let from = world.position();
        let mut root = world.server.root();
        root.query_drop(format!("RENAME TABLE {0}.film TO {before}.film", world.schema)).unwrap();
        let groups = world.between(&from, &world.position()).unwrap();
        let stop = groups.iter().find_map(|group| demand_rows(group, &world.schema).err());
        assert!(stop.unwrap().to_string().contains("RENAME TABLE"));
        world.sql(&format!("DROP DATABASE {before}"));
    });
}

#[test]
fn a_key_that_the_log_does_not_have_is_a_stop() {
    each("absent", &[], |world| {
        world.sql("CREATE TABLE film (id INT DEFAULT 5 PRIMARY KEY, v INT)");
        let from = world.position();
        world.sql("SET SESSION binlog_row_image = MINIMAL; INSERT INTO film (v) VALUES (1)");
        let error = world.between(&from, &world.position()).unwrap_err();
        assert_eq!(error.ended, Ended::Halted(Why::Unsupported));
        let said = error.to_string();
        assert!(
            said.contains("column 1 of the key is not in the log (binlog_row_image)"),
            "{said}"
        );
        assert!(said.contains(&format!("{}.film", world.schema)), "{said}");
    });
}

#[test]
fn a_table_that_changes_is_a_stop() {
    each("changed", &[], |world| {
        world.sql("CREATE TABLE film (id INT PRIMARY KEY)");
        let (from, keys) = (world.position(), world.keys());
        world.sql("ALTER TABLE film ADD v INT; INSERT INTO film VALUES (1, 1)");
        let mut reader = world.reader(&from).unwrap();
        let error = read_upto(&mut reader, &keys, &world.position()).unwrap_err();
        assert_eq!(error.ended, Ended::Halted(Why::Changed));
        // Reading is over: what comes next would be without what was not understood.
        assert_eq!(reader.next(&mut nothing), Err(error));
    });
}

#[test]
fn a_log_that_was_purged_is_a_gap() {
    let purged = |world: &World| {
        world.sql("CREATE TABLE film (id INT PRIMARY KEY)");
        let from = world.position();
        world.sql("INSERT INTO film VALUES (1); FLUSH BINARY LOGS");
        let groups = world.between(&from, &world.position()).unwrap();
        let place = Position::Place(groups[0].end.clone());
        let logs: Vec<mysql::Row> = world.root().query("SHOW BINARY LOGS").unwrap();
        let last: String = logs.last().unwrap().get(0).unwrap();
        let mut ends = vec![(from, Ended::Purged)];
        if !world.is_mysql() {
            ends.push((place, Ended::Purged));
        }
        // Whatever is purged is purged only when no reader of it is left.
        let purge = format!("PURGE BINARY LOGS TO '{last}'");
        sys::clock::poll(std::time::Duration::from_secs(30), || {
            let mut root = world.root();
            root.query_drop(&purge)?;
            let left: Vec<mysql::Row> = root.query("SHOW BINARY LOGS")?;
            Ok::<_, mysql::Error>((left.len() == 1).then_some(()))
        })
        .unwrap()
        .expect("the logs are purged");
        for (from, ended) in ends {
            let error = end_at(world, &from);
            assert_eq!(error.ended, ended, "{error}");
            assert!(!error.stop().hints.is_empty());
        }
    };
    if let Some(own) = own_mysql("purged") {
        purged(&World::new(&own.server, "purged"));
    }
    each("purged", &[], |world| {
        if !world.is_mysql() {
            purged(world);
        }
    });
}

#[test]
fn a_position_that_the_server_never_had_is_another_servers() {
    each("foreign", &[], |world| {
        let from = match world.position() {
            Position::Gtids(_) => {
                let uuid = world.state().identity;
                let set = binlog::gtid::mysql::GtidSet::parse(&format!("{uuid}:1-99999999999"));
                Position::Gtids(set.unwrap())
            }
            _ => {
                let list = binlog::gtid::mariadb::GtidList::parse("0-7-99999999999");
                Position::List(list.unwrap())
            }
        };
        let error = end_at(world, &from);
        assert_eq!(error.ended, Ended::Foreign, "{error}");
    });
}

#[test]
fn a_second_reader_with_the_same_number_ends_the_first_by_name() {
    each("same", &[], |world| {
        let from = world.position();
        let mut first = world.reader(&from).unwrap();
        // It is there: the server answers it.
        first.next(&mut nothing).unwrap();
        let mut second = world.reader(&from).unwrap();
        let error = end_of(&mut first);
        assert_eq!(error.ended, Ended::Replaced, "{error}");
        second.next(&mut nothing).unwrap();
        // Another use has another number, and disturbs nobody.
        let mut other = Reader::open(&world.session(), &from, &world.options("other")).unwrap();
        other.next(&mut nothing).unwrap();
        second.next(&mut nothing).unwrap();
    });
}

#[test]
fn without_the_right_nothing_is_read() {
    each("rights", &[], |world| {
        let user = format!("log_{}", "rights");
        let mut root = world.server.root();
        root.query_drop(format!("REVOKE REPLICATION SLAVE ON *.* FROM '{user}'@'%'")).unwrap();
        let error = end_at(world, &world.position());
        assert_eq!(error.ended, Ended::Refused, "{error}");
        assert!(error.stop().hints[0].contains("REPLICATION SLAVE"));
    });
}

#[test]
fn a_bit_that_flips_on_the_way_is_a_stop() {
    each("flip", &[], |world| {
        world.sql("CREATE TABLE film (id INT PRIMARY KEY, cover LONGBLOB)");
        let from = world.position();
        world.sql("INSERT INTO film VALUES (1, REPEAT('x', 3000000))");
        let proxy = Proxy::start(world.server.port, Trouble::Flip { after: 1_500_000 });
        let session = world.session_at(proxy.port);
        let mut reader = Reader::open(&session, &from, &world.options("flip")).unwrap();
        let keys = world.keys();
        let error = read_upto(&mut reader, &keys, &world.position()).unwrap_err();
        assert_eq!(error.ended, Ended::Halted(Why::Damaged), "{error}");
        assert!(error.to_string().contains("checksum"), "{error}");
        assert_eq!(proxy.made(), 1);
        // Nothing of it was given; another reader gets all of it.
        let groups = world.between(reader.position(), &world.position()).unwrap();
        let film = Table { schema: world.schema.clone(), name: "film".to_owned() };
        assert!(groups.iter().any(|group| group.tables.contains_key(&film)));
    });
}

#[test]
fn a_server_that_falls_silent_is_not_waited_for() {
    each("silent", &[], |world| {
        let from = world.position();
        let proxy = Proxy::start(world.server.port, Trouble::Swallow);
        let session = world.session_at(proxy.port);
        let silence = std::time::Duration::from_secs(3);
        let options = Options { silence, ..world.options("silent") };
        let mut reader = Reader::open(&session, &from, &options).unwrap();
        reader.next(&mut nothing).unwrap();
        proxy.arm();
        let error = end_of(&mut reader);
        assert_eq!(error.ended, Ended::Silent, "{error}");
        assert!(error.to_string().contains("nor a heartbeat for 3 s"), "{error}");
    });
}

#[test]
fn a_connection_that_is_cut_is_gone_and_can_go_on() {
    each("cut", &[], |world| {
        world.sql("CREATE TABLE film (id INT PRIMARY KEY, cover LONGBLOB)");
        let from = world.position();
        world.sql("INSERT INTO film VALUES (1, REPEAT('x', 3000000))");
        let upto = world.position();
        let trouble = Trouble::CutAnswers { after: 1_000_000, times: 1 };
        let proxy = Proxy::start(world.server.port, trouble);
        let session = world.session_at(proxy.port);
        let mut reader = Reader::open(&session, &from, &world.options("cut")).unwrap();
        let error = read_upto(&mut reader, &world.keys(), &upto).unwrap_err();
        assert_eq!(error.ended, Ended::Gone, "{error}");
        let position = reader.position().clone();
        let mut again = Reader::open(&session, &position, &world.options("cut")).unwrap();
        let groups = read_upto(&mut again, &world.keys(), &upto).unwrap();
        assert!(!groups.is_empty());
    });
}

#[test]
fn another_thread_can_end_it() {
    each("stop", &[], |world| {
        let options = world.options("stop");
        let mut reader = Reader::open(&world.session(), &world.position(), &options).unwrap();
        reader.next(&mut nothing).unwrap();
        options.stop.store(true, Ordering::Relaxed);
        assert_eq!(end_of(&mut reader).ended, Ended::Interrupted);
    });
}

#[test]
fn tags_are_read_and_asked_for() {
    let Some(own) = own_mysql("tags") else { return };
    let world = World::new(&own.server, "tags");
    world.sql("CREATE TABLE film (id INT PRIMARY KEY)");
    let from = world.position();
    world.sql(
        "SET gtid_next = 'AUTOMATIC:nightly'; INSERT INTO film VALUES (1); \
         SET gtid_next = 'AUTOMATIC'; INSERT INTO film VALUES (2); \
         SET gtid_next = 'AUTOMATIC:_b2'; INSERT INTO film VALUES (3); INSERT INTO film VALUES (4)",
    );
    let upto = world.position();
    let whole = world.between(&from, &upto).unwrap();
    assert_eq!(whole.len(), 4);
    assert!(whole[0].id.to_string().ends_with(":nightly:1"), "{}", whole[0].id);
    assert!(whole.iter().all(|group| group.committed > 1_700_000_000_000_000));
    // Behind each of them the rest is asked for by a set with tags in it.
    let mut reader = world.reader(&from).unwrap();
    let keys = world.keys();
    for number in 1..=4 {
        while !matches!(reader.next(&mut |table| keys.want(table)), Ok(Next::Group(_))) {}
        let position = reader.position().clone();
        assert_eq!(world.between(&position, &upto).unwrap(), whole[number..], "after {number}");
    }
    drop(reader);
    what_a_server_needs(&world, &from);
}

/// On a server of the test's own: its settings change.
fn what_a_server_needs(world: &World, from: &Position) {
    let off = |words: &str| {
        let error = log::state(&mut world.session()).unwrap_err();
        let found = error.downcast_ref::<LogError>().unwrap();
        assert_eq!(found.ended, Ended::Off, "{found}");
        assert!(found.to_string().contains(words), "{found}");
    };
    let mut root = world.server.root();
    root.query_drop("SET GLOBAL binlog_checksum = NONE").unwrap();
    off("binlog_checksum is NONE");
    let error = end_at(world, from);
    assert_eq!(error.ended, Ended::Halted(Why::Unsupported), "{error}");
    assert!(error.to_string().contains("binlog_checksum=NONE"), "{error}");
    root.query_drop("SET GLOBAL binlog_checksum = CRC32").unwrap();
    root.query_drop("SET GLOBAL gtid_mode = ON_PERMISSIVE").unwrap();
    off("gtid_mode is ON_PERMISSIVE");
}

#[test]
fn a_server_that_stops_is_gone() {
    let options = ["--log-bin=binlog", "--server-id=7"].map(str::to_owned);
    let Some(own) = own_mariadb_with(&options) else { return };
    let world = World::new(&own.server, "stops");
    let mut reader = world.reader(&world.position()).unwrap();
    reader.next(&mut nothing).unwrap();
    drop(world);
    own.server.root().query_drop("SHUTDOWN").unwrap();
    let error = end_of(&mut reader);
    assert_eq!(error.ended, Ended::Gone, "{error}");
}

#[test]
fn a_server_without_a_log_says_so() {
    let Some(server) = require(Server::Mariadb) else { return };
    let world = World::new(&server, "off");
    let error = log::state(&mut world.session()).unwrap_err();
    let found = error.downcast_ref::<LogError>().unwrap();
    assert_eq!(found.ended, Ended::Off, "{found}");
    assert!(found.to_string().contains("log_bin is OFF"));
    let list = binlog::gtid::mariadb::GtidList::default();
    let error = end_at(&world, &Position::List(list));
    assert_eq!(error.ended, Ended::Off, "{error}");
}
