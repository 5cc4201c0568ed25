//! Texts that look like dumps and are made to be misread.

use crate::parity::random::Random;

/// Statements that would be seen: the schema's name stands for `{}`.
const PAYLOADS: [&str; 4] = [
    "; DROP TABLE {}.victim; -- ",
    "; DELETE FROM {}.victim; # ",
    "; INSERT INTO {}.victim VALUES (9); /* ",
    "); UPDATE {}.victim SET id = 7 WHERE id = 1; -- ",
];

/// Settings as dump programs write them, and as attackers do.
const SETS: [&str; 60] = [
    "SET sql_mode = ''",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "SET sql_mode = 'ANSI_QUOTES'",
    "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'",
    "SET sql_mode = ANSI",
    "/*!50003 SET sql_mode = 'NO_BACKSLASH_ESCAPES' */ ",
    "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */",
    "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */",
    "/*!40101 SET SQL_MODE=IFNULL(@OLD_SQL_MODE, '') */",
    "SET @saved_sql_mode = @@sql_mode",
    "SET sql_mode = @saved_sql_mode",
    "SET @m = 'NO_BACKSLASH_ESCAPES'",
    "SET sql_mode = @m",
    "SET NAMES utf8mb4",
    "SET NAMES latin1",
    "SET NAMES utf8mb3",
    "SET NAMES binary",
    "SET NAMES gbk",
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
    "SET character_set_client = latin1",
    "SET character_set_client = utf8mb4",
    "SET character_set_client = gbk",
    "SET character_set_client = sjis",
    "SET character_set_client = big5",
    "SET character_set_client = cp1251",
    "SET character_set_client = macroman",
    "SET collation_connection = utf8mb4_bin",
    "SET collation_connection = latin1_bin",
    "SET @saved_cs_client = @@character_set_client",
    "SET character_set_client = @saved_cs_client",
    "SET @saved_col = @@collation_connection",
    "SET collation_connection = @saved_col",
    "SET time_zone = '+00:00', foreign_key_checks = 0",
    "SET unique_checks = 1",
    "/*!50003 SET character_set_client = latin1 */ ",
    "/*!050003 SET sql_mode = 'ANSI_QUOTES' */",
    // What follows was believed once, or is near to it.
    "SET sql_mode = 1048576",
    "SET sql_mode = 4",
    "SET @m = 1048576",
    "SET sql_mode = 0x4E4F5F4241434B534C4153485F45534341504553",
    "SET sql_mode = 0x414E53495F51554F544553",
    "SET sql_mode = 'MSSQL'",
    "SET sql_mode = DEFAULT",
    "SET sql_mode = @@global.sql_mode",
    "SET sql_mode = CONCAT('NO_BACKSLASH','_ESCAPES')",
    "SET sql_mode = 'NO_BACKSLASH\\_ESCAPES'",
    "/*!99999 SET sql_mode = 'ANSI_QUOTES' */",
    "/*!99999 SET sql_mode = '' */",
    "/*!80000 SET sql_mode = 'NO_BACKSLASH_ESCAPES' */",
    "/*!80000 SET sql_mode = '' */",
    "/*M!100100 SET sql_mode = 'ANSI_QUOTES' */",
    "/*M!100100 SET sql_mode = '' */",
    "/*!501001 SET sql_mode = 'ANSI_QUOTES' */",
    "/*!5003 SET sql_mode = 'ANSI_QUOTES' */",
    "SET @x = 1 /*!80000 , sql_mode = 'ANSI_QUOTES' */",
    "SET NAMES DEFAULT",
    "SET NAMES ucs2",
    "SET CHARACTER SET gbk",
    "SET collation_connection = utf16_bin",
    "SET sql_mode = 'ANSI_QUOTES', @m = @@sql_mode",
];

/// Of [`SETS`], how many a guard has to take; the others end a text early.
const FINE: usize = 36;

/// Pieces of strings, names and comments.
const ATOMS: [&[u8]; 38] = [
    b"x",
    b" ",
    b"'",
    b"''",
    b"\\'",
    b"\\\\",
    b"\\",
    b"\\\"",
    b"\"",
    b"\"\"",
    b"`",
    b"``",
    b";",
    b"-- ",
    b"--",
    b"#",
    b"\n",
    b"/*",
    b"*/",
    b"/*!",
    b"/*!50001 ",
    b"/*!99999 ",
    b"/*M!100100 ",
    b"/*+ x",
    b"\xC3\xA9",
    b"\xE4\xB8\xAD",
    b"\xF0\x9F\x8E\xAC",
    b"\xC2\xA0",
    b"\xD6\\",
    b"\x83",
    b"\x81'",
    b"\xFF",
    b"\0",
    b"$$",
    b"[",
    b"]",
    b"\\0",
    b"0x27",
];

