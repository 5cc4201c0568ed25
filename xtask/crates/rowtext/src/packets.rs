//! From received bytes to rows, without a call per packet into the caller's crate.

use std::fmt;

/// A packet's payload is at most this long; one of exactly this length goes on in the next.
const LONGEST: usize = 0xff_ffff;

pub trait Sink: fmt::Debug {
    /// Takes one row's payload; `false` when it is not whole.
    fn row(&mut self, payload: &[u8]) -> bool;

    /// Whether it wants to be emptied before the next row.
    fn is_full(&self) -> bool;
}

/// Why [`feed`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fed {
    /// What is left is less than a packet; the number is how much one more needs.
    More(usize),
    /// The next packet's payload goes on in further packets.
    Long,
    Full,
    End,
    /// The server refused; the payload of its error has this length, and ends where
    /// what was used ends.
    Refused(usize),
    /// The bytes are not what the protocol says.
    Broken(&'static str),
}

/// Whether a payload ends a result; a value of 16 MiB begins with the same byte.
#[must_use]
pub fn is_end(payload: &[u8]) -> bool {
    payload.first() == Some(&0xfe) && payload.len() < 9
}

/// Gives the rows in `received` to `sink`; returns how many bytes were used, and why
/// it ended. `sequence` is the number that the next packet must have.
pub fn feed(received: &[u8], sequence: &mut u8, sink: &mut dyn Sink) -> (usize, Fed) {
    let mut used = 0;
    loop {
        let rest = &received[used..];
        let Some((header, payload)) = rest.split_first_chunk::<4>() else {
            return (used, Fed::More(4));
        };
        let length =
            usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        if length == LONGEST {
            return (used, Fed::Long);
        }
        let Some(payload) = payload.get(..length) else { return (used, Fed::More(4 + length)) };
        if header[3] != *sequence {
            return (used, Fed::Broken("packets are out of order"));
        }
        *sequence = sequence.wrapping_add(1);
        used += 4 + length;
        match payload.first() {
            Some(0xff) => return (used, Fed::Refused(length)),
            Some(0xfe) if is_end(payload) => return (used, Fed::End),
            _ if !sink.row(payload) => return (used, Fed::Broken("a row is not whole")),
            _ if sink.is_full() => return (used, Fed::Full),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Vec<Vec<u8>>);

    impl Sink for Kept {
        fn row(&mut self, payload: &[u8]) -> bool {
            self.0.push(payload.to_vec());
            payload != b"broken"
        }

        fn is_full(&self) -> bool {
            self.0.len().is_multiple_of(2)
        }
    }

    fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).expect("short");
        [&[length, 0, 0, sequence], payload].concat()
    }

    #[test]
    fn rows_come_whole_whatever_was_received() {
        let all = [packet(7, b"\x01a"), packet(8, b"\x01b"), packet(9, b"\xfe\0\0\0\0")].concat();
        for cut in 0..=all.len() {
            let (mut sink, mut sequence, mut at) = (Kept::default(), 7, 0);
            let mut end = cut;
            loop {
                let (used, fed) = feed(&all[at..end], &mut sequence, &mut sink);
                at += used;
                match fed {
                    Fed::More(_) => end = all.len(),
                    Fed::Full => {}
                    fed => {
                        assert_eq!(fed, Fed::End);
                        break;
                    }
                }
            }
            assert_eq!(sink.0, [b"\x01a", b"\x01b"]);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let mut sink = Kept::default();
        let wrong = feed(&packet(1, b"\x01a"), &mut 0, &mut sink).1;
        assert_eq!(wrong, Fed::Broken("packets are out of order"));
        assert_eq!(feed(&packet(0, b"\xffno"), &mut 0, &mut sink), (7, Fed::Refused(3)));
        assert_eq!(feed(&[0xff, 0xff, 0xff, 0], &mut 0, &mut sink), (0, Fed::Long));
        let broken = feed(&packet(0, b"broken"), &mut 0, &mut sink).1;
        assert_eq!(broken, Fed::Broken("a row is not whole"));
    }
}
