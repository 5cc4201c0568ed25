//! Which character sets a session may read a dump's statements in.
//!
//! The lexer here looks at bytes. A server agrees with it as long as no byte of a
//! character above ASCII is a quote or a backslash, and as long as it takes no byte
//! above ASCII for a blank (0xA0 is one in latin1).

use super::decoder::Decoder;

/// Character sets of one byte, all of them ASCII in their lower half. `swe7` is not
/// among them: it has a letter where ASCII has the backslash.
const SINGLE: [&str; 25] = [
    "armscii8", "ascii", "binary", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852",
    "cp866", "dec8", "geostd8", "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin1",
    "latin2", "latin5", "latin7", "macce", "macroman", "tis620",
];

/// Character sets in which a character's second byte can be a quote, a backslash or
/// half of what the lexer here takes for one: ASCII alone reads the same.
const WIDE: [&str; 9] =
    ["big5", "cp932", "eucjpms", "euckr", "gb18030", "gb2312", "gbk", "sjis", "ujis"];

/// How a character set is written in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// UTF-8, of up to three or four bytes.
    Utf8,
    /// One byte a character.
    Single,
    /// Several bytes, of which the lexer here knows nothing.
    Wide,
}

/// A character set by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset {
    /// In lower case.
    pub name: &'static str,
    pub class: Class,
}

/// What every session begins with.
pub const UTF8MB4: Charset = Charset { name: "utf8mb4", class: Class::Utf8 };

impl Charset {
    /// The character set of that name; `None` if unknown, or if no client may use it.
    pub fn of(name: &str) -> Option<Self> {
        let find = |all: &[&'static str], class| {
            let found = all.iter().find(|known| known.eq_ignore_ascii_case(name));
            found.map(|name| Self { name, class })
        };
        find(&["utf8mb4", "utf8mb3", "utf8"], Class::Utf8)
            .or_else(|| find(&SINGLE, Class::Single))
            .or_else(|| find(&WIDE, Class::Wide))
    }
}

/// Other names under which people know a character set, with the server's.
const ALIASES: [(&str, &str); 16] = [
    ("ansi", "latin1"),
    ("cp1252", "latin1"),
    ("windows-1252", "latin1"),
    ("iso-8859-1", "latin1"),
    ("windows-1250", "cp1250"),
    ("windows-1251", "cp1251"),
    ("iso-8859-2", "latin2"),
    ("iso-8859-9", "latin5"),
    ("cp936", "gbk"),
    ("cp949", "euckr"),
    ("cp950", "big5"),
    ("shift_jis", "cp932"),
    ("shift-jis", "cp932"),
    ("euc-jp", "eucjpms"),
    ("euc-kr", "euckr"),
    ("utf-8", "utf8mb4"),
];

impl Charset {
    /// The character set that the user names for a file; `None` where text in it cannot
    /// be read here.
    pub fn named(name: &str) -> Option<Self> {
        let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        let found = Self::of(alias.map_or(name, |(_, own)| own))?;
        // What is said of a file is said of all characters.
        let found = if found.class == Class::Utf8 { UTF8MB4 } else { found };
        (found.class == Class::Utf8 || Decoder::of(found).is_some()).then_some(found)
    }
}

/// Whether two names of character sets or collations mean the same: `utf8` is
/// `utf8mb3`, and where a server is told so `utf8mb4`.
pub fn same_name(asked: &str, server: &str) -> bool {
    let rest = |name: &str, of: &str| {
        let rest = name.strip_prefix(of)?;
        (rest.is_empty() || rest.starts_with('_')).then(|| rest.to_owned())
    };
    if asked == server {
        return true;
    }
    let Some(wanted) = rest(asked, "utf8").or_else(|| rest(asked, "utf8mb3")) else {
        return false;
    };
    let mut names = vec!["utf8", "utf8mb3"];
    if rest(asked, "utf8").is_some() {
        names.push("utf8mb4");
    }
    names.into_iter().any(|name| rest(server, name).as_ref() == Some(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dangerous_ones_are_known_as_such() {
        for name in WIDE {
            assert_eq!(Charset::of(name).unwrap().class, Class::Wide);
        }
        for name in ["ucs2", "utf16", "utf16le", "utf32", "swe7", "filename", "utf8mb4x", ""] {
            assert_eq!(Charset::of(name), None, "{name}");
        }
        assert_eq!(Charset::of("UTF8MB4"), Some(UTF8MB4));
        assert_eq!(Charset::of("koi8r").unwrap().class, Class::Single);
    }

    #[test]
    fn people_have_other_names() {
        for (name, own) in [("CP1252", "latin1"), ("gbk", "gbk"), ("utf8", "utf8mb4")] {
            assert_eq!(Charset::named(name).unwrap().name, own);
        }
        for name in ["binary", "dec8", "utf16", "ebcdic"] {
            assert_eq!(Charset::named(name), None, "{name}");
        }
        assert!(ALIASES.iter().all(|(alias, _)| Charset::named(alias).is_some()));
    }

    #[test]
    fn utf8_has_three_names() {
        assert!(same_name("utf8", "utf8mb3") && same_name("utf8_general_ci", "utf8mb3_general_ci"));
        assert!(same_name("utf8", "utf8mb4") && same_name("utf8mb3", "utf8"));
        assert!(!same_name("utf8mb4", "utf8mb3") && !same_name("utf8mb3", "utf8mb4"));
        assert!(!same_name("latin1", "latin2") && !same_name("utf8_bin", "utf8mb3_general_ci"));
    }
}
