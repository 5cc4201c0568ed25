//! The index, the frames, and a disk that is full.

use super::*;

/// Takes so many bytes, then says that the disk is full.
struct Small(usize);

impl Write for Small {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = buf.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn spooled(compression: Compression, sections: &[(&str, &[u8])]) -> (Vec<u8>, Tally) {
    let mut spool = Spool::start(Vec::new(), compression, None).unwrap();
    for (name, text) in sections {
        spool.section(SectionKind::Table, name).unwrap();
        spool.write_all(text).unwrap();
    }
    spool.finish().unwrap()
}

#[test]
fn the_index_covers_the_file() {
    let long = vec![b'x'; FRAME_TEXT + 12345];
    let parts: [(&str, &[u8]); 5] =
        [("a", b"one"), ("empty", b""), ("long", &long), ("b", b"two"), ("c", b"")];
    for compression in [Compression::None, Compression::Zstd] {
        let (file, tally) = spooled(compression, &parts);
        assert_eq!(tally.bytes, file.len() as u64);
        assert_eq!(tally.sha256, seal::sha256_hex(&file));
        assert_eq!(tally.text_bytes, long.len() as u64 + 6);
        let mut offset = 0;
        for (section, (name, text)) in tally.sections.iter().zip(parts) {
            assert_eq!((section.name.as_str(), section.offset), (name, offset));
            assert_eq!(section.text_length, text.len() as u64);
            offset += section.length;
            let stored = &file[section.offset as usize..offset as usize];
            let read = match compression {
                Compression::None => stored.to_vec(),
                Compression::Zstd => zstd::decode_all(stored).unwrap(),
            };
            assert_eq!(read, text, "{name}");
        }
        assert_eq!(offset, tally.bytes);
    }
}

#[test]
fn thousands_of_small_sections_are_one_stream() {
    let names: Vec<String> = (0..5000).map(|n| format!("table {n}")).collect();
    let parts: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let (file, tally) = spooled(Compression::Zstd, &parts);
    assert_eq!(zstd::decode_all(&file[..]).unwrap(), names.concat().into_bytes());
    assert_eq!(tally.sections.len(), 5000);
}

#[test]
fn text_before_the_first_mark_is_the_head() {
    let mut spool = Spool::start(Vec::new(), Compression::None, None).unwrap();
    spool.write_all(b"-- hello").unwrap();
    let (_, tally) = spool.finish().unwrap();
    assert_eq!(tally.sections[0].kind, SectionKind::Head);
    assert_eq!(tally.sections[0].text_length, 8);
}

#[test]
fn nothing_at_all_is_still_a_zstd_file() {
    let (file, tally) = spooled(Compression::Zstd, &[]);
    assert_eq!(zstd::decode_all(&file[..]).unwrap(), b"");
    assert!(!file.is_empty() && tally.sections.is_empty());
}

#[test]
fn a_full_disk_is_told_as_such_once_it_is_known() {
    for compression in [Compression::None, Compression::Zstd] {
        let mut spool = Spool::start(Small(100_000), compression, None).unwrap();
        // Text that does not compress.
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .take(BLOCK)
        .collect();
        let kinds: Vec<_> = (0..100)
            .filter_map(|_| spool.write_all(&noise).err().map(|error| error.kind()))
            .collect();
        assert!(kinds.len() > 2);
        assert!(kinds.iter().all(|kind| *kind == io::ErrorKind::StorageFull), "{kinds:?}");
        let error = spool.finish().err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        // Known only at the very end.
        let mut spool = Spool::start(Small(10), compression, None).unwrap();
        spool.write_all(&noise[..1000]).unwrap();
        assert_eq!(spool.finish().err().unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
