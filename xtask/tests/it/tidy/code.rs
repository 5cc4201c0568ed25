//! As much of reading Rust as the rules need: text without comments and
//! strings, the rooms that a file names, and how long its functions are.

/// A function with the lines from its `fn` to its closing brace.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

/// The same text, byte for byte as long, with spaces in place of what stands in
/// comments, strings and character literals.
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut clean = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = skipped_end(bytes, at);
        match end {
            Some(end) => {
                for byte in &mut clean[at..end] {
                    if *byte != b'\n' {
                        *byte = b' ';
                    }
                }
                at = end;
            }
            None => at += 1,
        }
    }
    // Only whole literals and comments were replaced, by ASCII.
    String::from_utf8(clean).unwrap()
}

/// Where the comment or literal that begins at `at` ends; `None` when none begins there.
fn skipped_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let find = |needle: &[u8], from: usize| {
        rest[from..]
            .windows(needle.len())
            .position(|window| window == needle)
            .map_or(bytes.len(), |found| at + from + found + needle.len())
    };
    match rest {
        [b'/', b'/', ..] => {
            let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            Some(at + line)
        }
        [b'/', b'*', ..] => Some(find(b"*/", 2)),
        [b'r', b'"' | b'#', ..] if at == 0 || !is_word(bytes[at - 1]) || bytes[at - 1] == b'b' => {
            let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
            if rest.get(1 + hashes) != Some(&b'"') {
                // A raw identifier such as `r#type`.
                return None;
            }
            let mut closing = vec![b'"'];
            closing.resize(1 + hashes, b'#');
            Some(find(&closing, 2 + hashes))
        }
        [b'"', ..] => Some(at + quoted_len(rest, b'"')),
        // `'a'` and `'\n'` are characters, `'a` alone is a lifetime.
        [b'\'', b'\\', ..] => Some(at + quoted_len(rest, b'\'')),
        [b'\'', first, ..] => {
            let width = match first {
                0..=0x7f => 1,
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                _ => 4,
            };
            (rest.get(1 + width) == Some(&b'\'')).then_some(at + width + 2)
        }
        _ => None,
    }
}

/// The length of a literal with its quotes; a backslash hides what follows it.
fn quoted_len(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The identifier that begins at a place.
pub fn identifier_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    let end = rest.bytes().position(|byte| !is_word(byte)).unwrap_or(rest.len());
    &rest[..end]
}

/// Every room named by `crate::room`, also in groups as `crate::{a, b::c}`, and
/// by climbing out with `super::super::room`; with the place it is named at.
pub fn crate_paths(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, start) in text.match_indices("crate::") {
        if at > 0 && is_word(text.as_bytes()[at - 1]) {
            continue;
        }
        let after = at + start.len();
        if text[after..].starts_with('{') {
            found.extend(group_members(text, after).into_iter().map(|name| (at, name)));
        } else {
            found.push((at, identifier_at(text, after).to_owned()));
        }
    }
    let is_room = |name: &str| super::ROOMS.iter().any(|(room, _)| *room == name);
    for (at, start) in text.match_indices("super::super::") {
        let name = identifier_at(text, at + start.len());
        if is_room(name) {
            found.push((at, name.to_owned()));
        }
    }
    found
}

/// The first identifier of each member of a `{…}` group.
fn group_members(text: &str, open: usize) -> Vec<String> {
    let mut members = Vec::new();
    let mut depth = 0;
    let mut fresh = false;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'{' => {
                depth += 1;
                fresh = depth == 1;
            }
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            b',' => fresh = depth == 1,
            _ if fresh && is_word(byte) => {
                members.push(identifier_at(text, at).to_owned());
                fresh = false;
            }
            _ => {}
        }
    }
    members
}

/// The functions of a blanked text.
pub fn functions(text: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, start) in text.match_indices("fn ") {
        if at > 0 && is_word(text.as_bytes()[at - 1]) {
            continue;
        }
        let name = identifier_at(text, at + start.len());
        // A type such as `fn (u8) -> u8` has no name, a trait's function no body.
        let Some(open) = text[at..].find(['{', ';']).map(|found| at + found) else { continue };
        if name.is_empty() || text.as_bytes()[open] == b';' {
            continue;
        }
        let close = closing_brace(text, open);
        found.push(Function {
            name: name.to_owned(),
            line: super::line_of(text, at),
            lines: text[at..close].matches('\n').count() + 1,
        });
    }
    found
}

fn closing_brace(text: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}
