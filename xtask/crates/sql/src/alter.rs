//! What an ALTER does to its table: asked of the server itself, on an empty table of
//! the same definition, by demanding one algorithm after the other.
//!
//! The algorithms are those of the manuals' "Online DDL Operations" (MySQL) and
//! "InnoDB Online DDL" (MariaDB): a server refuses one that it cannot use.

use super::lex::{LexMode, Tokens};
use super::statement::name;
use model::gate::Effect;
use model::ident::quote;

/// The name of the empty table.
pub const PROBE: &str = "__xtask_probe";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The table that the statement alters.
    pub table: String,
    /// Statements on [`PROBE`], the best effect first; the first that the server
    /// accepts names the effect, and if it accepts none the table is copied.
    pub tries: Vec<(Effect, String)>,
}

/// What a statement is to the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It alters a table: the server must be asked.
    Ask(Probe),
    Says(Effect),
}

/// Looks at a statement's text.
pub fn look(statement: &str) -> Known {
    let mut tokens = Tokens::new(statement.as_bytes(), LexMode::default());
    let first = |words: &[&str]| {
        let mut tokens = Tokens::new(statement.as_bytes(), LexMode::default());
        words.iter().any(|word| tokens.eat(word))
    };
    if first(&["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "LOAD", "CALL"]) {
        return Known::Says(Effect::Rows);
    }
    if tokens.eat("ALTER") {
        return alter(statement, tokens).map_or(Known::Says(Effect::Unknown), Known::Ask);
    }
    if tokens.eat("CREATE") {
        let kind = ["UNIQUE", "FULLTEXT", "SPATIAL"].iter().any(|word| tokens.eat(word));
        if tokens.eat("INDEX") {
            return index(statement, tokens).map_or(Known::Says(Effect::Unknown), Known::Ask);
        }
        return Known::Says(if kind { Effect::Unknown } else { Effect::New });
    }
    if first(&["SET", "SELECT"]) { Known::Says(Effect::New) } else { Known::Says(Effect::Unknown) }
}

fn alter(statement: &str, mut tokens: Tokens<'_>) -> Option<Probe> {
    tokens.eat("IGNORE");
    if !tokens.eat("TABLE") {
        return None;
    }
    if tokens.eat("IF") {
        tokens.eat("EXISTS");
    }
    let table = name(&mut tokens)?;
    let rest = &statement[tokens.offset()..];
    let words: Vec<String> = tokens
        .filter(|token| token.kind == super::lex::TokenKind::Word)
        .map(|token| String::from_utf8_lossy(token.raw).to_uppercase())
        .collect();
    // One that chooses for itself, or gives the table another name, is left alone.
    let renamed = words
        .windows(2)
        .any(|two| two[0] == "RENAME" && !["COLUMN", "INDEX", "KEY"].contains(&two[1].as_str()));
    let own = words.iter().any(|word| ["ALGORITHM", "LOCK", "PARTITION"].contains(&word.as_str()));
    if renamed || own || table.schema.is_some() || words.last().is_some_and(|w| w == "RENAME") {
        return None;
    }
    let with = |options: &str| format!("ALTER TABLE {} {rest}, {options}", quote(PROBE));
    Some(Probe {
        table: table.name,
        tries: vec![
            (Effect::Instant, with("ALGORITHM=INSTANT")),
            (Effect::Online, with("ALGORITHM=INPLACE, LOCK=NONE")),
            (Effect::InPlace, with("ALGORITHM=INPLACE")),
        ],
    })
}

fn index(statement: &str, mut tokens: Tokens<'_>) -> Option<Probe> {
    if tokens.eat("IF") {
        tokens.eat("NOT");
        tokens.eat("EXISTS");
    }
    name(&mut tokens)?;
    loop {
        if tokens.eat("ON") {
            break;
        }
        tokens.next()?;
    }
    let start = tokens.peek()?.at;
    let table = name(&mut tokens)?;
    let end = tokens.offset();
    if table.schema.is_some() || statement.to_uppercase().contains("ALGORITHM") {
        return None;
    }
    let with = |options: &str| {
        format!("{}{}{} {options}", &statement[..start], quote(PROBE), &statement[end..])
    };
    Some(Probe {
        table: table.name,
        tries: vec![
            (Effect::Online, with("ALGORITHM=INPLACE LOCK=NONE")),
            (Effect::InPlace, with("ALGORITHM=INPLACE")),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(text: &str) -> Option<Probe> {
        match look(text) {
            Known::Ask(probe) => Some(probe),
            Known::Says(_) => None,
        }
    }

    #[test]
    fn the_table_is_replaced_by_the_probe() {
        let found = probe("-- x\nALTER TABLE `mo``vie` ADD c INT").unwrap();
        assert_eq!(found.table, "mo`vie");
        assert_eq!(found.tries[0].1, "ALTER TABLE `__xtask_probe`  ADD c INT, ALGORITHM=INSTANT");
        let found = probe("CREATE UNIQUE INDEX i ON movie (title)").unwrap();
        assert_eq!(
            found.tries[0].1,
            "CREATE UNIQUE INDEX i ON `__xtask_probe` (title) ALGORITHM=INPLACE LOCK=NONE"
        );
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        for text in [
            "ALTER TABLE a RENAME TO b",
            "ALTER TABLE a RENAME b",
            "ALTER TABLE a ADD c INT, ALGORITHM=COPY",
            "ALTER DATABASE CHARACTER SET utf8mb4",
            "DROP TABLE a",
        ] {
            assert_eq!(look(text), Known::Says(Effect::Unknown), "{text}");
        }
        assert!(probe("ALTER TABLE a RENAME COLUMN b TO c").is_some());
        assert_eq!(look("UPDATE a SET b = 1"), Known::Says(Effect::Rows));
        assert_eq!(look("CREATE TABLE a (b INT)"), Known::Says(Effect::New));
    }
}
