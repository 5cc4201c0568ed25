//! Every type that a server has, with the values that it takes for it. Nothing is
//! guessed: a type or value that the server refuses is left out and counted.

use std::collections::{BTreeMap, BTreeSet};

use mysql::Conn;
use mysql::prelude::Queryable as _;

use super::random::Random;
use super::values;
use crate::support::Server;

/// A type as it stands in a column's definition.
#[derive(Debug, Clone)]
pub struct Kind {
    /// `VARCHAR(90) CHARACTER SET gbk`
    pub sql: String,
    /// What it is to be counted as: `VARCHAR gbk`.
    pub family: String,
    /// Expressions that the server takes for it.
    pub values: Vec<String>,
    /// Its values are no rounded ones, so that it may be a key.
    pub exact: bool,
}

/// All of a server's.
#[derive(Debug)]
pub struct Kinds {
    /// Those that the server has.
    pub all: Vec<Kind>,
    /// Families that it refuses.
    pub refused: BTreeSet<String>,
    /// How many values of which character set have no text in Unicode.
    pub without_text: Vec<String>,
    /// Values offered and taken.
    pub offered: (usize, usize),
}

/// The session's mode in which values are offered and rows inserted: strict, so that
/// nothing is cut in silence, and with zero dates.
pub const MODE: &str = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO";

const CHARSETS: [&str; 18] = [
    "utf8mb4", "utf8mb3", "latin1", "latin2", "ascii", "utf16", "utf16le", "utf32", "ucs2", "sjis",
    "cp932", "gbk", "gb18030", "big5", "euckr", "cp1251", "koi8r", "binary",
];

const COLLATIONS: [&str; 8] = [
    "utf8mb4_bin",
    "utf8mb4_general_ci",
    "utf8mb4_unicode_520_ci",
    "utf8mb4_0900_as_cs",
    "utf8mb4_0900_bin",
    "utf8mb4_uca1400_nopad_as_cs",
    "utf8mb4_nopad_bin",
    "latin1_german2_ci",
];

const SHAPES: [(&str, &[&str]); 8] = [
    ("POINT", &["POINT(1.5 -2.25)", "POINT(0 0)", "POINT(-179.9999999999999 1e-300)"]),
    ("LINESTRING", &["LINESTRING(0 0, 1 1)", "LINESTRING(0 0, 1e300 1, 2 2)"]),
    ("POLYGON", &["POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (1 1, 2 1, 2 2, 1 1))"]),
    ("MULTIPOINT", &["MULTIPOINT(0 0, 5 5)"]),
    ("MULTILINESTRING", &["MULTILINESTRING((0 0, 1 1), (2 2, 3 3))"]),
    ("MULTIPOLYGON", &["MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))"]),
    ("GEOMETRYCOLLECTION", &["GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))"]),
    ("GEOMETRY", &["POINT(4.9 52.37)", "LINESTRING(0 0, 1 1)"]),
];

impl Kinds {
    /// Asks the server, in temporary tables of the connection's schema.
    pub fn ask(conn: &mut Conn) -> Self {
        conn.query_drop(format!("SET NAMES utf8mb4, sql_mode = '{MODE}', time_zone = '+00:00'"))
            .unwrap();
        let mut found = Self {
            all: Vec::new(),
            refused: BTreeSet::new(),
            without_text: Vec::new(),
            offered: (0, 0),
        };
        for kind in offers() {
            found.offer(conn, kind);
        }
        conn.query_drop("SET sql_mode = DEFAULT").unwrap();
        found
    }

    fn offer(&mut self, conn: &mut Conn, mut kind: Kind) {
        conn.query_drop("DROP TEMPORARY TABLE IF EXISTS probe").unwrap();
        // A key of its own, where the server demands one.
        let create = format!(
            "CREATE TEMPORARY TABLE probe (n INT AUTO_INCREMENT PRIMARY KEY, c {})",
            kind.sql
        );
        if conn.query_drop(create).is_err() {
            self.refused.insert(kind.family);
            return;
        }
        self.offered.0 += kind.values.len();
        let all = kind.values.join("), (");
        if conn.query_drop(format!("INSERT INTO probe (c) VALUES ({all})")).is_err() {
            kind.values.retain(|value| {
                conn.query_drop(format!("INSERT INTO probe (c) VALUES ({value})")).is_ok()
            });
        }
        self.offered.1 += kind.values.len();
        self.keep_what_has_text(conn, &mut kind);
        assert!(!kind.values.is_empty(), "{} has no value at all", kind.sql);
        self.all.push(kind);
    }

