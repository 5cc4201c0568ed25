//! Searches for a dump that the scanner takes apart wrongly.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sql::properties::splitter(input));
