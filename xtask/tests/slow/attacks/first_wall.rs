//! Dump files that make the guard's reading of the session differ from the server's,
//! so that one string to the first is several statements to the second.

use mysql::prelude::Queryable as _;
use sys::fs;

use crate::support::{Sandbox, Server, require};

/// What every file is in front of: rows in the live schema, and in one that the file has
/// nothing to do with.
pub struct Canary {
    pub sandbox: Sandbox,
    other: String,
}

impl Canary {
    fn new(kind: Server, name: &str) -> Option<Self> {
        let server = require(kind)?;
        let suffix = if kind == Server::Mysql { "my" } else { "ma" };
        let sandbox = Sandbox::new(&server, &format!("{name}_{suffix}"));
        let other = format!("beside_{}", sandbox.schema);
        let mut root = sandbox.root();
        root.query_drop(format!("DROP DATABASE IF EXISTS {other}")).unwrap();
        root.query_drop(format!("CREATE DATABASE {other}")).unwrap();
        for schema in [&sandbox.schema, &other] {
            root.query_drop(format!("CREATE TABLE {schema}.victim (id INT PRIMARY KEY)")).unwrap();
            root.query_drop(format!("INSERT INTO {schema}.victim VALUES (1), (2), (3)")).unwrap();
        }
        Some(Self { sandbox, other })
    }

    /// Nothing of the live schema, of the other one or of the server's events has changed.
    fn demand_untouched(&self, what: &str) {
        let mut root = self.sandbox.root();
        for schema in [&self.sandbox.schema, &self.other] {
            let rows: Option<String> = root
                .query_first(format!("SELECT GROUP_CONCAT(id ORDER BY id) FROM {schema}.victim"))
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(rows.as_deref(), Some("1,2,3"), "{what}");
            let all: Vec<String> = root.query(format!("SHOW TABLES FROM {schema}")).unwrap();
            assert_eq!(all, ["victim"], "{what}");
        }
        let name = &self.sandbox.schema;
        let left: Vec<String> = root
            .query(format!(
                "SELECT CONCAT(EVENT_SCHEMA, '.', EVENT_NAME) FROM information_schema.EVENTS \
                 WHERE EVENT_SCHEMA LIKE '%{name}%' UNION ALL \
                 SELECT SCHEMA_NAME FROM information_schema.SCHEMATA \
                 WHERE SCHEMA_NAME LIKE '{}\\_\\_%'",
                name.replace('_', "\\_")
            ))
            .unwrap();
        assert!(left.is_empty(), "{what} left {left:?}");
    }

    fn write(&self, text: &[u8]) -> String {
        let path = self.sandbox.path().join("attack.sql");
        fs::write_durably(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sandbox.root().query_drop(format!("DROP DATABASE {}", self.other)).unwrap();
        }
    }
}

/// One file, and what the refusal has to say.
struct Attack {
    name: &'static str,
    text: Vec<u8>,
    says: &'static [&'static str],
}

const TABLE: &str = "CREATE TABLE `t` (`id` int NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB;\n";
const END: &str = "\n-- Dump completed\n";

/// A string with a backslash in front of its quote, and a statement behind it.
fn hidden(statement: &str) -> String {
    format!("SET @a = 'x\\'; {statement}; -- ';\n")
}

fn attacks(schema: &str) -> Vec<Attack> {
    let mut all = by_mode(schema);
    all.extend(by_bytes(schema));
    all
}

