//! Text in another character set, made UTF-8. The tables are those of browsers, with what
//! the servers read otherwise; a test asks both servers for every character.

use encoding_rs::{self as rs, Encoding};

use super::charset::Charset;
use super::codepage::{CP850, CP852};
use super::mask::{self, MASKED, Rules};

/// Where the characters of a set are known from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    Known(&'static Encoding),
    /// The same, but the bytes from 0x80 to 0x9F are control characters.
    Controls(&'static Encoding),
    Page(&'static str),
}

fn origin(name: &str) -> Option<Origin> {
    use Origin::{Controls, Known, Page};
    Some(match name {
        "latin1" => Known(rs::WINDOWS_1252),
        "latin2" => Known(rs::ISO_8859_2),
        "latin5" => Controls(rs::WINDOWS_1254),
        "latin7" => Known(rs::ISO_8859_13),
        "cp1250" => Known(rs::WINDOWS_1250),
        "cp1251" => Known(rs::WINDOWS_1251),
        "cp1256" => Known(rs::WINDOWS_1256),
        "cp1257" => Known(rs::WINDOWS_1257),
        "greek" => Known(rs::ISO_8859_7),
        "hebrew" => Known(rs::ISO_8859_8),
        "koi8r" => Known(rs::KOI8_R),
        "koi8u" => Known(rs::KOI8_U),
        "cp866" => Known(rs::IBM866),
        "macroman" => Known(rs::MACINTOSH),
        "tis620" => Controls(rs::WINDOWS_874),
        "cp850" => Page(CP850),
        "cp852" => Page(CP852),
        "gbk" | "gb2312" => Known(rs::GBK),
        "gb18030" => Known(rs::GB18030),
        "big5" => Known(rs::BIG5),
        "sjis" | "cp932" => Known(rs::SHIFT_JIS),
        "euckr" => Known(rs::EUC_KR),
        "ujis" | "eucjpms" => Known(rs::EUC_JP),
        _ => return None,
    })
}

/// What the servers read otherwise, both of them. 0: they know no such character.
const OTHERWISE: &[(&str, &[(u32, u32)])] = &[
    ("cp866", &[(0xFC, 0x207F), (0xFD, 0xB2)]),
    (
        "gb18030",
        &[
            (0xA3A0, 0xE5E5),
            (0xA6D9, 0xE78D),
            (0xA6DA, 0xE78E),
            (0xA6DB, 0xE78F),
            (0xA6DC, 0xE790),
            (0xA6DD, 0xE791),
            (0xA6DE, 0xE792),
            (0xA6DF, 0xE793),
            (0xA6EC, 0xE794),
            (0xA6ED, 0xE795),
            (0xA6F3, 0xE796),
            (0xFE59, 0xE81E),
            (0xFE61, 0xE826),
            (0xFE66, 0xE82B),
            (0xFE67, 0xE82C),
            (0xFE6D, 0xE832),
            (0xFE7E, 0xE843),
            (0xFE90, 0xE854),
            (0xFEA0, 0xE864),
        ],
    ),
    ("gb2312", &[(0xA1A4, 0x30FB), (0xA1AA, 0x2015)]),
    ("greek", &[(0xA1, 0x2BD), (0xA2, 0x2BC)]),
    ("hebrew", &[(0xAF, 0x203E)]),
    ("koi8u", &[(0x95, 0x2022), (0xAE, 0x255D), (0xBE, 0x256C)]),
    ("tis620", &[(0xA0, 0x0)]),
    (
        "sjis",
        &[
            (0x815F, 0x5C),
            (0x8160, 0x301C),
            (0x8161, 0x2016),
            (0x817C, 0x2212),
            (0x8191, 0xA2),
            (0x8192, 0xA3),
            (0x81CA, 0xAC),
        ],
    ),
    (
        "big5",
        &[
            (0xA145, 0x2022),
            (0xA14E, 0xFF64),
            (0xA15A, 0x0),
            (0xA1C2, 0x203E),
            (0xA1C3, 0x0),
            (0xA1C5, 0x0),
            (0xA1E3, 0x223C),
            (0xA1F2, 0x2641),
            (0xA1F3, 0x2609),
            (0xA1FE, 0x0),
            (0xA240, 0x0),
            (0xA241, 0xFF0F),
            (0xA242, 0xFF3C),
            (0xA244, 0xA5),
            (0xA246, 0xA2),
            (0xA247, 0xA3),
            (0xA2CC, 0x0),
            (0xA2CE, 0x0),
        ],
    ),
    (
        "ujis",
        &[
            (0xA1C0, 0x5C),
            (0xA1C1, 0x301C),
            (0xA1C2, 0x2016),
            (0xA1DD, 0x2212),
            (0xA1F1, 0xA2),
            (0xA1F2, 0xA3),
            (0xA2CC, 0xAC),
            (0x8FA2B7, 0x7E),
        ],
    ),
    ("eucjpms", &[(0x8FA2C3, 0xFFE4)]),
];

/// Reads one character set.
#[derive(Debug, Clone)]
pub struct Decoder {
    charset: Charset,
    rules: Option<Rules>,
    origin: Origin,
    /// The character of each byte; those of several bytes as the codes come up.
    one: Vec<Option<char>>,
    /// The characters of two bytes, filled as they come up: 0 is not known yet.
    two: Vec<u32>,
}

/// In [`Decoder::two`]: there is no such character.
const NONE: u32 = u32::MAX;

impl Decoder {
    /// `None` where the set's characters are not known here, as with `dec8`, or are
    /// bytes, as with `binary`. UTF-8 needs none.
    pub fn of(charset: Charset) -> Option<Self> {
        let origin = origin(charset.name)?;
        let rules = Rules::of(charset);
        let mut decoder = Self {
            charset,
            rules,
            origin,
            one: Vec::new(),
            two: vec![0; rules.map_or(0, |_| 1 << 16)],
        };
        decoder.one = (0..=255).map(|byte| decoder.character(&[byte])).collect();
        Some(decoder)
    }

    /// The character set.
    pub fn charset(&self) -> Charset {
        self.charset
    }

    /// The one character that these bytes are.
    pub fn character(&self, bytes: &[u8]) -> Option<char> {
        let code = bytes.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
        let own = OTHERWISE.iter().find(|(name, _)| *name == self.charset.name);
        if let Some((_, character)) = own.and_then(|(_, all)| all.iter().find(|it| it.0 == code)) {
            return char::from_u32(*character).filter(|it| *it != '\0');
        }
        let [byte] = bytes else {
            return if private(self.rules, code) { None } else { one_of(self.origin, bytes) };
        };
        match self.origin {
            _ if byte.is_ascii() => Some(char::from(*byte)),
            // A byte that could begin a character is none.
            Origin::Known(known) if self.rules.is_some() => {
                let kana = known == rs::SHIFT_JIS && matches!(byte, 0xA1..=0xDF);
                kana.then(|| one_of(self.origin, bytes)).flatten()
            }
            Origin::Controls(_) if *byte < 0xA0 => Some(char::from(*byte)),
            Origin::Page(page) => page.chars().nth(usize::from(*byte) - 128),
            Origin::Known(_) | Origin::Controls(_) => one_of(self.origin, bytes),
        }
    }

    /// A text in this character set, in which no backslash escapes.
    ///
    /// # Errors
    /// The offset of what is no character.
    pub fn read(&mut self, raw: &[u8]) -> Result<String, usize> {
        let mut seen = Vec::new();
        match self.rules {
            Some(rules) => mask::extend(rules, false, raw, &mut seen, true),
            None => seen.extend_from_slice(raw),
        }
        let mut out = Vec::with_capacity(raw.len() * 2);
        self.put(raw, &seen, false, &mut out)?;
        // Each character was written as UTF-8.
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Appends `raw` as UTF-8. `mask` says which bytes belong to characters of several
    /// bytes; it is as long as `raw`. `escapes`: a backslash does, in strings.
    ///
    /// # Errors
    /// The offset of what is no character.
    pub(super) fn put(
        &mut self,
        raw: &[u8],
        mask: &[u8],
        escapes: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), usize> {
        let mut at = 0;
        while let Some(&byte) = raw.get(at) {
            if byte < 0x80 {
                let run = raw[at..].iter().position(|byte| *byte >= 0x80);
                let end = run.map_or(raw.len(), |run| at + run);
                out.extend_from_slice(&raw[at..end]);
                at = end;
                continue;
            }
            let several = self.rules.filter(|_| mask.get(at) == Some(&MASKED));
            let length = several.and_then(|rules| rules.length(&raw[at..])).unwrap_or(0).max(1);
            let bytes = &raw[at..at + length];
            let character = match bytes {
                [byte] => self.one[usize::from(*byte)],
                [lead, trail] => self.pair(*lead, *trail),
                more => self.character(more),
            };
            let character = character.ok_or(at)?;
            // In `sjis` the backslash as a character has two bytes, and escapes nothing.
            if character == '\\' && escapes {
                out.push(b'\\');
            }
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            at += length;
        }
        Ok(())
    }

    fn pair(&mut self, lead: u8, trail: u8) -> Option<char> {
        let code = usize::from(lead) << 8 | usize::from(trail);
        if self.two[code] == 0 {
            self.two[code] = self.character(&[lead, trail]).map_or(NONE, u32::from);
        }
        char::from_u32(self.two[code])
    }
}

/// Characters of a vendor's or of users, which servers and browsers read differently.
fn private(rules: Option<Rules>, code: u32) -> bool {
    match rules {
        Some(Rules::Big5) => matches!(code, 0xC6A1..=0xC8FE | 0xF9D6..=0xF9FE),
        Some(Rules::EucJp) => matches!(code, 0xF5A1..=0xFEFE),
        _ => false,
    }
}

fn one_of(origin: Origin, bytes: &[u8]) -> Option<char> {
    let (Origin::Known(known) | Origin::Controls(known)) = origin else { return None };
    let text = known.decode_without_bom_handling_and_without_replacement(bytes)?;
    let mut all = text.chars();
    all.next().filter(|it| !it.is_ascii() && all.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf8(charset: &str, raw: &[u8]) -> Result<String, usize> {
        Decoder::of(Charset::of(charset).unwrap()).unwrap().read(raw)
    }

    #[test]
    fn text_becomes_utf8() {
        for (charset, raw, text) in [
            ("latin1", &b"gr\xF6\xDFe \x80\x81"[..], "größe €\u{81}"),
            ("latin2", b"\xB1\xBF", "ąż"),
            ("latin5", b"\xFD\x80", "ı\u{80}"),
            ("cp1251", b"\xCF\xF0\xE8", "При"),
            ("koi8r", b"\xF0\xD2", "Пр"),
            ("cp850", b"gr\x94\xE1e", "größe"),
            ("gbk", b"\xB5\xC6 \xD5\x5C", "灯 誠"),
            ("gb18030", b"\x81\x30\x81\x30\x94\x39\xDA\x33", "\u{80}💩"),
            ("big5", b"\xA5\x5C", "功"),
            ("sjis", b"\x95\x5C\xB1", "表ｱ"),
            ("cp932", b"\x87\x40", "①"),
            ("euckr", b"\xB0\xA1", "가"),
            ("ujis", b"\xC9\xBD\x8E\xB1", "表ｱ"),
        ] {
            assert_eq!(utf8(charset, raw).as_deref(), Ok(text), "{charset}");
        }
    }

    #[test]
    fn what_is_no_character_is_found() {
        assert_eq!(utf8("gbk", b"ab\xB5\xC6\xFF"), Err(4));
        assert_eq!(utf8("euckr", b"\xB0'"), Err(0));
        assert_eq!(utf8("cp1257", b"a\xA1"), Err(1));
        for name in ["dec8", "hp8", "ascii", "binary", "utf8mb4"] {
            assert!(Decoder::of(Charset::of(name).unwrap()).is_none(), "{name}");
        }
    }
}
