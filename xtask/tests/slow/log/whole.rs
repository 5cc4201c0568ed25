//! Every key that was touched, whoever wrote it and however.

use std::collections::BTreeSet;
use std::sync::mpsc;

use binlog::{Ending, Group};
use mysql::prelude::Queryable as _;
use server::log::{Next, visible};

use super::model_writer::{ModelWriter, TABLES};
use super::world::{Touched, World, each, read_upto, run, touched};
use crate::support::{own_mariadb_with, own_mysql};

/// Four sessions write at once, each with settings of its own; a reader follows them.
fn what_was_written_is_what_is_read(name: &str, more: &[&str]) {
    each(name, more, |world| {
        world.sql(TABLES);
        let keys = world.keys();
        assert_eq!(keys.without_key().collect::<Vec<_>>(), ["keyless"]);
        let from = world.position();
        let mut reader = world.reader(&from).unwrap();
        let (end, ended) = mpsc::channel();
        let following = keys.clone();
        let follower = std::thread::spawn(move || {
            let mut groups = Vec::new();
            loop {
                if let Ok(upto) = ended.try_recv() {
                    groups.extend(read_upto(&mut reader, &following, &upto).unwrap());
                    return groups;
                }
                match reader.next(&mut |table| following.want(table)).unwrap() {
                    Next::Group(group) => groups.push(*group),
                    Next::Beat => {}
                    Next::End => panic!("a log that is followed has no end"),
                }
            }
        });
        let settings = ModelWriter::settings(world);
        let writers: Vec<ModelWriter> = (1..)
            .zip(settings)
            .map(|(number, settings)| ModelWriter::new(world, number, settings))
            .collect();
        let writing: Vec<_> = writers
            .into_iter()
            .map(|mut writer| {
                std::thread::spawn(move || {
                    (0..5).for_each(|_| writer.round());
                    writer
                })
            })
            .collect();
        let mut wanted = Touched::new();
        for writer in writing {
            for (table, keys) in writer.join().unwrap().touched {
                wanted.entry(table).or_default().extend(keys);
            }
        }
        let upto = world.position();
        end.send(upto.clone()).unwrap();
        let groups = follower.join().unwrap();
        let mut found = touched(&groups, &world.schema);
        // Without a key there is only the table.
        let written = groups.iter().flat_map(|group| group.tables.keys());
        let written: BTreeSet<&str> = written.map(|table| table.name.as_str()).collect();
        assert!(written.contains("keyless"));
        found.entry("keyless".to_owned()).or_default();
        assert_eq!(found, wanted, "{}", world.server.flavour);
        // Read again at once, it is the same.
        let again = world.between(&from, &upto).unwrap();
        let own = |groups: Vec<Group>| {
            // Of a shared server's other schemas there is nothing to compare.
            groups.into_iter().filter(|group| !group.tables.is_empty()).collect::<Vec<_>>()
        };
        let (again, groups) = (own(again), own(groups));
        assert!(again == groups, "{} and {} groups", again.len(), groups.len());
    });
}

#[test]
fn every_key_that_is_touched_is_read() {
    what_was_written_is_what_is_read("whole", &[]);
}

#[test]
fn every_key_is_read_from_a_log_that_says_more_and_is_compressed() {
    what_was_written_is_what_is_read(
        "packed",
        &["--log-bin-compress=1", "--log-bin-compress-min-len=10", "--binlog-row-metadata=FULL"],
    );
}

#[test]
fn rows_of_many_packets_are_read() {
    each("large", &[], |world| {
        world.sql("CREATE TABLE film (id INT PRIMARY KEY, a LONGBLOB, b LONGBLOB)");
        let from = world.position();
        let mut root = world.root();
        root.query_drop(
            "INSERT INTO film VALUES (1, REPEAT('a', 20000000), REPEAT('b', 16777215)), (2, '', '')",
        )
        .unwrap();
        if world.is_mysql() {
            root.query_drop("SET SESSION binlog_transaction_compression = ON").unwrap();
        }
        root.query_drop("UPDATE film SET id = id + 10").unwrap();
        let groups = world.between(&from, &world.position()).unwrap();
        let found = touched(&groups, &world.schema);
        let wanted: Vec<&str> = found["film"].iter().map(String::as_str).collect();
        assert_eq!(wanted, ["1", "11", "12", "2"]);
    });
}

#[test]
fn what_a_foreign_key_deletes_is_in_the_log_of_mysql_only() {
    each("cascade", &[], |world| {
        world.sql(TABLES);
        world.sql("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 1), (3, 1)");
        let from = world.position();
        world.sql("DELETE FROM parent");
        let groups = world.between(&from, &world.position()).unwrap();
        let found = touched(&groups, &world.schema);
        assert_eq!(found.contains_key("child"), world.is_mysql(), "{found:?}");
        assert_eq!(world.state().logs_cascades, world.is_mysql());
        assert!(found["parent"].contains("1"));
    });
}

