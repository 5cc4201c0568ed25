//! Definitions as SHOW CREATE prints them, freed of what a restore may change.

/// Takes `AUTO_INCREMENT=…` out of the table options. It follows the engine,
/// and only the options' line begins with a parenthesis.
pub(super) fn split_auto_increment(ddl: &str) -> (String, Option<u64>) {
    const WORD: &str = " AUTO_INCREMENT=";
    let Some(options) = ddl.find("\n) ENGINE=") else { return (ddl.to_owned(), None) };
    let line_end = ddl[options + 1..].find('\n').map_or(ddl.len(), |n| options + 1 + n);
    let comment = ddl[options..line_end].find(" COMMENT=").map_or(line_end, |n| options + n);
    let Some(at) = ddl[options..comment].find(WORD).map(|n| options + n) else {
        return (ddl.to_owned(), None);
    };
    let digits = ddl[at + WORD.len()..].chars().take_while(char::is_ascii_digit).count();
    let end = at + WORD.len() + digits;
    let value = ddl[at + WORD.len()..end].parse().ok();
    (format!("{}{}", &ddl[..at], &ddl[end..]), value.filter(|n| *n > 1))
}

/// Takes `CHARACTER SET x` out where `COLLATE x_…` follows and implies it: MySQL
/// prints it or not depending on how the column was once written, and a dump and
/// its restore change that without changing the column. Quoted text stays.
pub(super) fn without_implied_charset(ddl: &str) -> String {
    const WORDS: &str = " CHARACTER SET ";
    let mut out = String::with_capacity(ddl.len());
    let mut rest = ddl;
    while let Some(at) = rest.find(['`', '\'', 'C']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if !from.starts_with('C') {
            let end = quoted_end(from);
            out.push_str(&from[..end]);
            rest = &from[end..];
            continue;
        }
        let implied = out
            .ends_with(' ')
            .then(|| from.strip_prefix(&WORDS[1..]))
            .flatten()
            .and_then(|after| after.split_once(" COLLATE "))
            .filter(|(charset, after)| {
                !charset.contains(' ')
                    && after.strip_prefix(*charset).is_some_and(|tail| tail.starts_with('_'))
            });
        match implied {
            Some((charset, _)) => {
                rest = &from[WORDS.len() - 1 + charset.len() + 1..];
            }
            None => {
                out.push('C');
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Length of the quoted text that begins `text`; doubled quotes belong to it, and
/// a backslash escapes in strings.
fn quoted_end(text: &str) -> usize {
    let quote = text.as_bytes()[0];
    let mut at = 1;
    while let Some(&byte) = text.as_bytes().get(at) {
        if byte == b'\\' && quote == b'\'' {
            at += 2;
        } else if byte == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Takes the definer out of a definition as SHOW CREATE prints it, where it is
/// always quoted and stands before the object's kind. The quotes are double ones
/// for what was created under ANSI_QUOTES.
pub(super) fn without_definer(ddl: &str) -> (String, String) {
    const WORD: &str = "DEFINER=";
    let head = ddl.find(['\'', '(', '\n']).unwrap_or(ddl.len());
    let Some(at) = ddl.find(WORD).filter(|at| *at < head) else {
        return (ddl.to_owned(), String::new());
    };
    let rest = &ddl[at + WORD.len()..];
    let mut inside = None;
    let end = rest.find(|c: char| {
        match inside {
            Some(quote) if c == quote => inside = None,
            None if matches!(c, '`' | '"') => inside = Some(c),
            _ => {}
        }
        c == ' ' && inside.is_none()
    });
    let Some(end) = end else { return (ddl.to_owned(), String::new()) };
    (format!("{}{}", &ddl[..at], rest[end..].trim_start()), rest[..end].to_owned())
}

/// Takes `ON COMPLETION NOT PRESERVE`, which is the default, out of an event: under
/// `HIGH_NOT_PRECEDENCE` no server reads what it prints there.
pub(super) fn without_default_completion(ddl: &str) -> String {
    const WORDS: &str = " ON COMPLETION NOT PRESERVE";
    let schedule = ddl.find(" ON SCHEDULE ").unwrap_or(ddl.len());
    let Some(at) = ddl[schedule..].find(WORDS).map(|n| schedule + n) else { return ddl.to_owned() };
    // In a body, the words are someone's own.
    if ddl[schedule..at].contains(" DO ") {
        return ddl.to_owned();
    }
    format!("{}{}", &ddl[..at], &ddl[at + WORDS.len()..])
}

/// Takes the schema's own name out of a view, where MariaDB shows it: in every view with
/// JSON_TABLE in or below it. A view that has the name for something else stays as it is.
pub(super) fn without_own_schema(ddl: &str, schema: &str) -> String {
    let name = format!("`{}`", schema.replace('`', "``"));
    let mut out = String::with_capacity(ddl.len());
    let mut rest = ddl;
    while let Some(at) = rest.find(['`', '\'', '"']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = quoted_end(from);
        let (quoted, after) = from.split_at(end);
        let qualifies = !before.ends_with('.') && after.starts_with('.');
        match quoted == name {
            true if qualifies => rest = &after[1..],
            true if !before.ends_with('.') => return ddl.to_owned(),
            _ => {
                out.push_str(quoted);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Takes the schema's name out of a trigger's head: `` `mydb`.`t` `` is `` `t` ``.
pub(super) fn without_schema(ddl: &str, schema: &str) -> String {
    let quoted = |quote: char| {
        let doubled = schema.replace(quote, &format!("{quote}{quote}"));
        format!("{quote}{doubled}{quote}.")
    };
    let forms = [quoted('`'), quoted('"'), format!("{schema}.")];
    let head = ddl.to_ascii_uppercase().find("FOR EACH").unwrap_or(ddl.len());
    let mut out = String::with_capacity(ddl.len());
    let mut at = 0;
    while at < head {
        let rest = &ddl[at..];
        let first = rest.chars().next().unwrap_or(' ');
        let fresh = out.ends_with(char::is_whitespace);
        if let Some(form) = forms.iter().find(|form| fresh && rest.starts_with(form.as_str())) {
            at += form.len();
            continue;
        }
        let len = if matches!(first, '`' | '"') { quoted_end(rest) } else { first.len_utf8() };
        out.push_str(&rest[..len]);
        at += len;
    }
    out.push_str(&ddl[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_of_an_event_is_taken_out_of_its_head_only() {
        assert_eq!(
            without_default_completion(
                "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE DISABLE DO SELECT 1"
            ),
            "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1"
        );
        let kept = "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DO SELECT ' ON COMPLETION NOT PRESERVE'";
        assert_eq!(without_default_completion(kept), kept);
    }

    #[test]
    fn the_schema_is_taken_out_of_a_view_of_its_own() {
        let read = |ddl: &str| without_own_schema(ddl, "my db");
        assert_eq!(
            read(
                "CREATE VIEW `v` AS select `a`.`my db` AS `x`,'`my db`.' AS `s` from `my db`.`t` `a` join `o`.`u`"
            ),
            "CREATE VIEW `v` AS select `a`.`my db` AS `x`,'`my db`.' AS `s` from `t` `a` join `o`.`u`"
        );
        let alias = "CREATE VIEW `v` AS select `my db`.`a` AS `a` from `t` `my db`";
        assert_eq!(read(alias), alias);
    }

    #[test]
    fn auto_increment_is_taken_out_of_the_options_only() {
        let ddl = "CREATE TABLE `t` (\n  `a` int COMMENT ' AUTO_INCREMENT=9',\n  PRIMARY KEY (`a`)\n) ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4 COMMENT='x AUTO_INCREMENT=7'";
        let (rest, value) = split_auto_increment(ddl);
        assert_eq!(value, Some(42));
        assert!(rest.contains("InnoDB DEFAULT CHARSET"), "{rest}");
        assert!(
            rest.contains("x AUTO_INCREMENT=7") && rest.contains("' AUTO_INCREMENT=9'"),
            "{rest}"
        );
        let only_in_comment =
            "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB COMMENT='x AUTO_INCREMENT=7'";
        assert_eq!(split_auto_increment(only_in_comment), (only_in_comment.to_owned(), None));
    }

    #[test]
    fn an_implied_character_set_is_left_out() {
        let read = without_implied_charset;
        assert_eq!(
            read("  `a` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"),
            "  `a` varchar(9) COLLATE utf8mb4_bin NOT NULL,"
        );
        for kept in [
            "  `a CHARACTER SET utf8mb4 COLLATE utf8mb4_bin` int",
            "  `a` int COMMENT 'it''s CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'",
            "  `a` text CHARACTER SET latin1 NOT NULL, COLLATE utf8mb4_bin",
            "  `a` text CHARACTER SET latin1",
        ] {
            assert_eq!(read(kept), kept);
        }
    }

    #[test]
    fn the_schema_is_taken_out_of_a_triggers_head_only() {
        let read = |ddl: &str| without_schema(ddl, "my db");
        assert_eq!(
            read(
                "CREATE TRIGGER `my db`.`t` BEFORE INSERT ON `my db`.`x` FOR EACH ROW INSERT INTO `my db`.`y` VALUES (1)"
            ),
            "CREATE TRIGGER `t` BEFORE INSERT ON `x` FOR EACH ROW INSERT INTO `my db`.`y` VALUES (1)"
        );
        let kept = "CREATE TRIGGER `a my db.b` BEFORE INSERT ON \"my db\" FOR EACH ROW SET @x = 1";
        assert_eq!(read(kept), kept);
        assert_eq!(
            without_schema("CREATE TRIGGER d.t AFTER DELETE ON d.x FOR EACH", "d"),
            "CREATE TRIGGER t AFTER DELETE ON x FOR EACH"
        );
    }

    #[test]
    fn definers_are_taken_out_of_the_head_only() {
        let (ddl, definer) = without_definer(
            "CREATE DEFINER=`a b`@`%` TRIGGER `t` BEFORE INSERT ON `x` FOR EACH ROW SET @a='DEFINER=`u`@`h` '",
        );
        assert_eq!(definer, "`a b`@`%`");
        assert!(
            ddl.starts_with("CREATE TRIGGER `t`") && ddl.ends_with("'DEFINER=`u`@`h` '"),
            "{ddl}"
        );
        let (ddl, definer) =
            without_definer("CREATE DEFINER=\"a b`\"@\"%\" FUNCTION \"f\"() RETURNS int RETURN 1");
        assert_eq!(definer, "\"a b`\"@\"%\"");
        assert!(ddl.starts_with("CREATE FUNCTION \"f\""), "{ddl}");
        let (ddl, definer) = without_definer(
            "CREATE ALGORITHM=UNDEFINED DEFINER=`r`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1",
        );
        assert_eq!(definer, "`r`@`%`");
        assert_eq!(ddl, "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select 1");
    }
}
