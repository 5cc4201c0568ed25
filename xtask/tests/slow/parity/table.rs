//! One random table: its definition as clauses, of which the server may refuse some.

use super::kinds::{Kind, Kinds};
use super::random::{Deck, Random};
use crate::support::Server;

/// A table before it is made.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Columns that rows give a value.
    pub columns: Vec<Column>,
    /// The primary key; empty for none.
    pub key: String,
    /// Generated columns, keys, checks and foreign keys: each can be left out.
    pub extras: Vec<String>,
    /// What stands behind the columns: partitions and a comment. Can be left out.
    pub options: Vec<String>,
}

/// A column that rows give a value.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Of what kind.
    pub kind: Kind,
    /// NOT NULL, DEFAULT, INVISIBLE, COMMENT.
    pub attributes: String,
    /// Whether it may be NULL.
    pub nullable: bool,
}

impl Column {
    /// Its definition.
    pub fn definition(&self) -> String {
        format!("{} {}{}", quote(&self.name), self.kind.sql, self.attributes)
    }
}

/// A name between backticks.
pub fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text between quotes, in a mode with backslash escapes.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

const PIECES: [&str; 23] = [
    "select", "`", "it's", "a`b", "\"q\"", "日本", "é", "%", "_", "\\", "-- ", "/*", "*/", ";",
    "x y", "#", "$$", "\n", ",", "(", ")", "key", "\\! id",
];

/// A name that something on the way may stumble over.
pub fn name(random: &mut Random, number: usize) -> String {
    let mut name: String = (0..1 + random.below(3)).map(|_| *random.pick(&PIECES)).collect();
    if random.chance(10) {
        // As long as a name can be; the number makes it one of its kind.
        name = name.chars().chain(std::iter::repeat('n')).take(61).collect();
    }
    // The mysql client loses a backslash at a line's end, in a name too (docs/limits.md).
    format!("{name}{number}").replace("\\\n", "\\ \n")
}

/// The forms of a primary key: definitions of its columns, and the clause with the
/// columns in braces.
const KEYS: &[(&[&str], &str)] = &[
    (&[], ""),
    (&["BIGINT UNSIGNED"], "PRIMARY KEY ({0})"),
    (&["BIGINT"], "PRIMARY KEY ({0})"),
    (&["INT"], "PRIMARY KEY ({0} DESC)"),
    (&["SMALLINT"], "PRIMARY KEY ({0})"),
    (&["INT", "VARCHAR(140) CHARACTER SET utf8mb4"], "PRIMARY KEY ({0}, {1})"),
    (&["VARCHAR(140) CHARACTER SET utf8mb4"], "PRIMARY KEY ({0})"),
    (&["VARCHAR(140) COLLATE utf8mb4_bin"], "PRIMARY KEY ({0})"),
    (&["CHAR(140) CHARACTER SET utf8mb4"], "PRIMARY KEY ({0})"),
    (&["VARCHAR(140) CHARACTER SET latin1"], "PRIMARY KEY ({0})"),
    (&["VARCHAR(140) CHARACTER SET utf16"], "PRIMARY KEY ({0})"),
    (&["VARCHAR(140) CHARACTER SET gbk"], "PRIMARY KEY ({0})"),
    (&["VARBINARY(300)"], "PRIMARY KEY ({0})"),
    (&["BINARY(16)"], "PRIMARY KEY ({0})"),
    (&["TEXT CHARACTER SET utf8mb4"], "PRIMARY KEY ({0}(9))"),
    (&["BLOB"], "PRIMARY KEY ({0}(9))"),
    (&["DECIMAL(65,30)"], "PRIMARY KEY ({0})"),
    (&["DECIMAL(10,2)", "DATE"], "PRIMARY KEY ({1}, {0})"),
    (&["DOUBLE"], "PRIMARY KEY ({0})"),
    (&["DATE"], "PRIMARY KEY ({0})"),
    (&["DATETIME(6)"], "PRIMARY KEY ({0})"),
    (&["TIMESTAMP(6)"], "PRIMARY KEY ({0})"),
    (&["TIME(6)"], "PRIMARY KEY ({0})"),
    (&["YEAR"], "PRIMARY KEY ({0})"),
    (&["BIT(64)"], "PRIMARY KEY ({0})"),
    (&["INT(9) UNSIGNED ZEROFILL"], "PRIMARY KEY ({0})"),
    (
        &["ENUM('it''s', 'a,b', 'c\\\\d', '\"', 'é', '', '),(')", "TINYINT"],
        "PRIMARY KEY ({0}, {1})",
    ),
    (&["SET('it''s', 'x y', '\"', 'é', '%', '\\\\')"], "PRIMARY KEY ({0})"),
    (&["UUID"], "PRIMARY KEY ({0})"),
    (&["MEDIUMINT"], "UNIQUE KEY ({0})"),
    (&["BIGINT", "BIGINT UNSIGNED", "DATE"], "PRIMARY KEY ({2}, {1}, {0})"),
];

/// How many forms of a key there are.
pub fn key_forms() -> usize {
    KEYS.len()
}

