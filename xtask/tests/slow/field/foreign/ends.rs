//! A file without an end line is whole on a person's word only, and never where it shows
//! that it is not.

use super::{ALL, demand_refused, each, write};
use crate::hostile::demand;

const DUMP: &str = "\
-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: shop
CREATE TABLE `lamp` (`id` int NOT NULL AUTO_INCREMENT, `n` int, PRIMARY KEY (`id`)) ENGINE=InnoDB;
INSERT INTO `lamp` VALUES (1,1),(2,2);
CREATE TABLE `room` (`id` int NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB;
INSERT INTO `room` VALUES (1);
";
const END: &str = "-- Dump completed on 2026-11-20 10:00:00\n";

#[test]
fn without_an_end_line_a_person_has_to_say_that_the_file_is_whole() {
    each("end_line", |sandbox| {
        let into = format!("{}__look", sandbox.schema);
        // Several are enough: each is read twice.
        for (_, text, _) in &ALL[..3] {
            let file = write(sandbox, "dump.sql", text);
            for level in ["file", "restore"] {
                let refused = sandbox.xtask(&["db-verify", &file, "--level", level]);
                demand_refused(&refused, 21, &["end marker", "--no-end-line"]);
            }
            let refused = sandbox.xtask(&["db-restore", &file, "--into", &into, "--yes"]);
            demand_refused(&refused, 40, &["end marker", "--no-end-line"]);
            assert!(!refused.stderr.contains("db-list"), "{}", refused.stderr);
        }
        let file = write(sandbox, "dump.sql", ALL[0].1);
        let said = sandbox.xtask(&["db-verify", &file, "--no-end-line"]);
        demand(&said, 0, "with the word");
        assert!(said.stdout.contains("not run"), "{}", said.stdout);
        assert!(
            said.stdout.contains("whether anything is missing behind it is unknown"),
            "{}",
            said.stdout
        );
    });
}

#[test]
fn a_dump_of_mysqldump_without_its_end_is_most_likely_cut_off() {
    each("end_cut", |sandbox| {
        let file = write(sandbox, "cut.sql", DUMP);
        let refused = sandbox.xtask(&["db-verify", &file]);
        demand_refused(&refused, 21, &["most likely cut off", "--no-end-line"]);
        demand(&sandbox.xtask(&["db-verify", &file, "--no-end-line"]), 0, "on a person's word");
        // In the middle of a statement no word helps.
        let inside = DUMP.strip_suffix(");\n").unwrap();
        let file = write(sandbox, "inside.sql", inside);
        let refused = sandbox.xtask(&["db-verify", &file, "--no-end-line"]);
        demand_refused(&refused, 21, &["ends inside the statement"]);
    });
}

#[test]
fn one_of_two_dumps_in_a_file_is_not_cut_off_unseen() {
    each("end_two", |sandbox| {
        let second = DUMP.replace("lamp", "second").replace("room", "third");
        let file = write(sandbox, "two.sql", &format!("{DUMP}{second}{END}"));
        for said in [&[][..], &["--no-end-line"]] {
            let args: Vec<&str> = ["db-verify", &file].iter().chain(said).copied().collect();
            demand_refused(&sandbox.xtask(&args), 21, &["2 dumps are in this file"]);
            let args: Vec<&str> =
                ["db-restore", &file, "--yes"].iter().chain(said).copied().collect();
            demand_refused(&sandbox.xtask(&args), 40, &["2 dumps are in this file"]);
        }
        let file = write(sandbox, "both.sql", &format!("{DUMP}{END}{second}{END}"));
        demand(&sandbox.xtask(&["db-verify", &file]), 0, "both whole");
    });
}

#[test]
fn a_backup_of_the_tool_needs_no_ones_word() {
    each("end_own", |sandbox| {
        sandbox.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        demand(&sandbox.xtask(&["db-backup"]), 0, "a backup");
        for command in ["db-verify", "db-restore"] {
            let args = [command, "latest", "--no-end-line"];
            demand_refused(&sandbox.xtask(&args), 2, &["its manifest says how it ends"]);
        }
    });
}
