//! What of ALTER TABLE is allowed, and every other clause.

use super::*;
use crate::statement::{Kind, classify};

fn read(text: &str) -> Kind {
    classify(text.as_bytes(), LexMode::default())
}

#[test]
fn what_other_programs_write_is_known() {
    for (text, foreign_keys, counter) in [
        ("ALTER TABLE `t`\n ADD PRIMARY KEY (`id`),\n ADD KEY `k` (`a`(10),`b` DESC)", false, None),
        ("ALTER TABLE t ADD UNIQUE KEY u (a) USING BTREE COMMENT 'x', ADD UNIQUE (b)", false, None),
        ("ALTER TABLE t ADD FULLTEXT KEY f (a) /*!50100 WITH PARSER `ngram` */", false, None),
        ("ALTER TABLE t ADD SPATIAL INDEX (p), ADD INDEX i USING HASH (a) INVISIBLE", false, None),
        ("ALTER TABLE t ADD KEY f ((a + 1.5), (lower(`b`)))", false, None),
        (
            "ALTER TABLE t MODIFY `id` int(11) UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'x, y', \
             AUTO_INCREMENT=8",
            false,
            Some(8),
        ),
        ("ALTER TABLE t MODIFY COLUMN id bigint AUTO_INCREMENT PRIMARY KEY", false, None),
        ("ALTER TABLE t AUTO_INCREMENT 12", false, Some(12)),
        (
            "ALTER TABLE `t` ADD CONSTRAINT `c` FOREIGN KEY (`a`, `b`) REFERENCES `u` (`x`, `y`) \
             ON DELETE SET NULL ON UPDATE NO ACTION",
            true,
            None,
        ),
        (
            "ALTER TABLE t ADD FOREIGN KEY k (a) REFERENCES u (b) MATCH FULL ON DELETE CASCADE",
            true,
            None,
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT CHECK (a > 0), ADD CONSTRAINT c CHECK (b <> 'x.y') NOT ENFORCED",
            false,
            None,
        ),
    ] {
        let Kind::Alter(alter) = read(text) else { panic!("{text}") };
        assert_eq!((alter.foreign_keys, alter.counter), (foreign_keys, counter), "{text}");
    }
    for text in [
        "create unique index u on lamp (a desc, (b + 1)) comment 'x'",
        "CREATE INDEX `i` USING BTREE ON `lamp` (`a`)",
        "CREATE FULLTEXT INDEX f ON lamp (a) WITH PARSER ngram",
    ] {
        let Kind::Alter(alter) = read(text) else { panic!("{text}") };
        assert_eq!(alter.table.name, "lamp", "{text}");
    }
    assert!(matches!(read("ALTER TABLE t DISABLE KEYS"), Kind::Keys(_)));
}

#[test]
fn everything_else_is_refused_with_its_word() {
    for (clause, word) in [
        ("RENAME TO u", "RENAME"),
        ("RENAME u", "RENAME"),
        ("ADD COLUMN b int", "COLUMN"),
        ("ADD b int", "b"),
        ("DROP COLUMN b", "DROP"),
        ("DROP PRIMARY KEY", "DROP"),
        ("DISCARD TABLESPACE", "DISCARD"),
        ("IMPORT TABLESPACE", "IMPORT"),
        ("EXCHANGE PARTITION p WITH TABLE u", "EXCHANGE"),
        ("ENGINE=FEDERATED CONNECTION='x'", "ENGINE"),
        ("ENGINE=InnoDB", "ENGINE"),
        ("DATA DIRECTORY='/tmp'", "DATA"),
        ("CONVERT TO CHARACTER SET latin1", "CONVERT"),
        ("MODIFY a varchar(20)", "varchar"),
        ("MODIFY a int", "not AUTO_INCREMENT"),
        ("MODIFY a int AUTO_INCREMENT AFTER b", "AFTER"),
        ("MODIFY a int AUTO_INCREMENT FIRST", "FIRST"),
        ("MODIFY a int AS (b) AUTO_INCREMENT", "AS"),
        ("CHANGE a b int AUTO_INCREMENT", "CHANGE"),
        ("ADD FOREIGN KEY (a) REFERENCES mysql.user (b)", "mysql"),
        ("ADD FOREIGN KEY (a) REFERENCES u (b) ON DELETE DROP", "DROP"),
        ("ADD CHECK (a IN (SELECT 1))", "SELECT"),
        ("ADD CHECK (o.f(a))", "qualified"),
        ("ADD CHECK (a > @x)", "@"),
        ("ADD KEY k (a) TABLESPACE x", "TABLESPACE"),
        ("ADD KEY k (a), RENAME u", "RENAME"),
        ("ADD KEY k (a) ENGINE=CONNECT", "ENGINE"),
        ("ADD PRIMARY KEY (a", "too early"),
        ("AUTO_INCREMENT=0x10", "0x10"),
        ("ADD PARTITION (PARTITION p VALUES IN (1) DATA DIRECTORY='/x')", "PARTITION"),
        ("ALGORITHM=COPY, RENAME u", "ALGORITHM"),
        ("ADD KEY k (a) /*!99999 , RENAME mysql.x */", "RENAME"),
        ("", "too early"),
    ] {
        let text = format!("ALTER TABLE t {clause}");
        assert!(matches!(read(&text), Kind::Other(_)), "{text}");
        let why = refusal(text.as_bytes(), LexMode::default()).unwrap();
        assert!(why.contains(word), "{text}: {why}");
    }
    for other in [
        "CREATE INDEX i ON t",
        "CREATE INDEX i ON t (a) TABLESPACE x",
        "CREATE UNIQUE TABLE t (a int)",
    ] {
        assert!(matches!(read(other), Kind::Other(_)), "{other}");
    }
    for other in ["ALTER TABLE t, u ADD KEY (a)", "ALTER IGNORE TABLE t ADD KEY (a)"] {
        assert!(matches!(read(other), Kind::Other(_)), "{other}");
    }
}

#[test]
fn a_table_is_emptied_whole_or_not_at_all() {
    for (text, truncate) in
        [("DELETE FROM `t`", false), ("TRUNCATE `t`", true), ("truncate table t", true)]
    {
        let Kind::Clear { name, truncate: found } = read(text) else { panic!("{text}") };
        assert_eq!((name.name.as_str(), found), ("t", truncate), "{text}");
    }
    for other in [
        "DELETE FROM t WHERE id = 1",
        "DELETE FROM t LIMIT 1",
        "DELETE t FROM t",
        "DELETE FROM t, u",
        "DELETE QUICK FROM t",
        "TRUNCATE t WAIT 1",
        "TRUNCATE TABLE t, u",
    ] {
        assert!(matches!(read(other), Kind::Other(_)), "{other}");
    }
}