    /// Drops values that are no Unicode text, such as a byte that the character set
    /// leaves undefined: a dump is in UTF-8 and cannot hold them (docs/limits.md).
    fn keep_what_has_text(&mut self, conn: &mut Conn, kind: &mut Kind) {
        let Some((_, charset)) = kind.sql.split_once("CHARACTER SET ") else { return };
        if charset == "binary" {
            return;
        }
        let before = kind.values.len();
        kind.values.retain(|value| {
            conn.query_drop("DELETE FROM probe").unwrap();
            conn.query_drop(format!("INSERT INTO probe (c) VALUES ({value})")).unwrap();
            let same = format!(
                "SELECT HEX(c) = HEX(CONVERT(CONVERT(c USING utf8mb4) USING {charset})) FROM probe"
            );
            conn.query_first(same).unwrap() == Some(true)
        });
        let lost = before - kind.values.len();
        if lost > 0 {
            self.without_text.push(format!("{lost} of {charset}"));
        }
    }

    /// The one of that definition, which the server has.
    pub fn get(&self, sql: &str) -> Option<&Kind> {
        self.all.iter().find(|kind| kind.sql == sql)
    }

    /// What this server has to have, or the test would prove less than it says.
    pub fn demand_complete(&self, server: Server) {
        let elsewhere: &[&str] = match server {
            Server::Mysql => &[
                "INET4",
                "INET6",
                "UUID",
                "VARCHAR utf8mb4_nopad_bin",
                "VARCHAR utf8mb4_uca1400_nopad_as_cs",
            ],
            Server::Mariadb => &[
                "VARCHAR gb18030",
                "text gb18030",
                "VECTOR",
                "VARCHAR utf8mb4_0900_as_cs",
                "VARCHAR utf8mb4_0900_bin",
            ],
        };
        let refused: Vec<&str> = self.refused.iter().map(String::as_str).collect();
        let mut expected = elsewhere.to_vec();
        expected.sort_unstable();
        assert_eq!(refused, expected, "{server} refuses other types than it should");
        // Most values are for every character set; a narrow one refuses many.
        let (offered, taken) = self.offered;
        assert!(taken * 2 > offered, "{server} took {taken} of {offered} values");
    }

    /// The families.
    pub fn families(&self) -> BTreeMap<String, u64> {
        self.all.iter().map(|kind| (kind.family.clone(), 0)).collect()
    }
}

fn offers() -> Vec<Kind> {
    let mut random = Random::new(1);
    let mut all = Vec::new();
    numbers(&mut all, &mut random);
    moments(&mut all, &mut random);
    strings(&mut all, &mut random);
    rest(&mut all, &mut random);
    all
}

fn add(all: &mut Vec<Kind>, sql: &str, family: &str, values: Vec<String>) {
    let exact = !sql.starts_with("FLOAT");
    all.push(Kind { sql: sql.to_owned(), family: family.to_owned(), values, exact });
}

