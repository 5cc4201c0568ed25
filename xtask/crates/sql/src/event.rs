//! The inverse of [`super::disable_event`], for definitions read back from a server.

use super::lex::{LexMode, Tokens};

/// A `SHOW CREATE EVENT` text with its top-level `DISABLE` turned into `ENABLE`.
/// Names and comments are left alone: only a bare word before `DO` counts.
pub fn enable_event(ddl: &str) -> String {
    for token in Tokens::new(ddl.as_bytes(), LexMode::default()) {
        if token.is("DO") {
            break;
        }
        if token.is("DISABLE") {
            return format!("{}ENABLE{}", &ddl[..token.at], &ddl[token.end()..]);
        }
    }
    ddl.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_status_word_counts() {
        let ddl = "CREATE EVENT `DISABLE DO` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE DISABLE COMMENT 'DISABLE' DO SET @a = 'DISABLE'";
        assert_eq!(
            enable_event(ddl),
            "CREATE EVENT `DISABLE DO` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE COMMENT 'DISABLE' DO SET @a = 'DISABLE'"
        );
        let enabled = "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ENABLE DO DISABLE";
        assert_eq!(enable_event(enabled), enabled);
    }
}
