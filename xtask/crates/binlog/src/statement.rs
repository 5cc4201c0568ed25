//! What the text of a statement begins with, as far as a transaction's shape depends on it.

/// What a statement in the log does, judged by its first words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Changes rows, and no row events say which: `binlog_format` was not ROW.
    Rows,
    /// Empties a table.
    Truncate,
    /// CREATE, ALTER, DROP, RENAME: changes what there is.
    Definition,
    /// DROP of temporary tables alone, which no other session saw.
    Temporary,
    /// Accounts and privileges.
    Accounts,
    /// ANALYZE, OPTIMIZE, FLUSH and their like: no row's value changes.
    Administration,
    /// Something else.
    Other,
}

/// A statement as the assembler needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb<'a> {
    Begin,
    Commit,
    Rollback,
    /// SAVEPOINT and what belongs to it, and the inner steps of an XA transaction.
    Inner,
    XaStart,
    XaCommit(&'a str),
    XaRollback(&'a str),
    Statement(Kind),
}

/// Reads the first words. Comments are passed over; what `/*! */` holds is text.
pub(crate) fn verb(text: &str) -> Verb<'_> {
    let mut words = Words { rest: text, executable: false };
    let mut next = || words.next().map(str::to_ascii_uppercase).unwrap_or_default();
    let (first, second, third) = (next(), next(), next());
    let statement = |kind| Verb::Statement(kind);
    match first.as_str() {
        "BEGIN" if second.is_empty() => Verb::Begin,
        "START" if second == "TRANSACTION" => Verb::Begin,
        "COMMIT" if second.is_empty() => Verb::Commit,
        "ROLLBACK" if second.is_empty() => Verb::Rollback,
        "ROLLBACK" if second == "TO" => Verb::Inner,
        "SAVEPOINT" => Verb::Inner,
        "RELEASE" if second == "SAVEPOINT" => Verb::Inner,
        "XA" => match second.as_str() {
            "START" | "BEGIN" => Verb::XaStart,
            "END" => Verb::Inner,
            "COMMIT" => Verb::XaCommit(after(text, "COMMIT")),
            "ROLLBACK" => Verb::XaRollback(after(text, "ROLLBACK")),
            _ => statement(Kind::Other),
        },
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "LOAD" | "WITH" | "CALL" | "SELECT" => {
            statement(Kind::Rows)
        }
        "TRUNCATE" => statement(Kind::Truncate),
        "DROP" if second == "TEMPORARY" && third == "TABLE" => statement(Kind::Temporary),
        "CREATE" | "DROP" if ["USER", "ROLE"].contains(&second.as_str()) => {
            statement(Kind::Accounts)
        }
        "ALTER" if second == "USER" => statement(Kind::Accounts),
        "RENAME" if second == "USER" => statement(Kind::Accounts),
        "CREATE" | "ALTER" | "DROP" | "RENAME" | "IMPORT" => statement(Kind::Definition),
        "GRANT" | "REVOKE" => statement(Kind::Accounts),
        "SET" if ["PASSWORD", "DEFAULT"].contains(&second.as_str()) => statement(Kind::Accounts),
        "ANALYZE" | "OPTIMIZE" | "FLUSH" | "CHECK" | "CHECKSUM" => statement(Kind::Administration),
        _ => statement(Kind::Other),
    }
}

/// What stands behind a word that the server wrote in capitals.
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    text.split_once(word).map_or("", |(_, rest)| rest.trim())
}

/// Words of SQL text: letters and digits; each other character is a word of its own.
struct Words<'a> {
    rest: &'a str,
    /// Inside of `/*! */`, whose end is passed over.
    executable: bool,
}

impl<'a> Words<'a> {
    /// Passes over blanks and comments.
    fn skip(&mut self) {
        loop {
            let text = self.rest.trim_start();
            self.rest = text;
            if let Some(rest) = text.strip_prefix("/*!").or_else(|| text.strip_prefix("/*M!")) {
                self.rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                self.executable = true;
            } else if let Some(rest) = text.strip_prefix("/*") {
                self.rest = rest.split_once("*/").map_or("", |(_, rest)| rest);
            } else if self.executable && text.starts_with("*/") {
                self.rest = text.get(2..).unwrap_or_default();
                self.executable = false;
            } else if text.starts_with('#')
                || text.strip_prefix("--").is_some_and(|rest| {
                    rest.is_empty()
                        || rest.starts_with(|c: char| c.is_whitespace() || c.is_control())
                })
            {
                self.rest = text.split_once('\n').map_or("", |(_, rest)| rest);
            } else {
                return;
            }
        }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.skip();
        let text = self.rest;
        let first = text.chars().next()?;
        let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = if part(first) {
            text.find(|c: char| !part(c)).unwrap_or(text.len())
        } else {
            first.len_utf8()
        };
        let (word, rest) = text.split_at(end);
        self.rest = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_servers_write_around_rows_is_no_statement() {
        for (text, wanted) in [
            ("BEGIN", Verb::Begin),
            ("COMMIT", Verb::Commit),
            ("ROLLBACK", Verb::Rollback),
            ("SAVEPOINT `a`", Verb::Inner),
            ("ROLLBACK TO `a`", Verb::Inner),
            ("XA START X'6f',X'',1", Verb::XaStart),
            ("XA END X'6f',X'',1", Verb::Inner),
            ("XA COMMIT X'6f',X'',1", Verb::XaCommit("X'6f',X'',1")),
            ("XA ROLLBACK X'6f',X'',1", Verb::XaRollback("X'6f',X'',1")),
        ] {
            assert_eq!(verb(text), wanted, "{text}");
        }
    }

    #[test]
    fn statements_are_told_by_their_first_words() {
        for (text, wanted) in [
            ("/* a */ -- b\n# c\n insert INTO t VALUES (1)", Kind::Rows),
            ("/*!80000 UPDATE */ t SET a=1", Kind::Rows),
            ("WITH a AS (SELECT 1) DELETE FROM t", Kind::Rows),
            ("TRUNCATE t", Kind::Truncate),
            ("DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `a`", Kind::Temporary),
            ("DROP TEMPORARY TABLE a", Kind::Temporary),
            ("DROP TABLE `temporary`", Kind::Definition),
            ("CREATE TABLE t (a INT)", Kind::Definition),
            ("ALTER USER a", Kind::Accounts),
            ("GRANT SELECT ON *.* TO a", Kind::Accounts),
            ("ANALYZE TABLE t", Kind::Administration),
            ("BEGIN; DROP TABLE t", Kind::Other),
            ("", Kind::Other),
            ("/* never closed", Kind::Other),
            ("--1", Kind::Other),
            ("é", Kind::Other),
        ] {
            assert_eq!(verb(text), Verb::Statement(wanted), "{text}");
        }
    }
}
