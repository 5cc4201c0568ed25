//! The corpus of the fuzz targets, replayed with every `cargo test`.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::{cases, escaper, packets, splitter};

/// Every file of a target's corpus; an empty one would test nothing.
fn replay(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 10, "{target}: {files:?}");
    for file in files {
        let input = fs::read(&file).unwrap();
        let held = std::panic::catch_unwind(|| property(&input));
        assert!(held.is_ok(), "{target} does not hold for {}", file.display());
    }
}

#[test]
fn the_splitter_holds_on_its_corpus() {
    replay("splitter", splitter);
}

#[test]
fn the_packets_hold_on_their_corpus() {
    replay("packets", packets);
}

#[test]
fn the_escaper_holds_on_its_corpus() {
    replay("escaper", escaper);
}

#[test]
fn the_corpus_of_the_escaper_has_every_kind_of_value() {
    let all = cases(b"\x00\x00\x01\x02\x00\x07\x02\x01\xff\x04\x02a'");
    let literals: Vec<String> = all
        .iter()
        .map(|case| String::from_utf8_lossy(&case.literal()).to_ascii_uppercase())
        .collect();
    assert_eq!(literals, ["NULL", "7", "0XFF", "'A'''"]);
}

proptest! {
    #[test]
    fn the_escaper_holds_for_any_bytes(input in prop::collection::vec(any::<u8>(), 0..300)) {
        escaper(&input);
    }

    #[test]
    fn the_packets_hold_for_any_bytes(input in prop::collection::vec(any::<u8>(), 0..300)) {
        packets(&input);
    }

    #[test]
    fn the_splitter_holds_for_any_bytes(input in prop::collection::vec(any::<u8>(), 0..200)) {
        splitter(&input);
    }
}
