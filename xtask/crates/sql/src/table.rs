//! A CREATE TABLE statement's columns and AUTO_INCREMENT, read at token level.

use super::lex::{LexMode, Token, TokenKind, Tokens};
use super::statement;

/// What the strings are that a column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Characters.
    Text,
    /// Bytes, whatever the connection's character set.
    Bytes,
    /// Neither, or it is not known: ASCII alone means the same everywhere.
    Other,
}

/// A column, as far as the digest has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// The server computes it, so that it is no data of its own.
    pub generated: bool,
    pub float: bool,
    pub holds: Holds,
    /// `SELECT *` and an INSERT without a column list leave it out.
    pub invisible: bool,
}

/// What a CREATE TABLE statement says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// In table order.
    pub columns: Vec<Column>,
    /// The table option; 1 counts as none, as servers do not agree on showing it.
    pub auto_increment: Option<u64>,
}

/// Reads a CREATE TABLE statement; `None` if it has no column list.
pub fn definition(text: &[u8], mode: LexMode) -> Option<Definition> {
    let mut tokens = Tokens::new(text, mode);
    while !tokens.next()?.is("TABLE") {}
    if tokens.eat("IF") {
        tokens.eat("NOT");
        tokens.eat("EXISTS");
    }
    statement::name(&mut tokens)?;
    if !tokens.eat_punct(b'(') {
        return None;
    }
    let mut found = Definition::default();
    loop {
        let (column, last) = item(&mut tokens)?;
        found.columns.extend(column);
        if last {
            break;
        }
    }
    if options_say_binary(tokens.clone()) {
        // Which of its columns are text after all is not looked into.
        let text = found.columns.iter_mut().filter(|column| column.holds == Holds::Text);
        text.for_each(|column| column.holds = Holds::Other);
    }
    found.auto_increment = auto_increment(tokens).filter(|&next| next > 1);
    Some(found)
}

/// Whether a CREATE TABLE statement gives its table a primary key.
pub fn has_primary_key(text: &[u8], mode: LexMode) -> bool {
    let mut tokens = Tokens::new(text, mode);
    while let Some(token) = tokens.next() {
        if token.is("PRIMARY") && tokens.peek().is_some_and(|next| next.is("KEY")) {
            return true;
        }
    }
    false
}

/// One entry of the list: the column, if it is one, and whether the list ends.
fn item(tokens: &mut Tokens<'_>) -> Option<(Option<Column>, bool)> {
    let first = tokens.next()?;
    let float = tokens.peek().is_some_and(|next| next.is("FLOAT"));
    let holds = tokens.peek().map_or(Holds::Other, |next| holds(&next));
    let mut column = column_name(&first).map(|name| Column {
        name,
        generated: false,
        float,
        holds,
        invisible: false,
    });
    let mut depth = 0_u32;
    loop {
        let token = tokens.next()?;
        match token.kind {
            TokenKind::Punct(b'(') => depth += 1,
            TokenKind::Punct(b')') if depth == 0 => return Some((column, true)),
            TokenKind::Punct(b')') => depth -= 1,
            TokenKind::Punct(b',') if depth == 0 => return Some((column, false)),
            TokenKind::Word if depth == 0 => {
                if let Some(column) = &mut column {
                    let computed =
                        token.is("AS") && tokens.peek().is_some_and(|next| next.is_punct(b'('));
                    column.generated |= computed || token.is("GENERATED");
                    column.invisible |= token.is("INVISIBLE");
                    if column.holds == Holds::Text && says_binary(&token, tokens) {
                        column.holds = Holds::Bytes;
                    }
                }
            }
            _ => {}
        }
    }
}

/// What a column of that type takes.
pub(super) fn holds(kind: &Token<'_>) -> Holds {
    const TEXT: [&str; 13] = [
        "CHAR",
        "CHARACTER",
        "NCHAR",
        "NATIONAL",
        "VARCHAR",
        "NVARCHAR",
        "TINYTEXT",
        "TEXT",
        "MEDIUMTEXT",
        "LONGTEXT",
        "ENUM",
        "SET",
        "JSON",
    ];
    const BYTES: [&str; 17] = [
        "BINARY",
        "VARBINARY",
        "TINYBLOB",
        "BLOB",
        "MEDIUMBLOB",
        "LONGBLOB",
        "BIT",
        "GEOMETRY",
        "POINT",
        "LINESTRING",
        "POLYGON",
        "MULTIPOINT",
        "MULTILINESTRING",
        "MULTIPOLYGON",
        "GEOMETRYCOLLECTION",
        "GEOMCOLLECTION",
        "VECTOR",
    ];
    match () {
        () if TEXT.iter().any(|word| kind.is(word)) => Holds::Text,
        () if BYTES.iter().any(|word| kind.is(word)) => Holds::Bytes,
        () => Holds::Other,
    }
}

