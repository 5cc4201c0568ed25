//! Sessions that write, each in a range of keys of its own, and know what they touched.

use mysql::{Conn, LocalInfileHandler};

use super::world::{Touched, World, run, touch};

/// One table for each kind of key, and some that belong together.
pub const TABLES: &str = "
    CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(90), at TIMESTAMP(3) NULL, cover BLOB);
    CREATE TABLE wide (j JSON, note TEXT, id BIGINT UNSIGNED NOT NULL, twice BIGINT UNSIGNED AS (id * 2), PRIMARY KEY (id));
    CREATE TABLE pair (a SMALLINT, b MEDIUMINT UNSIGNED, v INT, PRIMARY KEY (b, a));
    CREATE TABLE word (w VARCHAR(40) CHARACTER SET utf8mb4 PRIMARY KEY, v INT);
    CREATE TABLE code (c CHAR(8) CHARACTER SET latin1, v INT, PRIMARY KEY (c));
    CREATE TABLE raw (r BINARY(6) PRIMARY KEY, v INT);
    CREATE TABLE blobs (r VARBINARY(300) PRIMARY KEY, v INT);
    CREATE TABLE day (d DATE, t TIME(1), v INT, PRIMARY KEY (d, t));
    CREATE TABLE moment (m DATETIME(4), s TIMESTAMP(6) NOT NULL DEFAULT '2000-01-01 00:00:00', v INT, PRIMARY KEY (m, s));
    CREATE TABLE price (p DECIMAL(12,3) PRIMARY KEY, y YEAR, v INT);
    CREATE TABLE kind (y YEAR, e ENUM('a','b','c'), s SET('x','y','z'), v INT, PRIMARY KEY (y, e, s));
    CREATE TABLE parted (id INT PRIMARY KEY, v INT) PARTITION BY HASH (id) PARTITIONS 3;
    CREATE TABLE parent (id INT PRIMARY KEY);
    CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
    CREATE TABLE keyless (a INT)";

/// A session, and what it knows.
pub struct ModelWriter {
    conn: Conn,
    /// Names of XA transactions are the server's, not the schema's.
    schema: String,
    /// The first of its keys; it takes no more than a thousand.
    base: i64,
    next: i64,
    pub touched: Touched,
}

impl ModelWriter {
    /// One with these settings of its session.
    pub fn new(world: &World, number: i64, settings: &str) -> Self {
        let mut conn = world.root();
        run(&mut conn, "SET SESSION time_zone = '+00:00'");
        run(&mut conn, settings);
        let base = 1000 * number;
        Self { conn, schema: world.schema.clone(), base, next: base, touched: Touched::new() }
    }

    fn sql(&mut self, statements: &str) {
        run(&mut self.conn, statements);
    }

    fn fresh(&mut self) -> i64 {
        self.next += 1;
        assert!(self.next < self.base + 1000, "a range of keys is used up");
        self.next
    }

    fn film(&mut self) -> i64 {
        let id = self.fresh();
        touch(&mut self.touched, "film", id.to_string());
        id
    }

    /// Everything once.
    pub fn round(&mut self) {
        self.rows();
        self.transactions();
        self.prepared();
        self.loaded();
        self.related();
        self.every_key();
        self.large_values();
    }

    fn rows(&mut self) {
        let (a, b, c, moved) = (self.film(), self.film(), self.film(), self.film());
        self.sql(&format!(
            "INSERT INTO film VALUES ({a}, 'a', NULL, x'00ff'), ({b}, 'b', NOW(3), NULL);
             INSERT INTO film (id) VALUES ({c});
             UPDATE film SET title = CONCAT(title, '!') WHERE id IN ({a}, {b});
             UPDATE film SET id = {moved} WHERE id = {a};
             REPLACE INTO film (id, title) VALUES ({b}, 'again');
             INSERT INTO film (id) VALUES ({c}) ON DUPLICATE KEY UPDATE title = 'twice';
             DELETE FROM film WHERE id = {c};
             INSERT INTO keyless VALUES (1)"
        ));
        // Nothing is there that matches: nothing is touched.
        let absent = self.fresh();
        self.sql(&format!("DELETE FROM film WHERE id = {absent}"));
        self.touched.entry("keyless".to_owned()).or_default();
    }

    fn transactions(&mut self) {
        let (a, b) = (self.film(), self.film());
        let (gone, back) = (self.fresh(), self.fresh());
        self.sql(&format!(
            "BEGIN; INSERT INTO film (id) VALUES ({gone}); ROLLBACK;
             BEGIN; INSERT INTO film (id) VALUES ({a}); SAVEPOINT s;
             INSERT INTO film (id) VALUES ({back}); ROLLBACK TO s;
             INSERT INTO film (id) VALUES ({b}); RELEASE SAVEPOINT s; COMMIT"
        ));
    }

