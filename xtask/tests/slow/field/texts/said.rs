//! Text that shells and editors converted, and what a person can say of it.

use mysql::prelude::Queryable as _;

use super::{beside, demand_refused, each, file, said};

fn dump(text: &[u8]) -> Vec<u8> {
    let head = "-- MySQL dump 10.13\n/*!50503 SET NAMES utf8mb4 */;\nCREATE TABLE `room` (`id` int \
                NOT NULL, `name` varchar(60), PRIMARY KEY (`id`)) DEFAULT CHARSET=utf8mb4;\nINSERT INTO `room` VALUES (1,'";
    let end = b"');\n-- Dump completed on 2026-01-01  1:00:00\n";
    [head.as_bytes(), text, end].concat()
}

#[test]
fn text_that_was_read_in_the_wrong_character_set_is_refused() {
    each("misread", |sandbox| {
        for (text, page) in
            [("gr├╢├ƒe τü» ≡ƒÖé", "437"), ("gr├Â├ƒe", "850"), ("grÃ¶ÃŸe â‚¬", "1252")]
        {
            let at = file(sandbox, "misread.sql", &dump(text.as_bytes()));
            let page = format!("code page {page}");
            demand_refused(sandbox, &at, &[&page, "line 4", "--result-file", "--keep-text"]);
            let (into, _) = beside(sandbox, &at, &["--keep-text"]);
            let kept: Option<String> =
                sandbox.root().query_first(format!("SELECT name FROM `{into}`.room")).unwrap();
            assert_eq!(kept.as_deref(), Some(text));
        }
        let at = file(sandbox, "honest.sql", &dump("größe, «CAFÉ» ├─┤ Ã".as_bytes()));
        beside(sandbox, &at, &[]);
        sandbox.sql(&format!("DROP DATABASE `{}__look`", sandbox.schema));
    });
}

#[test]
fn a_file_that_says_utf8_and_is_not_names_the_way() {
    each("ansi", |sandbox| {
        let at = file(sandbox, "ansi.sql", &dump(b"gr\xF6\xDFe ? ?"));
        demand_refused(sandbox, &at, &["line 4", "not UTF-8", "--charset latin1", "--result-file"]);
        let (into, _) = beside(sandbox, &at, &["--charset", "latin1"]);
        let kept: Option<String> =
            sandbox.root().query_first(format!("SELECT name FROM `{into}`.room")).unwrap();
        assert_eq!(kept.as_deref(), Some("größe ? ?"));
        sandbox.sql(&format!("DROP DATABASE `{into}`"));
        let done = sandbox.xtask(&["db-verify", &at, "--charset", "ebcdic"]);
        assert_eq!(done.code, Some(2), "{}", said(&done));
        let done = sandbox.xtask(&["db-backup", "--json"]);
        assert_eq!(done.code, Some(0), "{}", said(&done));
        for flag in [&["--charset", "latin1"][..], &["--keep-text"]] {
            let args: Vec<&str> = ["db-verify", "latest"].iter().chain(flag).copied().collect();
            let done = sandbox.xtask(&args);
            assert_eq!(done.code, Some(2), "{}", said(&done));
        }
    });
}