/// Whether `CHARACTER SET binary` or its like begins with this word.
fn says_binary(word: &Token<'_>, rest: &Tokens<'_>) -> bool {
    if word.is("BYTE") {
        return true;
    }
    let mut ahead = rest.clone();
    if !(word.is("CHARSET") || word.is("CHARACTER") && ahead.eat("SET")) {
        return false;
    }
    ahead.eat_punct(b'=');
    ahead.next().is_some_and(|set| {
        set.is("binary") || set.raw.trim_ascii().eq_ignore_ascii_case(b"'binary'")
    })
}

fn options_say_binary(mut options: Tokens<'_>) -> bool {
    while let Some(word) = options.next() {
        if says_binary(&word, &options) {
            return true;
        }
    }
    false
}

/// Keys and constraints begin with a keyword, columns with a name.
fn column_name(first: &Token<'_>) -> Option<String> {
    let keywords = [
        "PRIMARY",
        "UNIQUE",
        "KEY",
        "INDEX",
        "FULLTEXT",
        "SPATIAL",
        "VECTOR",
        "CONSTRAINT",
        "FOREIGN",
        "CHECK",
        "PERIOD",
    ];
    if keywords.iter().any(|word| first.is(word)) { None } else { first.name() }
}

fn auto_increment(mut tokens: Tokens<'_>) -> Option<u64> {
    while let Some(token) = tokens.next() {
        if token.is("AUTO_INCREMENT") {
            tokens.eat_punct(b'=');
            let value = tokens.next()?;
            return std::str::from_utf8(value.raw).ok()?.parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_key_is_no_name_and_no_comment() {
        let has = |text: &str| has_primary_key(text.as_bytes(), LexMode::default());
        assert!(has("CREATE TABLE t (a int NOT NULL, PRIMARY KEY (a))"));
        assert!(has("CREATE TABLE t (a int PRIMARY KEY)"));
        assert!(!has("CREATE TABLE t (`PRIMARY` int COMMENT 'PRIMARY KEY', UNIQUE KEY (a))"));
    }

    #[test]
    fn reads_columns_and_the_counter() {
        let text = "CREATE TABLE `a``b` (\n `id` int NOT NULL AUTO_INCREMENT COMMENT 'x) \
                    AUTO_INCREMENT=9',\n `d` decimal(10,2) DEFAULT (cast(1 as signed)),\n `key` int \
                    GENERATED ALWAYS AS ((`id` * 2)) VIRTUAL,\n `i` int /*!80023 INVISIBLE */,\n \
                    `o` int AS (1) PERSISTENT, PRIMARY KEY (`id`), CONSTRAINT `c` CHECK ((`id` > \
                    0))) ENGINE=InnoDB AUTO_INCREMENT=42 COMMENT='AUTO_INCREMENT=7'";
        let found = definition(text.as_bytes(), LexMode::default()).unwrap();
        let names: Vec<_> = found.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["id", "d", "key", "i", "o"]);
        let generated: Vec<_> = found.columns.iter().map(|column| column.generated).collect();
        assert_eq!(generated, [false, false, true, false, true]);
        assert!(found.columns[3].invisible);
        assert_eq!(found.auto_increment, Some(42));
        assert!(definition(b"CREATE TABLE a LIKE b", LexMode::default()).is_none());
        let text = "CREATE TABLE t (a char(9) CHARACTER SET binary, b varchar(9) COLLATE \
                    latin1_bin, c longblob, d bit(9), e int, f text CHARSET=latin1 DEFAULT NULL)";
        let found = definition(text.as_bytes(), LexMode::default()).unwrap();
        let holds: Vec<_> = found.columns.iter().map(|column| column.holds).collect();
        use Holds::{Bytes, Other, Text};
        assert_eq!(holds, [Bytes, Text, Bytes, Bytes, Other, Text]);
        let text = b"CREATE TABLE t (a char(9), b blob) DEFAULT CHARSET=binary";
        let found = definition(text, LexMode::default()).unwrap();
        assert_eq!(found.columns[0].holds, Other);
        let one = definition(b"CREATE TABLE a (b int) AUTO_INCREMENT=1", LexMode::default());
        assert_eq!(one.unwrap().auto_increment, None);
    }
}