/// A text, for the schema whose `victim` it is after.
pub fn text(random: &mut Random, schema: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if random.chance(40) {
        hidden(random, schema, &mut out);
    }
    for _ in 0..random.below(5) {
        statement(random, schema, &mut out);
    }
    out.extend_from_slice(b"-- Dump completed\n");
    out
}

/// As the attacks do it: a SET, and then a string in which a quote stands that one
/// reading takes for its end.
fn hidden(random: &mut Random, schema: &str, out: &mut Vec<u8>) {
    let among = if random.chance(70) { FINE } else { SETS.len() };
    out.extend_from_slice(SETS[random.below(among)].as_bytes());
    let (before, after) = *random.pick(&[
        ("SET @a = ", ""),
        ("INSERT INTO t VALUES (1, ", ")"),
        ("CREATE TABLE IF NOT EXISTS h (a int COMMENT ", ")"),
        ("CREATE OR REPLACE VIEW v AS SELECT ", " AS a"),
    ]);
    let quote = *random.pick(&["'", "'", "\""]);
    let odd =
        *random.pick::<&[u8]>(&[&b"x"[..], b"", b"\xE4\xB8\xAD", b"\xC3\xA9", b"\x83", b"\xD6"]);
    out.extend_from_slice(format!(";\n{before}{quote}").as_bytes());
    out.extend_from_slice(odd);
    let rest = format!("\\{quote}{}{quote}{after};\n", payload(random, schema));
    out.extend_from_slice(rest.as_bytes());
}

fn statement(random: &mut Random, schema: &str, out: &mut Vec<u8>) {
    let number = random.below(4);
    match random.below(13) {
        0..4 => {
            let among = if random.chance(92) { FINE } else { SETS.len() };
            out.extend_from_slice(SETS[random.below(among)].as_bytes());
        }
        4 => {
            out.extend_from_slice(b"SET @a = ");
            string(random, schema, out);
        }
        5 | 6 => {
            out.extend_from_slice(b"INSERT INTO t VALUES (1, ");
            string(random, schema, out);
            out.extend_from_slice(b")");
        }
        7 | 8 => {
            out.extend_from_slice(format!("CREATE TABLE t{number} (a int COMMENT ").as_bytes());
            string(random, schema, out);
            if random.chance(30) {
                out.extend_from_slice(b" /*!80016 INVISIBLE */");
            }
            out.extend_from_slice(b", ");
            name(random, schema, out);
            out.extend_from_slice(b" int) ENGINE=InnoDB");
            aside(random, schema, out);
        }
        9 => {
            out.extend_from_slice(b"DROP TABLE IF EXISTS ");
            name(random, schema, out);
            aside(random, schema, out);
        }
        10 => {
            out.extend_from_slice(
                format!("CREATE OR REPLACE VIEW v{number} AS SELECT ").as_bytes(),
            );
            string(random, schema, out);
            aside(random, schema, out);
            out.extend_from_slice(b" AS a");
        }
        11 => alter(random, schema, number, out),
        _ => body(random, schema, number, out),
    }
    out.extend_from_slice(b";\n");
}

/// What other programs write behind the rows of a table.
fn alter(random: &mut Random, schema: &str, number: usize, out: &mut Vec<u8>) {
    let table = format!("a{number}");
    out.extend_from_slice(
        format!("CREATE TABLE IF NOT EXISTS {table} (a int NOT NULL, b int) ENGINE=InnoDB;\n")
            .as_bytes(),
    );
    match random.below(4) {
        0 => out.extend_from_slice(format!("TRUNCATE TABLE {table} ").as_bytes()),
        1 => {
            let head = format!(
                "ALTER TABLE {table} ADD UNIQUE KEY (a), MODIFY a int NOT NULL \
                                AUTO_INCREMENT COMMENT "
            );
            out.extend_from_slice(head.as_bytes());
            string(random, schema, out);
        }
        2 => {
            out.extend_from_slice(format!("ALTER TABLE {table} ADD CONSTRAINT ").as_bytes());
            name(random, schema, out);
            out.extend_from_slice(b" CHECK (b <> ");
            string(random, schema, out);
            out.extend_from_slice(b")");
        }
        _ => {
            out.extend_from_slice(format!("ALTER TABLE {table} ADD KEY ").as_bytes());
            name(random, schema, out);
            out.extend_from_slice(b" (b) COMMENT ");
            string(random, schema, out);
        }
    }
    aside(random, schema, out);
}

