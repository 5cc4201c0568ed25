//! Values at the edges of each type, as SQL expressions. Which of them a server
//! takes for which type is the server's to say.

use std::fmt::Write as _;

use super::random::Random;

/// How many values without any thought behind them each type gets.
const MORE: usize = 24;

/// `0x…`, the one literal that no `sql_mode` changes.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = "0x".to_owned();
    for byte in bytes {
        write!(out, "{byte:02X}").unwrap();
    }
    out
}

fn utf8(text: &str) -> String {
    if text.is_empty() { "''".to_owned() } else { format!("_utf8mb4 {}", hex(text.as_bytes())) }
}

/// Integers of so many bits.
pub fn integers(bits: u32, signed: bool, random: &mut Random) -> Vec<String> {
    let (low, high) = if signed {
        (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
    } else {
        (0, (1_i128 << bits) - 1)
    };
    let mut all = vec![low, high, low + 1, high - 1, 0, 1, high / 2, high / 2 + 1];
    all.extend(signed.then_some(-1));
    all.extend((0..MORE).map(|_| low + i128::from(random.next()) % (high - low + 1)));
    all.iter().map(i128::to_string).collect()
}

/// Decimals with so many digits, `scale` of them behind the point.
pub fn decimals(digits: usize, scale: usize, random: &mut Random) -> Vec<String> {
    let nines = |n: usize| "9".repeat(n);
    let mut all = vec![
        format!("{}.{}", nines(digits - scale), nines(scale)),
        format!("-{}.{}", nines(digits - scale), nines(scale)),
        "0".to_owned(),
        "1".to_owned(),
        "-0.5".to_owned(),
        format!("0.{}1", "0".repeat(scale.saturating_sub(1))),
    ];
    for _ in 0..MORE {
        let number: String =
            (0..digits).map(|_| char::from(b'0' + random.below(10) as u8)).collect();
        let (whole, part) = number.split_at(digits - scale);
        let sign = if random.chance(50) { "-" } else { "" };
        all.push(format!("{sign}{whole}.{part}"));
    }
    // `.` needs a digit on a side.
    all.iter().map(|n| n.trim_end_matches('.').to_owned()).map(|n| n.replace("-.", "-0.")).collect()
}

/// Numbers with a fraction. A negative zero has a test of its own.
pub fn floats(single: bool, random: &mut Random) -> Vec<String> {
    let edges: &[&str] = if single {
        &[
            "3.4028234e38",
            "-3.4028234e38",
            "1.17549435e-38",
            "1e-45",
            "-1e-45",
            "16777217",
            "8388609",
        ]
    } else {
        &["1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308", "5e-324"]
    };
    let common = ["0", "1", "-1", "0.1", "0.333333333333333333", "1e15", "123456789.123456789"];
    let mut all: Vec<String> = edges.iter().chain(&common).map(|text| (*text).to_owned()).collect();
    while all.len() < edges.len() + common.len() + MORE {
        let bits = random.next();
        if single {
            let value = f32::from_bits(bits as u32);
            all.extend(value.is_finite().then(|| format!("{value:e}")));
        } else {
            let value = f64::from_bits(bits);
            all.extend(value.is_finite().then(|| format!("{value:e}")));
        }
    }
    all
}

/// Bit strings.
pub fn bits(width: u32, random: &mut Random) -> Vec<String> {
    let all = u64::MAX >> (64 - width);
    let mut values = vec![0, 1, all, all / 2, all ^ (all / 3), 0x5C27 & all, 0x0D & all];
    values.extend((0..MORE).map(|_| random.next() & all));
    values.iter().map(|value| format!("b'{value:b}'")).collect()
}

const YEARS: [&str; 6] = ["0000", "0001", "1000", "1970", "2026", "9999"];

/// Days, zero dates among them.
pub fn dates(random: &mut Random) -> Vec<String> {
    let mut all: Vec<String> = YEARS.iter().map(|year| format!("'{year}-01-01'")).collect();
    for edge in ["0000-00-00", "2026-00-00", "2026-05-00", "9999-12-31", "2024-02-29", "1582-10-10"]
    {
        all.push(format!("'{edge}'"));
    }
    for _ in 0..MORE {
        let (y, m, d) = (random.below(9999) + 1, random.below(12) + 1, random.below(28) + 1);
        all.push(format!("'{y:04}-{m:02}-{d:02}'"));
    }
    all
}

/// Times of day and spans.
pub fn times(random: &mut Random) -> Vec<String> {
    let edges = ["-838:59:59", "838:59:59", "00:00:00", "-00:00:00.000001", "23:59:59.999999"];
    let mut all: Vec<String> = edges.iter().map(|edge| format!("'{edge}'")).collect();
    for _ in 0..MORE {
        let sign = if random.chance(50) { "-" } else { "" };
        let (h, m, s) = (random.below(838), random.below(60), random.below(60));
        all.push(format!("'{sign}{h:02}:{m:02}:{s:02}.{:06}'", random.below(1_000_000)));
    }
    all
}

/// Days with a time; `years` is what the type holds.
pub fn moments(years: std::ops::Range<usize>, random: &mut Random) -> Vec<String> {
    let mut all: Vec<String> = [
        "0000-00-00 00:00:00",
        "2026-05-00 00:00:00",
        "1970-01-01 00:00:01",
        "2038-01-19 03:14:07",
        "2026-03-29 02:30:00",
        "9999-12-31 23:59:59",
    ]
    .iter()
    .map(|edge| format!("'{edge}'"))
    .collect();
    for _ in 0..MORE {
        let year = years.start + random.below(years.len());
        let (m, d, h) = (random.below(12) + 1, random.below(28) + 1, random.below(24));
        let (min, s, us) = (random.below(60), random.below(60), random.below(1_000_000));
        all.push(format!("'{year:04}-{m:02}-{d:02} {h:02}:{min:02}:{s:02}.{us:06}'"));
    }
    all
}

/// What somebody between the database and a file may take for something else.
const PIECES: &[&str] = &[
    "'",
    "''",
    "\"",
    "`",
    "\\",
    "\\\\",
    "\\'",
    "\\n",
    "\\0",
    "\\%",
    "\0",
    "\r",
    "\n",
    "\r\n",
    "\t",
    "\x1a",
    "\x08",
    "\x7f",
    "*/",
    "/*",
    "/*!50003 ",
    "-- ",
    "--",
    "#",
    ";",
    ";;",
    "//",
    "$$",
    "\nDELIMITER ;;\n",
    "\n\\! id\n",
    "\nsource x\n",
    "\nuse x\n",
    "NULL",
    "0x41",
    "%",
    "_",
    "(",
    ")",
    "),(",
    ",",
    " ",
    "a",
    "A",
    "é",
    "ß",
    "e\u{301}",
    "🎬",
    "表",
    "能",
    "ソ",
    "ａ",
    "\u{202e}",
    "\u{feff}",
    "\u{200d}",
    "\u{85}",
    "ı",
    "ﬀ",
    "Ж",
    "한",
];

/// Text that every character set is asked to hold.
pub fn texts(random: &mut Random) -> Vec<String> {
    let mut all: Vec<String> = PIECES.iter().map(|piece| utf8(piece)).collect();
    all.extend([utf8(""), utf8("trailing   "), utf8("  leading")]);
    for _ in 0..MORE {
        // Half of them of ASCII alone, so that the narrow sets get long ones, too.
        let ascii = random.chance(50);
        let mut text = String::new();
        for _ in 0..1 + random.below(12) {
            let piece = *random.pick(PIECES);
            if !ascii || piece.is_ascii() {
                text.push_str(piece);
            }
        }
        all.push(utf8(&text));
    }
    // 200 kB; types that are shorter refuse them.
    all.push(format!("REPEAT({}, 25000)", utf8("it's \\ \n")));
    all.push(format!("REPEAT({}, 25000)", utf8("é🎬\r\n")));
    all
}

/// The bytes that a character set's own text may hold.
pub fn in_charset(charset: &str) -> Vec<String> {
    let own = |bytes: &[u8]| format!("_{charset} {}", hex(bytes));
    let raw: &[&[u8]] = match charset {
        // The second byte of a character is a backslash or a quote's neighbour.
        "sjis" | "cp932" => &[b"\x95\x5c", b"\x83\x5c'", b"\\\x95\x5c\\", b"\xb1\xb2"],
        "gbk" | "gb18030" => &[b"\x81\x5c", b"\xd5\x5c'", b"\xbf\x27", b"\xa1\xa1"],
        "big5" => &[b"\xa5\x5c", b"\xb3\x5c'", b"\xa4\xa4"],
        "utf16" => {
            &[b"\x00\x5c\x00\x27", b"\xd8\x3c\xdf\xac", b"\x5c\x27", b"\x27\x5c", b"\x00\x00"]
        }
        "ucs2" => &[b"\x00\x5c\x00\x27", b"\x5c\x27", b"\x27\x5c", b"\x00\x00"],
        "utf16le" => &[b"\x5c\x00\x27\x00", b"\x27\x5c"],
        "utf32" => &[b"\x00\x00\x00\x5c", b"\x00\x01\xf3\xac"],
        "ascii" => return vec![own(&(0..128).collect::<Vec<u8>>())],
        "latin1" | "cp1251" | "koi8r" | "latin2" => {
            // Without the byte that cp1251 leaves undefined, and with it.
            let (low, all): (Vec<u8>, Vec<u8>) = ((0..128).collect(), (128..=255).collect());
            let high: Vec<u8> = all.iter().copied().filter(|byte| *byte != 0x98).collect();
            return vec![own(&low), own(&high), own(&all)];
        }
        _ => &[],
    };
    raw.iter().map(|bytes| own(bytes)).collect()
}

/// Bytes, every one of them.
pub fn blobs(random: &mut Random) -> Vec<String> {
    let all: Vec<u8> = (0..=255).collect();
    let mut values = vec!["''".to_owned(), hex(&all), hex(b"\\'\"\n\r\x1a\0"), hex(b" ")];
    values.extend([0x00, 0x20, 0x27, 0x5C, 0xC3, 0xFF].map(|byte| hex(&[byte])));
    for _ in 0..MORE {
        let len = 1 + random.below(40);
        values.push(hex(&random.bytes(len)));
    }
    values.push(format!("REPEAT({}, 800)", hex(&all)));
    values
}
