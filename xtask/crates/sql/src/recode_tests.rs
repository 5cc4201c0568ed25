//! Statements in other character sets: text becomes UTF-8, bytes stay bytes, and what
//! could be either is refused.

use super::*;
use crate::{Guard, Verdict, read_dump_as};
use model::exit::Stop;

/// What is sent of a file: each statement as UTF-8, where it is.
fn read(file: &[u8], reading: Reading) -> Result<Vec<String>> {
    let mut guard = Guard::new().named(reading.charset);
    let mut all = Vec::new();
    read_dump_as(file, reading, &mut |piece, _| {
        if let Verdict::Run = guard.check(piece)? {
            assert_eq!(piece.utf8, piece.utf8 && std::str::from_utf8(piece.text).is_ok());
            all.push(String::from_utf8_lossy(piece.text).into_owned());
        }
        Ok(())
    })?;
    Ok(all)
}

fn stranger(file: &[u8]) -> Result<Vec<String>> {
    read(file, Reading { stranger: true, ..Reading::default() })
}

fn named(file: &[u8], charset: &str) -> Result<Vec<String>> {
    read(file, Reading { stranger: true, charset: Charset::named(charset), keep_text: false })
}

const TABLE: &str = "CREATE TABLE `t` (`id` int, `s` varchar(20), `b` blob);\n";

fn rows(head: &str, values: &[u8]) -> Vec<u8> {
    [head.as_bytes(), TABLE.as_bytes(), b"INSERT INTO `t` VALUES ", values, b";\n"].concat()
}

#[test]
fn a_character_can_end_with_a_backslash() {
    let all =
        stranger(&rows("SET NAMES gbk;\n", b"(1,'\xD6\xD0',NULL),(2,'\xD5\\',NULL)")).unwrap();
    assert_eq!(all[1], "INSERT INTO `t` VALUES (1,'中',NULL),(2,'誠',NULL)");
    let all = stranger(&rows("SET NAMES sjis;\n", b"(1,'\x95\\',NULL)")).unwrap();
    assert_eq!(all[1], "INSERT INTO `t` VALUES (1,'表',NULL)");
    // Where the character set ends, its rules end.
    let file = [
        b"SET NAMES gbk;\n".as_slice(),
        b"SET @x = '\xD5\\';\nSET NAMES utf8mb4;\n",
        "DROP TABLE IF EXISTS `中\\`;\n".as_bytes(),
    ];
    assert_eq!(stranger(&file.concat()).unwrap(), ["DROP TABLE IF EXISTS `中\\`"]);
}

#[test]
fn names_and_definitions_are_text_as_well() {
    let file = b"SET NAMES latin1;\nCREATE TABLE `caf\xE9` (`n\xE4me` text COMMENT 'gr\xFC\xDFe \
                 \\'x\\'', b blob, d char(3) DEFAULT 'n\xF6');\nINSERT INTO `caf\xE9` (`n\xE4me`, b) \
                 VALUES ('\x80','\x80');\n";
    assert_eq!(
        stranger(file).unwrap(),
        [
            "CREATE TABLE `café` (`näme` text COMMENT 'grüße \\'x\\'', b blob, d char(3) DEFAULT \
             'nö')",
            "INSERT INTO `café` (`näme`, b) VALUES ('€',0x80)"
        ]
    );
}

#[test]
fn bytes_stay_bytes() {
    // As mysqldump writes the bytes D6 27 00 D6 5C FF, with and without an introducer.
    let values = b"(1,_binary '\\\xD6\\'\\0\xD6\\\xFF','\\\xD6\\'\\0\xD6\\\xFF')";
    let all = stranger(&rows("SET NAMES gbk;\n", values)).unwrap();
    assert_eq!(all[1], "INSERT INTO `t` VALUES (1,_binary 0xD62700D65CFF,0xD62700D65CFF)");
    let all = stranger(&rows("SET NAMES latin1;\n", b"(1,'\xE9','\xE9''\\'\\\\')")).unwrap();
    assert_eq!(all[1], "INSERT INTO `t` VALUES (1,'é',0xE927275C)");
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    let says = |file: &[u8], words: &str| {
        let error = stranger(file).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        let stop = error.downcast_ref::<Stop>().unwrap();
        assert!(stop.hints.iter().any(|hint| hint.contains("--hex-blob")), "{stop:?}");
    };
    says(&rows("SET NAMES gbk;\n", b"(1,'a\xFF',NULL)"), "line 3");
    says(&rows("SET NAMES gbk;\n", b"(1,'a\xD6',NULL)"), "gbk");
    says(&rows("SET NAMES latin1;\n", b"('\xE9',NULL,NULL)"), "text or bytes");
    says(&rows("SET NAMES dec8;\n", b"(1,'\xE9',NULL)"), "dec8");
    let table = b"SET NAMES latin1;\nCREATE TABLE t (b binary(2) DEFAULT '\xE9');\n";
    says(table, "text or bytes");
}