fn attack(name: &'static str, text: &str, says: &'static [&'static str]) -> Attack {
    Attack { name, text: format!("{TABLE}{text}{END}").into_bytes(), says }
}

/// Where the server is in another `sql_mode` than the guard believes.
fn by_mode(schema: &str) -> Vec<Attack> {
    let drop = format!("DROP TABLE {schema}.victim");
    let escaped = hidden(&drop);
    let event = hidden(&format!(
        "CREATE EVENT {schema}.persist ON SCHEDULE EVERY 1 SECOND DO DELETE FROM {schema}.victim"
    ));
    let number = "SET sql_mode = 1048576;\n";
    let mode: &[&str] = &["line 2", "sql_mode"];
    vec![
        attack("a number", &format!("{number}{escaped}"), mode),
        attack("an event", &format!("{number}{event}"), mode),
        attack(
            "hexadecimal digits",
            &format!("SET sql_mode = 0x4E4F5F4241434B534C4153485F45534341504553;\n{escaped}"),
            mode,
        ),
        attack(
            "a comment that no server runs",
            &format!(
                "/*!99999 SET sql_mode='ANSI_QUOTES' */;\nSET @a = \"\\\", @b = \"; {drop}; -- \";\n"
            ),
            mode,
        ),
        attack(
            "a comment that one server runs",
            &format!("/*M!100000 SET sql_mode='NO_BACKSLASH_ESCAPES' */;\n{escaped}"),
            mode,
        ),
        attack(
            "a number in a user variable",
            &format!("SET @m = 1048576;\nSET sql_mode = @m;\n{escaped}"),
            &["line 3", "sql_mode"],
        ),
        attack(
            "words put together",
            &format!("SET sql_mode = CONCAT('NO_BACKSLASH','_ESCAPES');\n{escaped}"),
            mode,
        ),
        attack(
            "names in brackets",
            &format!("SET sql_mode='MSSQL';\nCREATE TABLE u ([a'] int); {drop}; -- ' int);\n"),
            mode,
        ),
    ]
}

/// Where the server reads other characters in the same bytes.
fn by_bytes(schema: &str) -> Vec<Attack> {
    let drop = format!("DROP TABLE {schema}.victim");
    let escaped = hidden(&drop);
    let bytes = |name, before: &str, middle: &[u8], after: String, says| {
        let text = [TABLE.as_bytes(), before.as_bytes(), middle, after.as_bytes(), END.as_bytes()];
        Attack { name, text: text.concat(), says }
    };
    // To the server the string ends earlier, and so it does here.
    let client: &[&str] = &["line 3", "qualified with a schema", "DROP TABLE"];
    vec![
        bytes(
            "half a character",
            "SET character_set_client = gbk;\nSET @a = '",
            "\u{4e2d}".as_bytes(),
            format!("\\'; {drop}; -- ';\n"),
            client,
        ),
        bytes(
            "half a character in a comment of a table",
            "SET NAMES sjis;\nCREATE TABLE u (a int COMMENT '",
            b"\x83",
            format!("\\'); {drop}; -- ');\n"),
            client,
        ),
        attack(
            "a character set that is not ASCII",
            &format!("SET character_set_client = ucs2;\n{escaped}"),
            &["line 2", "character_set_client"],
        ),
        attack(
            "text between dollars",
            &format!(
                "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$ ' $$; {drop}; -- ';\n"
            ),
            &["line 2", "dollar"],
        ),
        attack(
            "a comment that ends at a NUL",
            &format!("CREATE TABLE u (a int) # \0 ; {drop}; --\n;\n"),
            &["line 2", "NUL"],
        ),
    ]
}

#[test]
fn no_statement_hides_in_a_string_on_mysql() {
    every_way(Server::Mysql);
}

#[test]
fn no_statement_hides_in_a_string_on_mariadb() {
    every_way(Server::Mariadb);
}

fn every_way(kind: Server) {
    let Some(canary) = Canary::new(kind, "wall1") else { return };
    for attack in attacks(&canary.sandbox.schema) {
        let file = canary.write(&attack.text);
        let done = canary.sandbox.xtask(&["db-verify", &file]);
        demand_refused(&canary, &done, 21, &attack, "db-verify");
    }
    let first = &attacks(&canary.sandbox.schema)[0];
    let file = canary.write(&first.text);
    let into = format!("{}__into", canary.sandbox.schema);
    for threads in ["1", "3"] {
        for args in [
            &["db-restore", &file, "--threads", threads, "--yes"][..],
            &["db-restore", &file, "--threads", threads, "--yes", "--into", &into],
        ] {
            let done = canary.sandbox.xtask(args);
            demand_refused(&canary, &done, 40, first, &args.join(" "));
        }
    }
}

fn demand_refused(
    canary: &Canary,
    done: &sys::proc::Finished,
    code: i32,
    attack: &Attack,
    how: &str,
) {
    let what = format!("{}, {how}", attack.name);
    canary.demand_untouched(&what);
    let said = format!("{}\n{}", done.stdout, done.stderr);
    assert_eq!(done.code, Some(code), "{what}\n{said}");
    for words in attack.says {
        assert!(said.contains(words), "{what}: no {words:?} in\n{said}");
    }
}

/// A program may be of a client in such a character set: its text is put into UTF-8, and
/// loaded if it is then still the same statement.
#[test]
fn a_program_is_not_another_one_in_utf8() {
    for kind in Server::ALL {
        let Some(canary) = Canary::new(kind, "wall1p") else { continue };
        let schema = &canary.sandbox.schema;
        let view = |bytes: &[u8], rest: &str| {
            let front =
                format!("{TABLE}SET character_set_client = gbk;\nCREATE VIEW v AS SELECT '");
            [front.as_bytes(), bytes, rest.as_bytes(), END.as_bytes()].concat()
        };
        // 0xD65C is one character.
        let text = view(b"\xD6\\", &format!("'; DROP TABLE {schema}.victim; -- ';\n"));
        let attack = Attack {
            name: "half a character in a view",
            text,
            says: &["line 3", "qualified with a schema", "DROP TABLE"],
        };
        let file = canary.write(&attack.text);
        let done = canary.sandbox.xtask(&["db-restore", &file, "--yes"]);
        demand_refused(&canary, &done, 40, &attack, "db-restore");
        let file = canary.write(&view(b"\xD6\xD0", "' AS a;\n"));
        let into = format!("{schema}__fine");
        let done = canary.sandbox.xtask(&["db-restore", &file, "--into", &into, "--yes"]);
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
        let mut root = canary.sandbox.root();
        let shown: Option<String> = root.query_first(format!("SELECT a FROM {into}.v")).unwrap();
        assert_eq!(shown.as_deref(), Some("\u{4e2d}"));
        root.query_drop(format!("DROP DATABASE {into}")).unwrap();
    }
}
