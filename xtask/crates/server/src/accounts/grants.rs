//! What `SHOW GRANTS` says, as data.

use std::collections::BTreeSet;

/// What a right is about. Schema names are patterns, as GRANT takes them:
/// `\_` is an underscore, `_` any character, `%` any text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// `*.*`
    Global,
    /// `` `pattern`.* ``
    Schema(String),
    /// One table: its schema's plain name, and its own.
    Table(String, String),
    /// A routine, or something else that this tool never grants.
    Other(String),
}

/// One line of `SHOW GRANTS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grant {
    /// Privileges in upper case; `ALL PRIVILEGES` is one of them, and so is
    /// `GRANT OPTION`. A privilege on columns only keeps its column list.
    Rights(BTreeSet<String>, Scope),
    Role(String),
    /// A partial revoke: something that a global right does not reach.
    Except(Scope),
    /// A line of another kind (`SET DEFAULT ROLE`, `GRANT PROXY`).
    Nothing,
}

/// `ALL PRIVILEGES`, as `SHOW GRANTS` prints it.
pub(super) const ALL: &str = "ALL PRIVILEGES";

pub(super) fn parse(line: &str) -> Grant {
    if let Some(rest) = line.strip_prefix("REVOKE ") {
        let scope = split_at_word(rest, " ON ").map(|(_, rest)| scope_of(rest, " FROM "));
        return scope.map_or(Grant::Nothing, Grant::Except);
    }
    let Some(rest) = line.strip_prefix("GRANT ") else { return Grant::Nothing };
    let Some((privileges, rest)) = split_at_word(rest, " ON ") else {
        // No ON: a role, `GRANT `r`@`%` TO …`.
        let role = split_at_word(rest, " TO ").map_or(rest, |(role, _)| role);
        return Grant::Role(role.to_owned());
    };
    if privileges == "PROXY" {
        return Grant::Nothing;
    }
    let mut rights: BTreeSet<String> = split_list(privileges)
        .into_iter()
        .map(|name| if name == "ALL" { ALL.to_owned() } else { name })
        .filter(|name| name != "USAGE")
        .collect();
    if line.contains(" WITH GRANT OPTION") {
        rights.insert("GRANT OPTION".to_owned());
    }
    Grant::Rights(rights, scope_of(rest, " TO "))
}

/// Splits at a word that is not inside a quoted name.
fn split_at_word<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut quoted = None;
    for (at, c) in text.char_indices() {
        match quoted {
            // A doubled quote closes and opens again: the same as staying inside.
            Some(quote) if c == quote => quoted = None,
            Some(_) => {}
            None if c == '`' || c == '"' || c == '\'' => quoted = Some(c),
            None if text[at..].starts_with(word) => {
                return Some((&text[..at], &text[at + word.len()..]));
            }
            None => {}
        }
    }
    None
}

/// `SELECT (a, b), LOCK TABLES` as its two parts, without the spaces around them.
fn split_list(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_u32;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn scope_of(text: &str, end: &str) -> Scope {
    let object = split_at_word(text, end).map_or(text, |(object, _)| object).trim();
    if object == "*.*" {
        return Scope::Global;
    }
    let other = || Scope::Other(object.to_owned());
    let object_name = object.strip_prefix("TABLE ").unwrap_or(object);
    let Some((schema, rest)) = name(object_name) else { return other() };
    let Some(rest) = rest.strip_prefix('.') else { return other() };
    match (rest, name(rest)) {
        ("*", _) => Scope::Schema(schema),
        (_, Some((table, ""))) => Scope::Table(schema, table),
        _ => other(),
    }
}

/// A quoted name at the beginning, and what follows it.
fn name(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| *c == '`' || *c == '"')?;
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            name.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            name.push(c);
            chars.next();
        } else {
            return Some((name, &text[at + 1..]));
        }
    }
    None
}

/// A piece of a schema pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    One(char),
    AnyOne,
    AnyText,
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            '\\' => Piece::One(chars.next().unwrap_or('\\')),
            '_' => Piece::AnyOne,
            '%' => Piece::AnyText,
            c => Piece::One(c),
        });
    }
    pieces
}

/// Whether every schema that `narrow` names is also named by `wide`.
pub(super) fn pattern_covers(wide: &str, narrow: &str) -> bool {
    covers_pieces(&pieces(wide), &pieces(narrow))
}

fn covers_pieces(wide: &[Piece], narrow: &[Piece]) -> bool {
    match (wide, narrow) {
        ([], rest) => rest.is_empty(),
        ([Piece::AnyText, wide_rest @ ..], _) => {
            (0..=narrow.len()).any(|skip| covers_pieces(wide_rest, &narrow[skip..]))
        }
        ([Piece::AnyOne, wide_rest @ ..], [first, narrow_rest @ ..]) => {
            *first != Piece::AnyText && covers_pieces(wide_rest, narrow_rest)
        }
        ([one, wide_rest @ ..], [first, narrow_rest @ ..]) => {
            one == first && covers_pieces(wide_rest, narrow_rest)
        }
        (_, []) => false,
    }
}

/// Whether there is a schema that both patterns name.
pub(super) fn patterns_overlap(a: &str, b: &str) -> bool {
    pieces_overlap(&pieces(a), &pieces(b))
}

