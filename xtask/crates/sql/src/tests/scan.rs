//! Splitting follows the mysql client, and joining gives the file back.

use proptest::prelude::*;

use crate::{Form, Scanner};

/// Every item's form and text; asserts that the parts join to the input, for
/// several read sizes.
fn split(input: &[u8]) -> anyhow::Result<Vec<(Form, String)>> {
    let whole = split_in(input, 1 << 20);
    for size in [1, 7] {
        let other = split_in(input, size);
        assert_eq!(whole.as_ref().ok(), other.as_ref().ok());
    }
    whole
}

fn split_in(input: &[u8], size: usize) -> anyhow::Result<Vec<(Form, String)>> {
    let mut scanner = Scanner::new(std::io::BufReader::with_capacity(size, input));
    let mut joined = Vec::new();
    let mut all = Vec::new();
    while let Some(item) = scanner.next()? {
        let before = joined.len() + item.lead.len();
        let line = 1 + input[..before].iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!((item.line, item.offset), (line, joined.len() as u64));
        joined.extend_from_slice(item.lead);
        joined.extend_from_slice(item.text);
        joined.extend_from_slice(item.tail);
        all.push((item.form, String::from_utf8_lossy(item.text).into_owned()));
    }
    assert_eq!(joined, input);
    Ok(all)
}

fn sql(input: &str) -> Vec<String> {
    let all = split(input.as_bytes()).unwrap();
    all.into_iter().filter(|(form, _)| *form == Form::Sql).map(|(_, text)| text).collect()
}

#[test]
fn splits_at_the_delimiter_only() {
    assert_eq!(sql("a;b ; c;"), ["a", "b ", "c"]);
    assert_eq!(
        sql("a ';' \";\" `;` /* ; */ -- ;\n # ;\n b;"),
        ["a ';' \";\" `;` /* ; */ -- ;\n # ;\n b"]
    );
    assert_eq!(sql(r"a '\';' 'x'';' `\`; b;"), [r"a '\';' 'x'';' `\`", "b"]);
    assert_eq!(sql("5--3;"), ["5--3"]);
    assert_eq!(sql("/*!50003 a /* ; */ ';' b*/;c;"), ["/*!50003 a /* ; */ ';' b*/", "c"]);
    assert_eq!(sql("--x;\na;"), ["a"], "any -- at a statement's start");
    assert_eq!(sql(";;a;"), ["", "", "a"]);
    assert_eq!(sql("-- only\n/* comments */\n"), Vec::<String>::new());
}

#[test]
fn delimiter_lines_are_followed() {
    assert_eq!(sql("DELIMITER ;;\nBEGIN a; b; END;;\ndelimiter ; \nc;"), ["BEGIN a; b; END", "c"]);
    assert_eq!(sql("  DELIMITER $$ ignored\r\na;b$$\r\nDELIMITER ;\r\nc;\r\n"), ["a;b", "c"]);
    assert!(split(b"DELIMITER \nx;").is_err());
}

#[test]
fn sql_mode_changes_what_a_string_is() {
    let text = "SET sql_mode='NO_BACKSLASH_ESCAPES';\na '\\';b;SET sql_mode='';a '\\';b';";
    assert_eq!(sql(text)[1..3], ["a '\\'", "b"]);
    assert_eq!(sql(text)[4], "a '\\';b'");
}

#[test]
fn client_commands_and_the_sandbox_line_stand_apart() {
    for line in ["\\! id", "source x", "  \\. x", "use mydb", "system ls", "\\u x"] {
        let all = split(format!("a;\n{line}\nb;").as_bytes()).unwrap();
        assert_eq!(all[1].0, Form::Command, "{line}");
        assert_eq!(all[2], (Form::Sql, "b".to_owned()));
    }
    assert_eq!(sql("use `mydb`;\nb;"), ["use `mydb`", "b"]);
    for line in ["/*M!999999\\- enable the sandbox mode */ ", "/*!999999\\- sandbox */"] {
        let all = split(format!("{line}\n-- x\na;").as_bytes()).unwrap();
        assert_eq!(all[0], (Form::Sandbox, line.to_owned()));
        assert_eq!(all[1].1, "a");
    }
    let mut scanner = Scanner::new(&b"SELECT 1 \\g x;"[..]);
    assert!(scanner.next().unwrap().unwrap().stray_backslash);
    let mut scanner = Scanner::new(&b"SELECT '\\g', \\N;"[..]);
    assert!(!scanner.next().unwrap().unwrap().stray_backslash);
}

#[test]
fn a_cut_off_file_is_an_error() {
    for text in ["a", "a;\nb", "a 'x;", "a `", "/* x", "a;\n/*!50003 b */", "a -- ;"] {
        let error = split(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("ends inside"), "{text}: {error}");
    }
    let error = split(b"a;\n\nb 'c;\n").unwrap_err().to_string();
    assert!(error.contains("line 3"), "{error}");
}

/// A stretch of SQL that is whole in itself, with hostile insides.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9 =(),@.\t\n]{0,12}",
        "[a-z;\n\"`#*/é🎬-]{0,10}".prop_map(|s| format!("'{s}'")),
        "[a-z;]{0,6}".prop_map(|s| format!("'{s}\\'''\\\\'")),
        "[a-z;\n'`#*/-]{0,10}".prop_map(|s| format!("\"{s}\"")),
        "[a-z;\n'\"#*/\\\\-]{0,10}".prop_map(|s| format!("`{s}```")),
        "[a-z;'\"`\n]{0,10}".prop_map(|s| format!(" /* {s} */ ")),
        "[a-z;'\"`*/]{0,10}".prop_map(|s| format!(" -- {s}\n")),
        "[a-z;'\"`*/]{0,10}".prop_map(|s| format!(" #{s}\n")),
        "[a-z ,]{0,10}".prop_map(|s| format!(" /*!50003 {s} ';' /* ; */ */ ")),
    ]
}

fn statement() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..6).prop_map(|parts| format!("x{}", parts.concat()))
}

proptest! {
    #[test]
    fn join_of_split_is_identity(list in prop::collection::vec(statement(), 0..6)) {
        let mut text = String::new();
        for (at, one) in list.iter().enumerate() {
            // Every other statement under another delimiter.
            if at % 2 == 1 {
                text.push_str(&format!("\nDELIMITER $$\n{one}$$\nDELIMITER ;\n"));
            } else {
                text.push_str(&format!("{one};\n"));
            }
        }
        let found = split(text.as_bytes());
        // A string may hold the other delimiter's bytes, never outside of one.
        let found = found.unwrap();
        let texts: Vec<String> =
            found.into_iter().filter(|(f, _)| *f == Form::Sql).map(|(_, t)| t).collect();
        prop_assert_eq!(texts, list);
    }

    #[test]
    fn no_input_panics_or_loses_bytes(input in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = split(&input);
    }

    #[test]
    fn no_sql_like_input_panics(input in "[a'\"`;\\\\#/*!\n DELIMITER$-]{0,120}") {
        let _ = split(input.as_bytes());
    }
}