#[test]
fn a_file_that_says_utf8_is_utf8() {
    let error = stranger(&rows("SET NAMES utf8mb4;\n", b"(1,'gr\xF6\xDFe',NULL)")).unwrap_err();
    assert!(error.to_string().contains("line 3") && error.to_string().contains("not UTF-8"));
    let stop = error.downcast_ref::<Stop>().unwrap();
    assert!(stop.hints.iter().any(|hint| hint.contains("--charset")), "{stop:?}");
    // The bytes of a BLOB need not be.
    assert!(stranger(&rows("", b"(1,'\xC3\xB6','\xFF'),(2,_binary '\xFF',NULL)")).is_ok());
    assert!(stranger(b"DROP TABLE IF EXISTS `\xE9`;\n").is_err());
}

#[test]
fn a_person_can_name_the_character_set() {
    let file = rows("", b"(1,'gr\xF6\xDFe','\xF6')");
    let wanted = "INSERT INTO `t` VALUES (1,'größe',0xF6)";
    assert_eq!(named(&file, "latin1").unwrap()[1], wanted);
    // Whatever the file says.
    let file = rows("SET NAMES utf8mb4;\n", b"(1,'gr\xF6\xDFe','\xF6')");
    assert_eq!(named(&file, "cp1252").unwrap()[1], wanted);
    let file = rows("SET NAMES latin1;\n", "(1,'größe',NULL)".as_bytes());
    assert_eq!(named(&file, "utf8").unwrap()[1], "INSERT INTO `t` VALUES (1,'größe',NULL)");
    let program = b"CREATE PROCEDURE `caf\xE9`() SELECT '\xE9'";
    let file = [program.as_slice(), b";\n"].concat();
    assert_eq!(named(&file, "latin1").unwrap(), ["CREATE PROCEDURE `café`() SELECT 'é'"]);
}

#[test]
fn programs_of_such_clients_are_judged_in_utf8() {
    let view = |bytes: &[u8]| {
        [b"SET NAMES gbk;\nCREATE VIEW v AS SELECT '".as_slice(), bytes, b"' AS a;\n"].concat()
    };
    assert_eq!(stranger(&view(b"\xD6\xD0")).unwrap(), ["CREATE VIEW v AS SELECT '中' AS a"]);
    // A name from mysqldump is in UTF-8; the body is not.
    let file = b"SET NAMES gbk;\nCREATE VIEW `\xC3\xA9` AS SELECT '\xC8\xB7', '\xD6\xD0';\n";
    assert_eq!(stranger(file).unwrap(), ["CREATE VIEW `é` AS SELECT '确', '中'"]);
    // What follows the string is a statement of its own, and is judged as one.
    let hidden = b"\xD6\\'; DROP TABLE other.victim; -- ";
    let error = stranger(&view(hidden)).unwrap_err().to_string();
    assert!(error.contains("qualified with a schema"), "{error}");
}

#[test]
fn a_set_is_followed_as_it_is_judged() {
    // To a reader of bytes the string would go on.
    let file = b"SET NAMES gbk;\nSET @a = '\xD5\\', @b = 'x';\nSET sql_mode = @b;\n";
    let error = stranger(file).unwrap_err().to_string();
    assert!(error.contains("sql_mode"), "{error}");
    let file =
        b"SET NAMES gbk;\nSET @a = '\xD5\\';\nSET sql_mode = 'NO_BACKSLASH_ESCAPES';\nCREATE \
                 TABLE t (a text, b int);\nINSERT INTO t VALUES ('\xD5\\\\', 1);\n";
    assert_eq!(stranger(file).unwrap()[1], "INSERT INTO t VALUES ('誠\\', 1)");
}

#[test]
fn how_a_file_is_read_does_not_depend_on_the_chunks() {
    use crate::Scanner;
    let file = rows("SET NAMES gbk;\n", b"(1,'\xD5\\','\\\xD6\\''),(2,'\xD6\xD0;',NULL)");
    let split = |chunk| {
        let input = std::io::BufReader::with_capacity(chunk, file.as_slice());
        let mut scanner = Scanner::in_chunks(input, chunk);
        let mut all = Vec::new();
        while let Some(item) = scanner.next().unwrap() {
            all.push((item.text.to_vec(), item.mask.map(<[u8]>::to_vec)));
        }
        all
    };
    let whole = split(1 << 20);
    assert_eq!(whole.len(), 3, "{whole:?}");
    for chunk in [1, 2, 3, 7] {
        assert_eq!(split(chunk), whole, "{chunk}");
    }
}
