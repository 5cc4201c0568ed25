//! Searches for bytes of a server that become other rows in the file.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sql::properties::packets(input));