    fn prepared(&mut self) {
        let (kept, undone, once) = (self.film(), self.film(), self.film());
        let name = format!("'{} {}'", self.schema, self.base);
        for (id, end) in [
            (kept, format!("XA PREPARE {name}; XA COMMIT {name}")),
            (undone, format!("XA PREPARE {name}; XA ROLLBACK {name}")),
            (once, format!("XA COMMIT {name} ONE PHASE")),
        ] {
            self.sql(&format!(
                "XA START {name}; INSERT INTO film (id) VALUES ({id}); XA END {name}; {end}"
            ));
        }
    }

    fn loaded(&mut self) {
        let (a, b) = (self.film(), self.film());
        let data = format!("{a}\tone\n{b}\ttwo\n");
        self.conn.set_local_infile_handler(Some(LocalInfileHandler::new(move |_, writer| {
            std::io::Write::write_all(writer, data.as_bytes())
        })));
        self.sql("LOAD DATA LOCAL INFILE 'films' INTO TABLE film (id, title)");
        self.conn.set_local_infile_handler(None);
    }

    /// The server deletes the children.
    fn related(&mut self) {
        let (parent, a, b) = (self.fresh(), self.fresh(), self.fresh());
        self.sql(&format!(
            "INSERT INTO parent VALUES ({parent}); INSERT INTO child VALUES ({a}, {parent})"
        ));
        touch(&mut self.touched, "parent", parent.to_string());
        touch(&mut self.touched, "child", a.to_string());
        self.sql(&format!("INSERT INTO child VALUES ({b}, {parent})"));
        touch(&mut self.touched, "child", b.to_string());
        self.sql(&format!("DELETE FROM parent WHERE id = {parent}"));
    }

    fn every_key(&mut self) {
        let n = self.fresh();
        let (small, text) = (n % 100 - 50, format!("wört {n}"));
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let raw = format!("{:08x}", n);
        let day = n % 28 + 1;
        let year = 2000 + n / 1000;
        let rows = [
            ("pair", "a, b", format!("{small}, {n}"), format!("{n},{small}")),
            ("parted", "id", n.to_string(), n.to_string()),
            ("word", "w", format!("'{text}'"), format!("0x{}", hex(text.as_bytes()))),
            ("code", "c", format!("'é{n}'"), format!("0xe9{}", hex(n.to_string().as_bytes()))),
            ("raw", "r", format!("x'{raw}'"), format!("0x{raw}0000")),
            ("blobs", "r", format!("x'{raw}00'"), format!("0x{raw}00")),
            (
                "day",
                "d, t",
                format!("'{year}-02-{day:02}', '-0{}:00:01.5'", n % 7),
                format!("{year}-02-{day:02},-0{}:00:01.5", n % 7),
            ),
            (
                "moment",
                "m, s",
                format!("'{year}-03-{day:02} 23:59:59.1234', '{year}-03-{day:02} 01:02:03.000007'"),
                format!("{year}-03-{day:02} 23:59:59.1234,{year}-03-{day:02} 01:02:03.000007"),
            ),
            ("price", "p", format!("-{n}.25"), format!("-{n}.250")),
            ("kind", "y, e, s", format!("{year}, 'b', 'x,z'"), format!("{year},2,5")),
        ];
        for (table, columns, values, key) in rows {
            let columns: Vec<&str> = columns.split(", ").collect();
            let at = format!("({}) = ({values})", columns.join(", "));
            self.sql(&format!(
                "REPLACE INTO {table} ({}, v) VALUES ({values}, 1);
                 UPDATE {table} SET v = 2 WHERE {at}",
                columns.join(", ")
            ));
            touch(&mut self.touched, table, key);
        }
    }

    fn large_values(&mut self) {
        let id = self.fresh();
        touch(&mut self.touched, "wide", id.to_string());
        let moved = self.fresh();
        touch(&mut self.touched, "wide", moved.to_string());
        self.sql(&format!(
            "INSERT INTO wide (id, j, note) VALUES ({id}, JSON_OBJECT('a', 1, 'b', REPEAT('x', 900)), REPEAT('n', 9000));
             UPDATE wide SET j = JSON_SET(j, '$.a', 2) WHERE id = {id};
             UPDATE wide SET j = JSON_REMOVE(JSON_SET(j, '$.a', 3), '$.c'), id = {moved} WHERE id = {id}"
        ));
        let last = self.fresh();
        touch(&mut self.touched, "wide", last.to_string());
        self.sql(&format!(
            "INSERT INTO wide (id) VALUES ({last}); DELETE FROM wide WHERE id = {last}"
        ));
    }

    /// Settings of a session that decide what its events look like.
    pub fn settings(world: &World) -> [&'static str; 4] {
        match world.is_mysql() {
            true => [
                "SET SESSION binlog_row_image = FULL",
                "SET SESSION binlog_row_image = MINIMAL",
                "SET SESSION binlog_transaction_compression = ON",
                "SET SESSION binlog_row_value_options = PARTIAL_JSON; \
                 SET SESSION binlog_row_image = NOBLOB; SET SESSION binlog_rows_query_log_events = ON",
            ],
            false => [
                "SET SESSION binlog_row_image = FULL",
                "SET SESSION binlog_row_image = MINIMAL",
                "SET SESSION binlog_row_image = NOBLOB",
                "SET SESSION binlog_annotate_row_events = ON",
            ],
        }
    }
}
