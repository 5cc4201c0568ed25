//! A refusal speaks of the file that it is about, and names the way.

use sys::fs;

use super::{demand_refused, each, write};

const END: &str = "-- Dump completed on 2026-11-20 10:00:00\n";
const TABLE: &str = "CREATE TABLE `t` (`id` int NOT NULL) ENGINE=InnoDB;\n";

#[test]
fn what_no_dump_program_writes_is_refused_with_its_line() {
    each("hint_lines", |sandbox| {
        for (statement, words) in [
            ("ALTER TABLE `t` RENAME TO `u`;", "RENAME"),
            ("ALTER TABLE `t` DISCARD TABLESPACE;", "DISCARD"),
            ("ALTER TABLE `other` ADD PRIMARY KEY (`id`);", "does not create"),
            ("ALTER TABLE `mysql`.`user` ADD KEY (`User`);", "qualified"),
            ("DELETE FROM `other`;", "does not create"),
            ("INSERT INTO `t` VALUES (1);TRUNCATE TABLE `t`;", "removes rows"),
            ("source other.sql\n", "`source`"),
            ("\\. other.sql\n", "`\\.`"),
        ] {
            let file = write(sandbox, "bad.sql", &format!("{TABLE}{statement}\n{END}"));
            let refused = sandbox.xtask(&["db-verify", &file]);
            demand_refused(&refused, 21, &["line 2", words]);
            let refused = sandbox.xtask(&["db-restore", &file, "--yes"]);
            demand_refused(&refused, 40, &["line 2", words]);
            assert!(!refused.stderr.contains("db-list"), "{}", refused.stderr);
        }
    });
}

#[test]
fn folders_of_other_programs_are_named() {
    each("hint_folders", |sandbox| {
        let folder = |name: &str, files: &[&str]| {
            for file in files {
                sandbox.write(&format!("{name}/{file}"), "-- x\n");
            }
            sandbox.path().join(name).to_str().unwrap().to_owned()
        };
        let cases = [
            (
                folder("my", &["metadata", "shop.lamp-schema.sql", "shop.lamp.00000.sql"]),
                "mydumper",
            ),
            (folder("tab", &["lamp.sql", "lamp.txt"]), "--tab"),
            (folder("shell", &["@.json", "@.done.json", "shop.json"]), "MySQL Shell"),
            (folder("any", &["lamp.sql"]), "is a folder"),
        ];
        for (path, words) in cases {
            demand_refused(&sandbox.xtask(&["db-verify", &path]), 40, &[words]);
        }
        assert!(fs::exists(sandbox.path()).unwrap());
    });
}
