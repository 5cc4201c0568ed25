//! Splitting a dump loses nothing, wherever its bytes are cut when they are read.

use std::io::BufReader;

use crate::state::State;
use crate::{Form, Guard, LexMode, Scanner, Verdict, read_dump};

/// How much is read at a time. The scanner looks 32 bytes ahead.
const CHUNKS: [usize; 4] = [1, 7, 33, 1 << 20];

/// An item without its borrowed bytes.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    form: Form,
    /// Lengths of lead, text and tail.
    parts: [usize; 3],
    line: u64,
    mode: LexMode,
    stray_backslash: bool,
}

/// Splits `input` as a dump, in pieces of several sizes, and reads it as one that
/// is to be loaded.
///
/// # Panics
/// The items are not the input, they depend on the size of the pieces, or some
/// reader of statements panics. An input that is refused is none of these.
pub fn splitter(input: &[u8]) {
    let [whole, others @ ..] = CHUNKS.map(|chunk| (chunk, split(input, chunk)));
    for (chunk, other) in others {
        assert_eq!(whole.1, other, "read by {} and by {chunk} bytes", whole.0);
    }
    let mut guard = Guard::new();
    // Whether it is refused is not the question here; that it comes back is.
    let _ = read_dump(input, &mut |piece, _| {
        if let Verdict::Set(state) = guard.check(piece)? {
            state.since(&State::default()).iter().for_each(|(sql, _)| plain(sql));
        }
        Ok(())
    });
}

/// What is sent for a SET is one statement in every mode and character set.
fn plain(sql: &str) {
    let own = |byte: u8| byte.is_ascii_alphanumeric() || b" ='_,+-:/*!".contains(&byte);
    assert!(sql.bytes().all(own) && matches!(sql.matches('\'').count(), 0 | 2), "{sql}");
}

/// The items, or why there are none: its text names the line, so it may not
/// depend on the chunks either.
fn split(input: &[u8], chunk: usize) -> Result<Vec<Item>, String> {
    let reader = BufReader::with_capacity(chunk, input);
    let mut scanner = Scanner::in_chunks(reader, chunk);
    let mut items = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(item) = scanner.next().map_err(|error| format!("{error:#}"))? {
        assert!(item.len() > 0, "an empty item at {at} would never end");
        assert_eq!(item.offset, at as u64);
        for part in [item.lead, item.text, item.tail] {
            assert_eq!(Some(part), input.get(at..at + part.len()), "at {at}");
            at += part.len();
        }
        assert_eq!(item.line, line + newlines(item.lead));
        line += [item.lead, item.text, item.tail].map(newlines).iter().sum::<u64>();
        items.push(Item {
            form: item.form,
            parts: [item.lead.len(), item.text.len(), item.tail.len()],
            line: item.line,
            mode: item.mode,
            stray_backslash: item.stray_backslash,
        });
    }
    assert_eq!(at, input.len(), "the end of the input is in no item");
    Ok(items)
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
