//! Text from elsewhere (a server, a file, a destination, a child) as the user may see
//! it: what a terminal would obey, what cannot be seen and what turns the direction of
//! reading is written out.

/// The text with every such character written out, line breaks included: two names that
/// differ look different, and none can pose as another.
pub fn visible(text: &str) -> String {
    written_out(text, |_| false)
}

/// The same for text of several lines: line breaks and tabs stay.
pub fn visible_lines(text: &str) -> String {
    // Children on Windows end their lines so.
    written_out(&text.replace("\r\n", "\n"), |c| matches!(c, '\n' | '\t'))
}

/// A JSON document that means the same and has every such character as `\uXXXX`. They
/// can only stand in its strings; the line breaks between its tokens stay.
pub fn visible_json(document: &str) -> String {
    let mut seen = String::with_capacity(document.len());
    for c in document.chars() {
        if is_hidden(c) && !matches!(c, '\n' | '\r' | '\t') {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                seen.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            seen.push(c);
        }
    }
    seen
}

/// A line with what follows its line breaks set in: text from elsewhere cannot begin a
/// line of ours.
pub fn set_in(text: &str) -> String {
    let mut lines = text.split('\n');
    let mut whole = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        whole.push('\n');
        if !line.is_empty() && !line.starts_with([' ', '\t']) {
            whole.push_str("  ");
        }
        whole.push_str(line);
    }
    whole
}

fn written_out(text: &str, kept: impl Fn(char) -> bool) -> String {
    let mut seen = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) && !kept(c) {
            seen.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", c as u32));
        } else {
            seen.push(c);
        }
    }
    seen
}

/// Control characters (C0, C1, DEL), what has no width, marks that turn the direction of
/// reading, and what is no character.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || (c as u32) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        for (text, seen) in [
            ("\u{1b}]0;title\u{7}", "⟨U+001B⟩]0;title⟨U+0007⟩"),
            ("\u{1b}[2J", "⟨U+001B⟩[2J"),
            ("\u{9b}2J\u{7f}\u{8}", "⟨U+009B⟩2J⟨U+007F⟩⟨U+0008⟩"),
            ("a\u{202e}b\u{2066}c", "a⟨U+202E⟩b⟨U+2066⟩c"),
            ("a\u{0}b\u{7}\n", "a⟨U+0000⟩b⟨U+0007⟩⟨U+000A⟩"),
            ("\u{feff}x\u{200b}", "⟨U+FEFF⟩x⟨U+200B⟩"),
            ("\u{ffff}\u{e0041}", "⟨U+FFFF⟩⟨U+E0041⟩"),
            ("שלום 🎬 👩‍👩‍👧 é", "שלום 🎬 👩‍👩‍👧 é"),
        ] {
            assert_eq!(visible(text), seen);
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = "a\u{1b}b\u{7f}c\u{9b}d\u{202e}e\u{e0041}f\n\u{e9}";
        let document = serde_json::json!({ "name": text });
        let shown = visible_json(&serde_json::to_string_pretty(&document).unwrap());
        assert!(!shown.chars().any(|c| is_hidden(c) && c != '\n'), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), document);
    }

    #[test]
    fn no_line_is_begun_by_others() {
        assert_eq!(set_in("a\nerror: b\n  c\n\nd"), "a\n  error: b\n  c\n\n  d");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(visible_lines("a\n\tb\r\nc\rd\n"), "a\n\tb\nc⟨U+000D⟩d\n");
        assert_eq!(visible_lines("\u{1b}[31mred"), "⟨U+001B⟩[31mred");
    }
}
