//! Searches for a value that the dump engine writes so that it is read as another.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sql::properties::escaper(input));