fn pieces_overlap(a: &[Piece], b: &[Piece]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([Piece::AnyText, rest @ ..], other) | (other, [Piece::AnyText, rest @ ..]) => {
            (0..=other.len()).any(|skip| pieces_overlap(rest, &other[skip..]))
        }
        ([first, rest @ ..], [other, others @ ..]) => {
            let fits = *first == Piece::AnyOne || *other == Piece::AnyOne || first == other;
            fits && pieces_overlap(rest, others)
        }
        _ => false,
    }
}

/// Whether two patterns are the same, however they are escaped.
pub(super) fn same_pattern(a: &str, b: &str) -> bool {
    pieces(a) == pieces(b)
}

impl Scope {
    /// Whether a right here is also a right there.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Global, _) => true,
            (Self::Schema(wide), Self::Schema(narrow)) => pattern_covers(wide, narrow),
            (Self::Schema(wide), Self::Table(schema, _)) => {
                pattern_covers(wide, &model::ident::grant_pattern(schema))
            }
            (a, b) => a == b,
        }
    }

    /// As GRANT and REVOKE take it.
    pub(super) fn sql(&self) -> String {
        use model::ident;
        match self {
            Self::Global => "*.*".to_owned(),
            Self::Schema(pattern) => format!("{}.*", ident::quote(pattern)),
            Self::Table(schema, table) => ident::qualified(schema, table),
            Self::Other(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(names: &[&str], scope: Scope) -> Grant {
        Grant::Rights(names.iter().map(|n| (*n).to_owned()).collect(), scope)
    }

    #[test]
    fn lines_of_mysql() {
        assert_eq!(parse("GRANT USAGE ON *.* TO `backup_user`@`%`"), rights(&[], Scope::Global));
        assert_eq!(
            parse("GRANT SHOW_ROUTINE ON *.* TO `backup_user`@`%`"),
            rights(&["SHOW_ROUTINE"], Scope::Global)
        );
        assert_eq!(
            parse(
                "GRANT SELECT, LOCK TABLES, SHOW VIEW ON `my\\_db`.* TO `b`@`%` WITH GRANT OPTION"
            ),
            rights(
                &["SELECT", "LOCK TABLES", "SHOW VIEW", "GRANT OPTION"],
                Scope::Schema("my\\_db".to_owned())
            )
        );
        assert_eq!(
            parse("GRANT SELECT (`a`, `b`), INSERT ON `d`.`t` TO `u`@`%`"),
            rights(&["SELECT (`a`, `b`)", "INSERT"], Scope::Table("d".into(), "t".into()))
        );
        assert_eq!(parse("GRANT `dev`@`%` TO `u`@`%`"), Grant::Role("`dev`@`%`".into()));
        assert_eq!(
            parse("REVOKE SELECT ON `mysql`.* FROM `u`@`%`"),
            Grant::Except(Scope::Schema("mysql".into()))
        );
        assert_eq!(
            parse("GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION"),
            Grant::Nothing
        );
        assert_eq!(
            parse("GRANT EXECUTE ON PROCEDURE `d`.`p` TO `u`@`%`"),
            rights(&["EXECUTE"], Scope::Other("PROCEDURE `d`.`p`".into()))
        );
    }

    #[test]
    fn lines_of_mariadb_and_odd_names() {
        let usage = "GRANT USAGE ON *.* TO `b`@`%` IDENTIFIED BY PASSWORD '*A4B6157319038724E3560894F7F932C8886EBFCF'";
        assert_eq!(parse(usage), rights(&[], Scope::Global));
        assert_eq!(
            parse("GRANT ALL PRIVILEGES ON `mydb\\_\\_%`.* TO `restore_user`@`%`"),
            rights(&[ALL], Scope::Schema("mydb\\_\\_%".into()))
        );
        assert_eq!(
            parse("GRANT SELECT ON `mysql`.`proc` TO `b`@`%`"),
            rights(&["SELECT"], Scope::Table("mysql".into(), "proc".into()))
        );
        assert_eq!(
            parse("GRANT SELECT ON `a ON b``c TO d`.* TO `u`@`%`"),
            rights(&["SELECT"], Scope::Schema("a ON b`c TO d".into()))
        );
        assert_eq!(parse("SET DEFAULT ROLE `r` FOR `u`@`%`"), Grant::Nothing);
    }

    #[test]
    fn patterns() {
        let covers = |wide, narrow| pattern_covers(wide, narrow);
        assert!(covers("mydb\\_\\_%", "mydb\\_\\_%"));
        assert!(covers("mydb%", "mydb\\_\\_%"));
        assert!(covers("%", "mydb"));
        assert!(covers("my_db", "my\\_db"));
        assert!(!covers("my\\_db", "my_db"));
        assert!(!covers("mydb\\_\\_%", "mydb"));
        assert!(!covers("mydb", "mydb\\_\\_%"));
        assert!(!covers("mydb____", "mydb%"));
        let overlap = |a, b| patterns_overlap(a, b);
        assert!(overlap("my%", "mydb\\_\\_%") && overlap("mydb\\_\\_%", "my%"));
        assert!(overlap("%\\_staging\\_%", "mydb\\_\\_%") && overlap("m_db", "mydb"));
        assert!(!overlap("other", "mydb") && !overlap("other\\_\\_%", "mydb\\_\\_%"));
        assert!(!overlap("mydb2", "mydb\\_\\_%") && !overlap("mydb", "mydb\\_\\_%"));
        assert!(Scope::Schema("mydb".into()).covers(&Scope::Table("mydb".into(), "t".into())));
    }
}
