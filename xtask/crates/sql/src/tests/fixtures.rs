//! Dumps that MySQL's and MariaDB's own clients wrote go through unharmed.

use std::io::{self, Write};

use crate::{Guard, Kind, Seen, Verdict, copy_dump, disable_event, read_dump, write_end_marker};
use model::inventory::ObjectKind;
use model::manifest::SectionKind;
use model::sink::SectionSink;

const MYSQL: &[u8] = include_bytes!("../../../../tests/data/mysql-9.7.sql");
const MARIADB: &[u8] = include_bytes!("../../../../tests/data/mariadb-10.11.sql");

/// Keeps the bytes and where the sections begin.
#[derive(Default)]
struct Store {
    bytes: Vec<u8>,
    sections: Vec<(SectionKind, String, usize)>,
}

impl Write for Store {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.bytes.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SectionSink for Store {
    fn section(&mut self, kind: SectionKind, name: &str) -> io::Result<()> {
        self.sections.push((kind, name.to_owned(), self.bytes.len()));
        Ok(())
    }
}

impl Store {
    /// The text of every section with this name and kind.
    fn text(&self, kind: SectionKind, name: &str) -> String {
        let ends = self.sections.iter().skip(1).map(|s| s.2).chain([self.bytes.len()]);
        self.sections
            .iter()
            .zip(ends)
            .filter(|((k, n, _), _)| *k == kind && n == name)
            .map(|((_, _, from), to)| String::from_utf8_lossy(&self.bytes[*from..to]))
            .collect()
    }
}

fn copy(input: &[u8]) -> anyhow::Result<(Store, Seen)> {
    let mut store = Store::default();
    let seen = copy_dump(input, &mut store, &mut |_| ())?;
    assert_eq!(seen.text_bytes, store.bytes.len() as u64);
    Ok((store, seen))
}

#[test]
fn everything_in_the_fixtures_is_seen() {
    for input in [MYSQL, MARIADB] {
        let (store, seen) = copy(input).unwrap();
        let rows: Vec<_> =
            seen.tables.iter().map(|(name, t)| (name.as_str(), t.digest.rows)).collect();
        assert_eq!(
            rows,
            [
                ("empty_one", 0),
                ("every_type", 3),
                ("genre", 10),
                ("log_my", 2),
                ("odd `name;", 3),
                ("part", 2)
            ]
        );
        assert_eq!(seen.rows, 20);
        assert!(seen.completed && seen.odd.is_empty() && seen.placeholders.is_empty());
        assert!(seen.tables.values().all(|table| table.incomparable.is_none()));
        assert_eq!(seen.tables["genre"].auto_increment, Some(510));
        assert_eq!(seen.tables["empty_one"].auto_increment, None);
        assert_eq!(seen.tables["every_type"].columns.len(), 18, "generated ones left out");
        let count = |kind| seen.programs.iter().filter(|(k, _)| *k == kind).count();
        let kinds = [
            (ObjectKind::View, 2),
            (ObjectKind::Trigger, 3),
            (ObjectKind::Procedure, 1),
            (ObjectKind::Function, 3),
            (ObjectKind::Event, 2),
        ];
        for (kind, wanted) in kinds {
            assert_eq!(count(kind), wanted, "{kind:?}");
        }
        assert_eq!(seen.definers.len(), 11);
        let definer = |kind, name: &str| seen.definers[&(kind, name.to_owned())].clone();
        assert_eq!(definer(ObjectKind::Procedure, "p_one"), "`nobody`@`%`");
        assert_eq!(definer(ObjectKind::Function, "f_ansi"), "\"root\"@\"localhost\"");
        let text = String::from_utf8_lossy(&store.bytes);
        // What is left stands in strings of the schema itself.
        assert_eq!(text.matches("DEFINER=").count(), 2);
        assert!(!text.contains("sandbox"));
    }
}

#[test]
fn both_servers_give_the_same_rows_the_same_digest() {
    let (mysql, maria) = (copy(MYSQL).unwrap().1, copy(MARIADB).unwrap().1);
    for (name, table) in &mysql.tables {
        // MariaDB keeps JSON as the text that was sent.
        if name != "every_type" {
            assert_eq!(table.digest, maria.tables[name].digest, "{name}");
        }
    }
}

#[test]
fn sections_hold_what_belongs_together() {
    for input in [MYSQL, MARIADB] {
        let (store, _) = copy(input).unwrap();
        assert_eq!(store.sections[0].0, SectionKind::Head);
        assert_eq!(store.sections.last().unwrap().0, SectionKind::Tail);
        let genre = store.text(SectionKind::Table, "genre");
        for part in ["Table structure for table `genre`", "INSERT INTO `genre`", "genre_bi2"] {
            assert!(genre.contains(part), "{part}");
        }
        assert!(genre.trim_end().ends_with("collation_connection  = @saved_col_connection */ ;"));
        let programs = store.text(SectionKind::Programs, "");
        for part in ["save_time_zone= @@TIME_ZONE", "Dumping events", "Final view structure"] {
            assert!(programs.contains(part), "{part}");
        }
        // Each section saves what it puts back: it can be loaded on its own.
        for (kind, name, _) in &store.sections {
            let text = store.text(*kind, name);
            if matches!(kind, SectionKind::Head | SectionKind::Tail) {
                continue;
            }
            for variable in ["@saved_sql_mode", "@saved_cs_client", "@save_time_zone"] {
                let saves = text.matches(&format!("SET {variable}")).count();
                assert_eq!(text.matches(variable).count() - saves, saves, "{name}: {variable}");
            }
            let mut lines = text.lines().filter(|line| line.starts_with("DELIMITER"));
            assert!(lines.next_back().is_none_or(|line| line == "DELIMITER ;"), "{name}");
        }
        let tail = store.text(SectionKind::Tail, "");
        assert!(tail.starts_with("/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;"));
        assert!(store.text(SectionKind::Head, "").contains("SET TIME_ZONE='+00:00'"));
    }
}

#[test]
fn a_second_copy_changes_nothing() {
    for input in [MYSQL, MARIADB] {
        let (mut first, seen) = copy(input).unwrap();
        let plain = first.bytes.clone();
        let line = write_end_marker(&mut first, &seen).unwrap();
        assert_eq!(first.bytes.len() as u64, plain.len() as u64 + line);
        let (second, again) = copy(&first.bytes).unwrap();
        assert_eq!(String::from_utf8_lossy(&second.bytes), String::from_utf8_lossy(&plain));
        assert_eq!(second.sections, first.sections);
        assert!(again.end_marker.unwrap().agrees(&again));
        assert_eq!((&again.tables, &again.programs), (&seen.tables, &seen.programs));
        let read = read_dump(first.bytes.as_slice(), &mut |_, _| Ok(())).unwrap();
        assert_eq!((&read.tables, &read.programs), (&seen.tables, &seen.programs));
        assert_eq!((read.end_marker, read.completed), (again.end_marker, true));
        assert_eq!(read.text_bytes, first.bytes.len() as u64);
    }
}

#[test]
fn the_guard_lets_a_real_dump_through() {
    for input in [MYSQL, MARIADB] {
        let copied = copy(input).unwrap().0.bytes;
        for text in [input, &copied] {
            let mut guard = Guard::new();
            let mut disabled = 0;
            let outcome = read_dump(text, &mut |piece, _| {
                assert!(!matches!(guard.check(piece)?, Verdict::Skip(_)));
                if matches!(piece.kind, Kind::CreateEvent(_)) {
                    let text = disable_event(piece.text, piece.mode);
                    disabled += usize::from(memchr::memmem::find(&text, b" DISABLE ").is_some());
                }
                Ok(())
            });
            outcome.unwrap();
            assert_eq!(disabled, 2);
        }
    }
}

#[test]
fn no_cut_passes_for_a_whole_dump() {
    for input in [MYSQL, MARIADB] {
        let (mut store, seen) = copy(input).unwrap();
        write_end_marker(&mut store, &seen).unwrap();
        for len in 0..input.len() {
            if let Ok((_, seen)) = copy(&input[..len]) {
                assert!(!seen.completed, "cut at {len}");
            }
        }
        for len in (0..store.bytes.len()).rev().take(3000) {
            let read = read_dump(&store.bytes[..len], &mut |_, _| Ok(()));
            assert!(read.map_or(true, |seen| seen.end_marker.is_none()), "cut at {len}");
        }
    }
}

#[test]
fn replication_statements_are_dropped() {
    let dump = "SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;\nSET @@SESSION.SQL_LOG_BIN= \
                0;\n\n--\n-- GTID state\n--\n\nSET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ \
                'aa-bb:1-5';\nSET @x = 1;\nSET @@SESSION.SQL_LOG_BIN = \
                @MYSQLDUMP_TEMP_LOG_BIN;\n-- Dump completed on x\n";
    let (store, seen) = copy(dump.as_bytes()).unwrap();
    let text = String::from_utf8(store.bytes).unwrap();
    assert!(!text.contains("LOG_BIN") && !text.contains("GTID_PURGED"), "{text}");
    assert!(text.contains("SET @x = 1;") && seen.completed);
}

#[test]
fn old_stand_ins_are_no_tables() {
    let dump = "/*!50001 DROP VIEW IF EXISTS `v`*/;\n/*!50001 CREATE TABLE `v` (\n `a` tinyint NOT \
                NULL\n) ENGINE=MyISAM */;\n";
    let (_, seen) = copy(dump.as_bytes()).unwrap();
    assert!(seen.tables.is_empty() && seen.placeholders.contains("v"));
    let end = "/*!50001 DROP TABLE IF EXISTS `v`*/;\n/*!50001 CREATE ALGORITHM=UNDEFINED */ \
               /*!50001 VIEW `v` AS select 2 AS `a` */;\n";
    let (_, seen) = copy(format!("{dump}{end}").as_bytes()).unwrap();
    assert!(seen.tables.is_empty() && seen.placeholders.is_empty());
    assert!(seen.programs.contains(&(ObjectKind::View, "v".to_owned())));
}
