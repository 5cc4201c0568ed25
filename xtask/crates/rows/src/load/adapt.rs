//! A CREATE TABLE that another server took and this one refuses, without the clause that it
//! refuses: only where the table holds the same without it.

use sql::LexMode;
use sql::lex::{TokenKind, Tokens};

/// The statement without what the server refuses with that error, and why; `None` where
/// there is no such clause.
pub(super) fn adapted(code: u16, text: &[u8], mode: LexMode) -> Option<(Vec<u8>, &'static str)> {
    match code {
        3822 => {
            let why = "its CHECK constraints get names of the server: another table has one of \
                       the same name, and MySQL wants them unique in a schema";
            without_check_names(text, mode).map(|text| (text, why))
        }
        1005 | 1031 | 1478 => {
            let why = "ROW_FORMAT=FIXED is left out: InnoDB has no such format";
            without_fixed_rows(text, mode).map(|text| (text, why))
        }
        _ => None,
    }
}

/// `CONSTRAINT x CHECK (…)` becomes `CHECK (…)`.
fn without_check_names(text: &[u8], mode: LexMode) -> Option<Vec<u8>> {
    let all: Vec<_> = Tokens::new(text, mode).collect();
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    for three in all.windows(3) {
        let [constraint, name, check] = three else { continue };
        let named = matches!(name.kind, TokenKind::Name | TokenKind::Word);
        let plain = three.iter().all(|token| token.version.is_none());
        if constraint.is("CONSTRAINT") && named && check.is("CHECK") && plain {
            out.extend_from_slice(&text[done..constraint.at]);
            out.push(b' ');
            done = check.at;
        }
    }
    out.extend_from_slice(&text[done..]);
    (done > 0).then_some(out)
}

/// Without the option `ROW_FORMAT=FIXED`.
fn without_fixed_rows(text: &[u8], mode: LexMode) -> Option<Vec<u8>> {
    let mut tokens = Tokens::new(text, mode);
    let mut depth = 0_u32;
    while let Some(token) = tokens.next() {
        match token.kind {
            TokenKind::Punct(b'(') => depth += 1,
            TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
            TokenKind::Word if depth == 0 && token.is("ROW_FORMAT") => {
                tokens.eat_punct(b'=');
                let value = tokens.next()?;
                if !value.is("FIXED") || token.version.is_some() || value.version.is_some() {
                    return None;
                }
                return Some([&text[..token.at], b" ", &text[value.end()..]].concat());
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(code: u16, text: &str) -> Option<String> {
        let found = adapted(code, text.as_bytes(), LexMode::default())?;
        Some(String::from_utf8(found.0).unwrap())
    }

    #[test]
    fn only_the_clause_in_question_goes() {
        assert_eq!(
            run(
                3822,
                "CREATE TABLE `a` (`d` text CHECK (json_valid(`d`)), CONSTRAINT `CONSTRAINT_1` CHECK \
                 (`d` <> 'CONSTRAINT x CHECK'), CONSTRAINT f FOREIGN KEY (a) REFERENCES b (c))"
            )
            .unwrap(),
            "CREATE TABLE `a` (`d` text CHECK (json_valid(`d`)),  CHECK \
             (`d` <> 'CONSTRAINT x CHECK'), CONSTRAINT f FOREIGN KEY (a) REFERENCES b (c))"
        );
        assert_eq!(run(3822, "CREATE TABLE a (b int, CHECK (b > 0))"), None);
        let fixed =
            "CREATE TABLE a (b int) ENGINE=InnoDB ROW_FORMAT = fixed COMMENT 'ROW_FORMAT=FIXED'";
        let plain = "CREATE TABLE a (b int) ENGINE=InnoDB   COMMENT 'ROW_FORMAT=FIXED'";
        assert_eq!(run(1031, fixed).as_deref(), Some(plain));
        assert_eq!(run(1031, "CREATE TABLE a (b int) ROW_FORMAT=COMPRESSED"), None);
        assert_eq!(run(1064, fixed), None);
    }
}