fn body(random: &mut Random, schema: &str, number: usize, out: &mut Vec<u8>) {
    let head = [
        format!("CREATE PROCEDURE p{number}() "),
        format!("CREATE FUNCTION f{number}() RETURNS INT DETERMINISTIC "),
        format!("CREATE EVENT e{number} ON SCHEDULE EVERY 1 DAY DO "),
        format!("/*!50003 CREATE*/ /*!50003 PROCEDURE p{number}() "),
    ];
    let head = &head[random.below(head.len())];
    out.extend_from_slice(b"DROP PROCEDURE IF EXISTS p0;\nDELIMITER ;;\n");
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(b"BEGIN ");
    for _ in 0..random.below(3) {
        out.extend_from_slice(b"SET @b = ");
        string(random, schema, out);
        out.extend_from_slice(b"; ");
        aside(random, schema, out);
    }
    out.extend_from_slice(if head.contains("FUNCTION") { b" RETURN 1; END" } else { b" END" });
    if random.chance(15) {
        out.extend_from_slice(payload(random, schema).as_bytes());
    }
    if head.starts_with("/*!") {
        out.extend_from_slice(b" */");
    }
    out.extend_from_slice(b" ;;\nDELIMITER ");
}

fn payload(random: &mut Random, schema: &str) -> String {
    random.pick(&PAYLOADS).replace("{}", schema)
}

/// A string: mostly one that ends where the lexer here ends it in some mode.
fn string(random: &mut Random, schema: &str, out: &mut Vec<u8>) {
    let quote = if random.chance(70) { b'\'' } else { b'"' };
    if random.chance(8) {
        out.extend_from_slice(random.pick(&["_binary ", "_utf8mb4", "N", "x", "_gbk"]).as_bytes());
    }
    out.push(quote);
    if random.chance(45) {
        // As the attacks do: a quote that one reading takes for the end.
        for _ in 0..random.below(2) {
            let atom = *random.pick(&ATOMS[24..32]);
            out.extend_from_slice(atom);
        }
        let escapes = ["\\", "\\", "\\", "\\", "\\\\\\", "\\\\", ""];
        out.extend_from_slice(random.pick(&escapes).as_bytes());
        out.push(quote);
        if random.chance(30) {
            out.push(quote);
        }
        out.extend_from_slice(payload(random, schema).as_bytes());
    } else {
        inside(random, quote, out);
    }
    out.push(quote);
}

fn name(random: &mut Random, schema: &str, out: &mut Vec<u8>) {
    let quote = if random.chance(75) { b'`' } else { b'"' };
    out.push(quote);
    if random.chance(25) {
        out.push(b'\\');
        out.push(quote);
        out.push(quote);
        out.extend_from_slice(payload(random, schema).as_bytes());
    } else {
        inside(random, quote, out);
        out.push(b'n');
    }
    out.push(quote);
}

/// Anything: now and then with its own quote in it as it is.
fn inside(random: &mut Random, quote: u8, out: &mut Vec<u8>) {
    for _ in 0..random.below(5) {
        let atom = *random.pick(&ATOMS);
        let plain = !atom.contains(&quote) && !atom.contains(&b'\\');
        if plain || random.chance(8) {
            out.extend_from_slice(atom);
        }
    }
}

/// A comment, or nothing.
fn aside(random: &mut Random, schema: &str, out: &mut Vec<u8>) {
    if !random.chance(40) {
        return;
    }
    let open = *random.pick(&["/* ", "/*", "-- ", "#", "/*!50001 ", "/*!99999 ", "/*+ ", "--"]);
    out.extend_from_slice(open.as_bytes());
    if random.chance(40) {
        let atom = *random.pick(&ATOMS);
        out.extend_from_slice(atom);
        out.extend_from_slice(payload(random, schema).as_bytes());
    } else {
        inside(random, b'*', out);
    }
    out.extend_from_slice(if open.starts_with("/*") { b" */ " } else { b"\n" });
}