fn numbers(all: &mut Vec<Kind>, random: &mut Random) {
    for (name, bits) in
        [("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)]
    {
        add(all, name, name, values::integers(bits, true, random));
        let unsigned = format!("{name} UNSIGNED");
        add(all, &unsigned, &unsigned, values::integers(bits, false, random));
        let zerofill = format!("{name}(9) UNSIGNED ZEROFILL");
        add(all, &zerofill, &format!("{name} ZEROFILL"), values::integers(bits, false, random));
    }
    add(all, "BOOL", "BOOL", vec!["TRUE".to_owned(), "FALSE".to_owned()]);
    for (digits, scale) in [(65, 30), (65, 0), (30, 30), (10, 2), (38, 10)] {
        let sql = format!("DECIMAL({digits},{scale})");
        add(all, &sql, "DECIMAL", values::decimals(digits, scale, random));
    }
    add(
        all,
        "DECIMAL(10,2) UNSIGNED ZEROFILL",
        "DECIMAL ZEROFILL",
        values::decimals(10, 2, random),
    );
    for (sql, family) in
        [("FLOAT", "FLOAT"), ("FLOAT UNSIGNED", "FLOAT UNSIGNED"), ("FLOAT(9,4)", "FLOAT(M,D)")]
    {
        add(all, sql, family, values::floats(true, random));
    }
    for (sql, family) in [
        ("DOUBLE", "DOUBLE"),
        ("DOUBLE UNSIGNED", "DOUBLE UNSIGNED"),
        ("DOUBLE(25,5)", "DOUBLE(M,D)"),
    ] {
        add(all, sql, family, values::floats(false, random));
    }
    for width in [1, 7, 8, 33, 64] {
        add(all, &format!("BIT({width})"), "BIT", values::bits(width, random));
    }
}

fn moments(all: &mut Vec<Kind>, random: &mut Random) {
    let years = ["0", "1901", "2155", "2026", "1970"].iter().map(|year| (*year).to_owned());
    add(all, "YEAR", "YEAR", years.chain((1902..1940).map(|year| year.to_string())).collect());
    add(all, "DATE", "DATE", values::dates(random));
    for digits in 0..=6 {
        add(all, &format!("TIME({digits})"), "TIME", values::times(random));
        add(all, &format!("DATETIME({digits})"), "DATETIME", values::moments(1..10_000, random));
        // NULL by its own definition, whatever the server makes of a TIMESTAMP.
        let stamps = values::moments(1971..2038, random);
        add(all, &format!("TIMESTAMP({digits})"), "TIMESTAMP", stamps);
    }
}

fn strings(all: &mut Vec<Kind>, random: &mut Random) {
    for charset in CHARSETS {
        let mut list = values::in_charset(charset);
        list.extend(values::texts(random));
        let sql = format!("VARCHAR(140) CHARACTER SET {charset}");
        add(all, &sql, &format!("VARCHAR {charset}"), list.clone());
        let other = *random.pick(&["CHAR(140)", "TEXT", "TINYTEXT", "LONGTEXT"]);
        add(all, &format!("{other} CHARACTER SET {charset}"), &format!("text {charset}"), list);
    }
    for collation in COLLATIONS {
        let sql = format!("VARCHAR(140) COLLATE {collation}");
        add(all, &sql, &format!("VARCHAR {collation}"), values::texts(random));
    }
    for name in ["CHAR(140)", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"] {
        let list = values::texts(random);
        add(all, &format!("{name} CHARACTER SET utf8mb4"), name, list);
    }
    for name in ["BINARY(16)", "VARBINARY(300)", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"] {
        add(all, name, name, values::blobs(random));
    }
}

fn rest(all: &mut Vec<Kind>, random: &mut Random) {
    let numbers = |to: u64| (1..=to).map(|number| number.to_string()).collect::<Vec<_>>();
    add(all, "ENUM('it''s', 'a,b', 'c\\\\d', '\"', 'é', '', '),(')", "ENUM", numbers(7));
    add(all, "ENUM('é', 'b') CHARACTER SET latin1", "ENUM latin1", numbers(2));
    add(
        all,
        "SET('it''s', 'x y', '\"', 'é', '%', '\\\\')",
        "SET",
        [numbers(63), vec!["0".to_owned()]].concat(),
    );
    let members: Vec<String> = (0..64).map(|number| format!("'m{number}'")).collect();
    let wide = [u64::MAX, 1 << 63, 0, 1].iter().map(u64::to_string).collect();
    add(all, &format!("SET({})", members.join(",")), "SET of 64", wide);
    let documents = [
        r#"{}"#,
        r#"[]"#,
        r#"null"#,
        r#"true"#,
        r#""it's""#,
        r#"18446744073709551615"#,
        r#"-0.5e-300"#,
        r#"{"a": [1, 2.5, null, "é\"\\\n"], "b": {"c": "🎬"}}"#,
        r#"{"": ""}"#,
        r#""\u0000""#,
    ];
    let quoted = documents
        .iter()
        .map(|text| format!("CONVERT({} USING utf8mb4)", values::hex(text.as_bytes())));
    add(all, "JSON", "JSON", quoted.collect());
    for (name, shapes) in SHAPES {
        let shape = |text: &&str| format!("ST_GeomFromText('{text}')");
        let mut list: Vec<String> = shapes.iter().map(shape).collect();
        list.extend(shapes.iter().map(|text| format!("ST_GeomFromText('{text}', 4326)")));
        add(all, name, name, list);
    }
    let uuids = (0..30).map(|_| {
        format!("'{:08x}-e89b-12d3-a456-{:012x}'", random.next() as u32, random.next() >> 16)
    });
    add(all, "UUID", "UUID", uuids.collect());
    add(
        all,
        "INET4",
        "INET4",
        ["'0.0.0.0'", "'255.255.255.255'", "'192.0.2.1'"].map(str::to_owned).to_vec(),
    );
    let inet6 = ["'::'", "'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.1'"];
    add(all, "INET6", "INET6", inet6.map(str::to_owned).to_vec());
    let vectors = ["[1.5, -2.25, 3e-38]", "[0, 0, 0]", "[3.4028234e38, -1e-45, 0.1]"];
    add(
        all,
        "VECTOR(3)",
        "VECTOR",
        vectors.iter().map(|text| format!("STRING_TO_VECTOR('{text}')")).collect(),
    );
}
