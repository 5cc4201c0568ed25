//! Every kind of key in every dress.

use super::*;

fn run(list: &str) -> Option<Cut> {
    let text = format!("CREATE TABLE `t``x` ({list}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
    cut(text.as_bytes(), LexMode::default())
}

fn create(cut: &Cut) -> String {
    let text = String::from_utf8(cut.create.clone()).unwrap();
    let text = text.strip_prefix("CREATE TABLE `t``x` (").unwrap();
    text.strip_suffix(") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4").unwrap().to_owned()
}

#[test]
fn keys_and_foreign_keys_go_and_the_rest_stays() {
    let cut = run("\n  `id` int NOT NULL AUTO_INCREMENT COMMENT 'a, KEY `b` (`c`)',\n  \
         `n` varchar(20) DEFAULT (concat('a',',')),\n  `g` int GENERATED ALWAYS AS ((`id` * 2)) VIRTUAL,\n  \
         PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`n`) USING BTREE COMMENT 'x, ) y',\n  \
         KEY `k` (`n`(3),`g` DESC) /*!80000 INVISIBLE */ ,\n  SPATIAL KEY `s` (`p`),\n  \
         FULLTEXT KEY `f` (`n`) /*!50100 WITH PARSER `ngram` */ ,\n  FULLTEXT KEY `f2` (`n`),\n  \
         CONSTRAINT `c` FOREIGN KEY (`g`) REFERENCES `p` (`id`) ON DELETE SET NULL,\n  \
         CONSTRAINT `d` FOREIGN KEY (`n`, `g`) REFERENCES `q` (`a`, `b`),\n  \
         CONSTRAINT `check, KEY` CHECK ((`id` > 0))\n")
    .unwrap();
    assert_eq!(
        create(&cut),
        "\n  `id` int NOT NULL AUTO_INCREMENT COMMENT 'a, KEY `b` (`c`)',\n  \
         `n` varchar(20) DEFAULT (concat('a',',')),\n  `g` int GENERATED ALWAYS AS ((`id` * 2)) VIRTUAL,\n  \
         PRIMARY KEY (`id`),\n  FULLTEXT KEY `f` (`n`) /*!50100 WITH PARSER `ngram` */ ,\n  \
         FULLTEXT KEY `f2` (`n`),\n  CONSTRAINT `check, KEY` CHECK ((`id` > 0))\n"
    );
    assert_eq!(
        cut.keys.as_deref(),
        Some(
            "ALTER TABLE `t``x`\n ADD UNIQUE KEY `u` (`n`) USING BTREE COMMENT 'x, ) y',\n \
             ADD KEY `k` (`n`(3),`g` DESC) /*!80000 INVISIBLE */,\n ADD SPATIAL KEY `s` (`p`)"
        )
    );
    assert_eq!(
        cut.foreign_keys.as_deref(),
        Some(
            "ALTER TABLE `t``x`\n ADD CONSTRAINT `c` FOREIGN KEY (`g`) REFERENCES `p` (`id`) ON \
             DELETE SET NULL,\n ADD CONSTRAINT `d` FOREIGN KEY (`n`, `g`) REFERENCES `q` (`a`, `b`)"
        )
    );
}

#[test]
fn a_comment_does_not_swallow_what_follows() {
    let cut = run("a int PRIMARY KEY, -- one\n INDEX i (a) -- two, KEY\n, key j (a) # three\n,\
                   CONSTRAINT UNIQUE (b), b int /* four, */")
    .unwrap();
    assert_eq!(create(&cut), "a int PRIMARY KEY, b int /* four, */");
    assert_eq!(
        cut.keys.as_deref(),
        Some("ALTER TABLE `t``x`\n ADD INDEX i (a),\n ADD key j (a),\n ADD CONSTRAINT UNIQUE (b)")
    );
}

#[test]
fn what_the_counter_or_the_row_order_needs_stays() {
    let only_foreign = "`a` int NOT NULL, `b` int AUTO_INCREMENT, PRIMARY KEY (`a`,`b`), KEY `b` (`b`), \
         KEY `c` (`a`), CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `t` (`a`)";
    let cut = run(only_foreign).unwrap();
    assert!(cut.keys.is_none() && cut.foreign_keys.is_some());
    assert!(create(&cut).ends_with("KEY `b` (`b`), KEY `c` (`a`)"), "{}", create(&cut));
    assert!(run("`b` int AUTO_INCREMENT, UNIQUE KEY `b` (`b`), KEY `k` (`c`)").is_none());
    let cut = run("`b` int AUTO_INCREMENT PRIMARY KEY, UNIQUE KEY `c` (`c`)").unwrap();
    assert_eq!(create(&cut), "`b` int AUTO_INCREMENT PRIMARY KEY");
    // Without a primary key the first unique one orders the rows.
    let cut = run("`a` int NOT NULL, UNIQUE KEY `u` (`a`), KEY `k` (`a`)").unwrap();
    assert_eq!(create(&cut), "`a` int NOT NULL, UNIQUE KEY `u` (`a`)");
    assert_eq!(cut.keys.as_deref(), Some("ALTER TABLE `t``x`\n ADD KEY `k` (`a`)"));
    // The server's hidden column is best made with the table.
    assert!(run("`a` int PRIMARY KEY, KEY `f` ((`a` + 1)), KEY `g` (`a`)").is_none());
    assert!(run("`a` int PRIMARY KEY, KEY `f` (`a`, (lower(`b`))), `b` text").is_none());
}

#[test]
fn nothing_is_deferred_where_it_is_not_certain() {
    let list = "`a` int PRIMARY KEY, KEY `k` (`a`)";
    assert!(run(list).is_some());
    let mode = LexMode::default();
    for text in [
        format!("CREATE TABLE t ({list}) ENGINE=MyISAM"),
        format!("CREATE TABLE t ({list})"),
        format!("CREATE TABLE IF NOT EXISTS t ({list}) ENGINE=InnoDB"),
        format!("CREATE TABLE s.t ({list}) ENGINE=InnoDB"),
        format!("CREATE TABLE t ({list}) ENGINE=InnoDB WITH SYSTEM VERSIONING"),
        format!("/*!50001 CREATE TABLE t ({list}) ENGINE=InnoDB */ SELECT 1"),
        "CREATE TABLE t (`a` int PRIMARY KEY, /*!80016 KEY `k` (`a`)*/, b int) ENGINE=InnoDB"
            .into(),
        "CREATE TABLE t (`a` int PRIMARY KEY /*!80016 , KEY `k` (`a`)*/) ENGINE=InnoDB".into(),
        "CREATE TABLE t (a SERIAL, KEY k (a)) ENGINE=InnoDB".into(),
        "CREATE TABLE t (`a` int PRIMARY KEY, VECTOR KEY `k` (`a`), KEY (a)) ENGINE=InnoDB".into(),
        "CREATE TABLE t (`a` int PRIMARY KEY, `b` int) ENGINE=InnoDB".into(),
        "CREATE TABLE t LIKE u".into(),
        "CREATE TABLE t (`a` int PRIMARY KEY, KEY `k` (`a`)".into(),
    ] {
        assert_eq!(cut(text.as_bytes(), mode), None, "{text}");
    }
    let ansi = LexMode { ansi_quotes: true, ..mode };
    let text = "CREATE TABLE \"t\" (\"a\" int PRIMARY KEY, KEY \"k\" (\"a\")) ENGINE=InnoDB";
    assert_eq!(cut(text.as_bytes(), ansi), None);
}

#[test]
fn a_string_of_another_character_set_is_not_altered() {
    let list = |set: &str| {
        format!(
            "`id` int PRIMARY KEY, `t` tinytext CHARACTER SET {set}, KEY `k` (`id`), \
             CONSTRAINT `c` CHECK ((`t` <> _utf8mb4'x'))"
        )
    };
    assert!(run(&list("utf8mb4")).is_some());
    assert!(run(&list("koi8r")).is_none());
    assert!(
        run("`b` binary(9) PRIMARY KEY, KEY `k` (`b`), CHECK ((`b` <> _utf8mb4'x'))").is_none()
    );
}

#[test]
fn partitions_behind_the_list_stay() {
    let text = "CREATE TABLE `p` (\n  `a` int NOT NULL,\n  PRIMARY KEY (`a`),\n  KEY `k` (`a`)\n) \
                ENGINE=InnoDB /*M!100 x*/\n/*!50100 PARTITION BY RANGE (`a`)\n(PARTITION p0 VALUES \
                LESS THAN (10) ENGINE = InnoDB,\n PARTITION p1 VALUES LESS THAN MAXVALUE) */";
    let cut = cut(text.as_bytes(), LexMode::default()).unwrap();
    assert_eq!(String::from_utf8(cut.create).unwrap(), text.replace(",\n  KEY `k` (`a`)\n", ""));
}
