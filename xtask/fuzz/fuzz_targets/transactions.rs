//! Searches for bytes of a binary log on which its reader panics or gives half of something.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| binlog::properties::log(input));