#[test]
fn a_prepared_transaction_is_a_group_of_its_own_and_not_seen() {
    each("xa", &[], |world| {
        world.sql("CREATE TABLE film (id INT PRIMARY KEY)");
        let from = world.position();
        world.sql("XA START 'f'; INSERT INTO film VALUES (1); XA END 'f'; XA PREPARE 'f'");
        world.sql("INSERT INTO film VALUES (2)");
        let mut session = world.session();
        let flavour = world.state().flavour;
        let groups = world.between(&from, &world.position()).unwrap();
        let prepared = groups.iter().find(|it| matches!(it.ending, Ending::Prepared(_))).unwrap();
        let plain = groups.iter().find(|it| it.ending == Ending::Committed).unwrap();
        let now = visible(&mut session, flavour).unwrap();
        assert!(now.has(plain) && !now.has(prepared));
        world.sql("XA COMMIT 'f'");
        let groups = world.between(&from, &world.position()).unwrap();
        let Ending::Prepared(name) = &prepared.ending else { panic!() };
        let committed = groups.iter().find(|it| it.ending == Ending::XaCommitted(name.clone()));
        assert!(visible(&mut session, flavour).unwrap().has(committed.unwrap()));
    });
}

/// A server that waits for a replica's word between its log and its tables. None comes: the
/// reader acknowledges nothing.
fn in_the_log_and_not_in_the_tables(world: &World, waits: &str) {
    world.sql("CREATE TABLE film (id INT PRIMARY KEY)");
    let keys = world.keys();
    let (flavour, mut session) = (world.state().flavour, world.session());
    let mut reader = world.reader(&world.position()).unwrap();
    run(&mut world.root(), waits);
    let mut conn = world.root();
    let writer = std::thread::spawn(move || conn.query_drop("INSERT INTO film VALUES (1)"));
    let group = loop {
        let next = reader.next(&mut |table| keys.want(table)).unwrap();
        if let Next::Group(group) = next
            && !group.tables.is_empty()
        {
            break group;
        }
    };
    // Who looks for the row because the log has it does not find it.
    let mut looking = world.root();
    let mut count = || looking.query_first::<u64, _>("SELECT COUNT(*) FROM film").unwrap();
    assert_eq!(count(), Some(0));
    assert!(!visible(&mut session, flavour).unwrap().has(&group));
    assert!(!writer.is_finished());
    writer.join().unwrap().unwrap();
    assert!(visible(&mut session, flavour).unwrap().has(&group));
    assert_eq!(count(), Some(1));
}

#[test]
fn what_is_in_the_log_can_be_missing_in_the_tables() {
    if let Some(own) = own_mysql("waits") {
        let waits = "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'; \
                     SET GLOBAL rpl_semi_sync_source_timeout = 8000; \
                     SET GLOBAL rpl_semi_sync_source_enabled = ON";
        in_the_log_and_not_in_the_tables(&World::new(&own.server, "waits"), waits);
    }
    let options = ["--log-bin=binlog", "--binlog-format=ROW"].map(str::to_owned);
    if let Some(own) = own_mariadb_with(&options) {
        let waits = "SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC; \
                     SET GLOBAL rpl_semi_sync_master_timeout = 8000; \
                     SET GLOBAL rpl_semi_sync_master_enabled = ON";
        in_the_log_and_not_in_the_tables(&World::new(&own.server, "waits"), waits);
    }
}

#[test]
fn what_is_visible_can_be_read() {
    each("visible", &[], |world| {
        world.sql("CREATE TABLE film (id INT PRIMARY KEY)");
        let keys = world.keys();
        let (flavour, mut session) = (world.state().flavour, world.session());
        let mut reader = world.reader(&world.position()).unwrap();
        let mut conn = world.root();
        let writer = std::thread::spawn(move || {
            for id in 0..300 {
                conn.query_drop(format!("INSERT INTO film VALUES ({id})")).unwrap();
            }
        });
        let mut looking = world.root();
        let mut seen = 0;
        while seen < 300 {
            let Next::Group(group) = reader.next(&mut |table| keys.want(table)).unwrap() else {
                continue;
            };
            if group.tables.is_empty() {
                continue;
            }
            while !visible(&mut session, flavour).unwrap().has(&group) {}
            let touched = group.tables.values().next().unwrap();
            let key = touched.keys.first().unwrap()[0].to_string();
            let sql = format!("SELECT COUNT(*) FROM film WHERE id = {key}");
            assert_eq!(looking.query_first(sql).unwrap(), Some(1), "{}", group.id);
            seen += 1;
        }
        writer.join().unwrap();
    });
}
