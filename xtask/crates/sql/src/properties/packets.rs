//! Rows as a server sends them become the same text and hash however the bytes came
//! in, and the text is read back as those rows.

use rowtext::{Fed, Sum, TextRows, feed};

use super::KINDS;
use crate::statement::{self, classify};
use crate::tuple::{Layout, Place, rows};
use crate::{LexMode, RowHasher, Scanner};
use model::digest::ContentDigest;
use rowtext::literal::Kind;

/// Text is taken away after so few bytes that a small input fills several blocks.
const BLOCK: usize = 200;
const INSERT: &[u8] = b"INSERT INTO `t` VALUES\n";

/// Makes text of `input`, which is what a server would send behind a byte that says
/// how many columns of which kinds there are.
///
/// # Panics
/// What comes out depends on where the bytes were cut, or is read back as other rows.
/// Bytes that no server sends are refused, which is fine.
pub fn packets(input: &[u8]) {
    let Some((&first, received)) = input.split_first() else { return };
    // Numbers are not quoted: only a server that sends none would be believed.
    let quoted: Vec<Kind> =
        KINDS.into_iter().filter(|kind| matches!(kind, Kind::Text | Kind::Bytes)).collect();
    let kinds: Vec<Kind> = (0..first % 4)
        .map(|column| quoted[usize::from(first >> (2 + column)) % quoted.len()])
        .collect();
    let whole = text(received, received.len().max(1), &kinds);
    for piece in [1, 5] {
        assert_eq!(whole, text(received, piece, &kinds), "received by {piece} bytes");
    }
    let (text, sum, fed) = whole;
    // After a broken row nothing of the text is used.
    if !matches!(fed, Fed::Broken(_)) && !kinds.is_empty() {
        demand_rows(&text, &sum, kinds.len());
    }
}

/// The text, the sum of the rows, and why it ended, with bytes coming in pieces.
fn text(received: &[u8], piece: usize, kinds: &[Kind]) -> (Vec<u8>, ContentDigest, Fed) {
    let mut sink = TextRows::new(kinds.to_vec(), INSERT.to_vec(), BLOCK, Vec::new());
    let (mut at, mut end, mut sequence) = (0, 0, 0);
    let mut out = Vec::new();
    let fed = loop {
        let (used, fed) = feed(&received[at..end], &mut sequence, &mut sink);
        assert!(used <= end - at);
        at += used;
        match fed {
            Fed::Full => out.extend(sink.take(Vec::new())),
            Fed::More(_) if end < received.len() => end = (end + piece).min(received.len()),
            fed => break fed,
        }
    };
    let (rest, sum) = sink.finish();
    out.extend(rest);
    (out, digest(&sum), fed)
}

fn digest(sum: &Sum) -> ContentDigest {
    ContentDigest { rows: sum.rows, sum: sum.sum }
}

fn demand_rows(text: &[u8], sum: &ContentDigest, columns: usize) {
    let mut found = ContentDigest::default();
    let mut hasher = RowHasher::default();
    let layout = Layout::identity(columns);
    let mut scanner = Scanner::new(text);
    loop {
        let item = match scanner.next() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(error) => panic!("{error:#}: {}", String::from_utf8_lossy(text)),
        };
        let kind = classify(item.text, LexMode::default());
        let statement::Kind::Insert(insert) = kind else { panic!("no INSERT: {kind:?}") };
        let place = Place { table: "t", line: item.line };
        let read = rows(
            item.text,
            insert.values_at,
            LexMode::default(),
            &layout,
            place,
            &mut hasher,
            &mut found,
        );
        if let Err(error) = read {
            panic!("{error:#}: {}", String::from_utf8_lossy(item.text));
        }
    }
    assert!(found == *sum, "{}", String::from_utf8_lossy(text));
}
