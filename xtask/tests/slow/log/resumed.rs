//! A reader that is gone, and another one that goes on where it was.

use binlog::{Group, Place};
use server::log::{Next, Position, Reader};

use super::model_writer::{ModelWriter, TABLES};
use super::world::{World, each, read_upto};

/// Reads so many groups, and is gone: without a word to the server.
fn some(world: &World, from: &Position, count: usize) -> (Vec<Group>, Position) {
    let keys = world.keys();
    let mut reader = world.reader(from).unwrap();
    let mut groups = Vec::new();
    while groups.len() < count {
        if let Next::Group(group) = reader.next(&mut |table| keys.want(table)).unwrap() {
            groups.push(*group);
        }
    }
    (groups, reader.position().clone())
}

#[test]
fn a_reader_that_is_gone_loses_no_group() {
    each("resumed", &[], |world| {
        world.sql(TABLES);
        let from = world.position();
        for (number, settings) in (1..).zip(ModelWriter::settings(world)) {
            ModelWriter::new(world, number, settings).round();
        }
        let upto = world.position();
        let whole = world.between(&from, &upto).unwrap();
        assert!(whole.len() > 100);
        for cut in [1, 7, whole.len() / 2, whole.len() - 1] {
            let (mut groups, position) = some(world, &from, cut);
            groups.extend(world.between(&position, &upto).unwrap());
            assert_eq!(groups, whole, "cut after {cut}");
        }
    });
}

#[test]
fn mariadb_is_read_by_file_and_place_as_by_gtid() {
    each("place", &[], |world| {
        if world.is_mysql() {
            return;
        }
        world.sql("CREATE TABLE film (id INT PRIMARY KEY)");
        let from = world.position();
        world.sql("INSERT INTO film VALUES (1); INSERT INTO film VALUES (2); FLUSH BINARY LOGS; INSERT INTO film VALUES (3)");
        let upto = world.position();
        let groups = world.between(&from, &upto).unwrap();
        let mut rest = Vec::new();
        let place = Position::Place(groups[0].end.clone());
        let last = Position::Place(groups.last().unwrap().end.clone());
        let mut reader = world.reader(&place).unwrap();
        rest.extend(read_upto(&mut reader, &world.keys(), &last).unwrap());
        assert_eq!(rest, groups[1..]);
        // A place within a transaction is not taken for the beginning of one.
        let Place { file, offset } = groups[0].end.clone();
        let within = Position::Place(Place { file, offset: offset + 42 });
        let mut reader = world.reader(&within).unwrap();
        let error = read_upto(&mut reader, &world.keys(), &last).unwrap_err();
        assert!(error.to_string().contains("outside of a transaction"), "{error}");
    });
}

#[test]
fn a_reader_that_does_not_wait_ends_at_the_end() {
    each("end", &[], |world| {
        world.sql("CREATE TABLE film (id INT PRIMARY KEY)");
        let from = world.position();
        world.sql("INSERT INTO film VALUES (1)");
        let keys = world.keys();
        let options = world.options("end");
        let options = server::log::Options { follow: false, ..options };
        let mut reader = Reader::open(&world.session(), &from, &options).unwrap();
        let mut groups = 0;
        loop {
            match reader.next(&mut |table| keys.want(table)).unwrap() {
                Next::Group(_) => groups += 1,
                Next::Beat => {}
                Next::End => break,
            }
        }
        assert!(groups >= 1);
        assert!(reader.position().covers(&from));
        assert_eq!(reader.next(&mut |table| keys.want(table)).unwrap(), Next::End);
    });
}