impl Table {
    /// A table with the next columns and the next form of key.
    pub fn random(
        kinds: &Kinds,
        server: Server,
        (columns, keys): (&mut Deck, &mut Deck),
        random: &mut Random,
        number: usize,
    ) -> Self {
        let mut table = Self {
            name: name(random, number),
            columns: Vec::new(),
            key: String::new(),
            extras: Vec::new(),
            options: Vec::new(),
        };
        let (parts, clause) = KEYS[keys.deal()];
        let parts: Vec<&Kind> = parts.iter().filter_map(|sql| kinds.get(sql)).collect();
        table.key = clause.to_owned();
        for (at, kind) in parts.iter().enumerate() {
            let name = name(random, at);
            table.key = table.key.replace(&format!("{{{at}}}"), &quote(&name));
            let kind = (*kind).clone();
            table.columns.push(Column {
                name,
                kind,
                attributes: " NOT NULL".to_owned(),
                nullable: false,
            });
        }
        // A kind of key that this server lacks is no key.
        if table.key.contains('{') {
            table.key.clear();
        }
        for at in 0..2 + random.below(6) {
            let kind = kinds.all[columns.deal()].clone();
            let column = column(kind, random, 10 + at);
            table.columns.push(column);
        }
        table.extras(server, random);
        table.spatial(random);
        table.options(random);
        table
    }

    /// Statements that make it, the most complete first.
    pub fn create(&self) -> String {
        let columns = self.columns.iter().map(Column::definition);
        let key = (!self.key.is_empty()).then(|| self.key.clone());
        let clauses: Vec<String> = columns.chain(key).chain(self.extras.iter().cloned()).collect();
        format!(
            "CREATE TABLE {} (\n  {}\n) {}",
            quote(&self.name),
            clauses.join(",\n  "),
            self.options.join(" ")
        )
    }

    fn extras(&mut self, server: Server, random: &mut Random) {
        let column = |random: &mut Random, all: &[Column]| -> String {
            let exact: Vec<&Column> = all.iter().filter(|it| it.kind.exact).collect();
            exact
                .get(random.below(all.len()) % exact.len().max(1))
                .map_or("1".to_owned(), |it| quote(&it.name))
        };
        for at in 0..random.below(6) {
            let (c, d) = (column(random, &self.columns), column(random, &self.columns));
            let name = quote(&name(random, 30 + at));
            let stored = *random.pick(&["VIRTUAL", "STORED"]);
            self.extras.push(match random.below(12) {
                0 => format!("{name} INT GENERATED ALWAYS AS (LENGTH({c})) {stored}"),
                1 => format!("{name} CHAR(32) GENERATED ALWAYS AS (MD5({c})) {stored} COMMENT 'it''s'"),
                2 => format!("{name} VARCHAR(60) AS (CONCAT('it''s \\\\ ', LENGTH({c}), ', (x)')) {stored}"),
                3 => format!("KEY {name} ({c})"),
                4 => format!("KEY {name} ({c}(3), {d})"),
                5 => format!("KEY {name} ({c} DESC, {d}) COMMENT 'it''s \\\\'"),
                6 => format!("UNIQUE KEY {name} ({c}, {d})"),
                7 => format!("FULLTEXT KEY {name} ({c})"),
                8 => format!("KEY {name} ({d}, {c})"),
                9 if server == Server::Mysql => format!("KEY {name} ((LENGTH({c})), {d})"),
                9 => format!("KEY {name} ({c}) IGNORED"),
                10 => format!("CONSTRAINT {name} CHECK ({c} IS NULL OR LENGTH({c}) >= 0 OR {c} <> 'it''s \\\\ (')"),
                _ => format!("{name} INT INVISIBLE DEFAULT 7"),
            });
        }
    }

    /// A shape that is there in every row can be a key of its own.
    fn spatial(&mut self, random: &mut Random) {
        let families = ["POINT", "POLYGON", "LINESTRING", "GEOMETRY", "MULTIPOINT"];
        let shape = self.columns.iter_mut().find(|it| families.contains(&it.kind.family.as_str()));
        let Some(shape) = shape.filter(|_| random.chance(70)) else { return };
        shape.attributes = " NOT NULL".to_owned();
        shape.nullable = false;
        self.extras.push(format!("SPATIAL KEY ({})", quote(&shape.name)));
    }

    fn options(&mut self, random: &mut Random) {
        if random.chance(40) {
            let comment = format!("{} \\ it's\n-- ;", name(random, 0));
            self.options.push(format!("COMMENT={}", text(&comment)));
        }
        let first = quote(&self.columns[0].name);
        if random.chance(30) {
            self.options.push(match random.below(3) {
                0 => format!("PARTITION BY KEY ({first}) PARTITIONS 3"),
                1 => format!("PARTITION BY HASH ({first}) PARTITIONS 2"),
                _ => format!(
                    "PARTITION BY RANGE COLUMNS ({first}) (PARTITION `p it's` VALUES LESS THAN (0), \
                     PARTITION `p``x` VALUES LESS THAN (MAXVALUE))"
                ),
            });
        }
    }
}

fn column(kind: Kind, random: &mut Random, number: usize) -> Column {
    let mut attributes = String::new();
    let nullable = random.chance(70);
    attributes.push_str(if nullable { " NULL" } else { " NOT NULL" });
    if random.chance(30) {
        // A character set's introducer in an expression is shown wrongly by MariaDB 10.11
        // (`DEFAULT _utf8mb4'\x00'`), which no dump could repair.
        let value = random.pick(&kind.values);
        let plain = value.starts_with(|c: char| c.is_ascii_digit() || "-'b".contains(c));
        let value = if plain && !value.starts_with("0x") { value } else { "'it''s; \\\\ (\"x\")'" };
        let expression = if random.chance(50) { value.to_owned() } else { format!("({value})") };
        attributes.push_str(&format!(" DEFAULT {expression}"));
    }
    if random.chance(15) {
        attributes.push_str(" INVISIBLE");
    }
    if random.chance(30) {
        attributes.push_str(&format!(" COMMENT {}", text(&name(random, 0))));
    }
    Column { name: name(random, number), kind, attributes, nullable }
}
