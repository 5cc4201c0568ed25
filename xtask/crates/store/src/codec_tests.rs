//! Round trips, truncation, and other tools' files.

use std::io::Write;

use super::super::testing::{backup, label, manifest, put, scratch};
use super::*;
use model::manifest::{Compression, SectionKind};
use model::sink::SectionSink;
use sys::proc;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn read(path: &Path) -> io::Result<(Vec<u8>, ReadFacts)> {
    let mut reader = open_text(path, &KeyFile::default(), &[]).unwrap();
    let mut text = Vec::new();
    reader.read_to_end(&mut text)?;
    Ok((text, reader.finish()?))
}

#[test]
fn content_decides_and_parts_are_read_as_one() {
    let dir = tempfile::tempdir().unwrap();
    // Names that lie.
    let path = dir.path().join("dump.sql");
    let (one, two) = (b"SELECT 1;\n".repeat(5000), b"SELECT 2;\n".to_vec());
    let whole = [one.clone(), two.clone()].concat();
    let zstd = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
    let files = [
        (Format::Plain, whole.clone()),
        (Format::Gzip, gzip(&whole)),
        (Format::Gzip, [gzip(&one), gzip(b""), gzip(&two)].concat()),
        (Format::Zstd, zstd(&whole)),
        (Format::Zstd, [zstd(&one), zstd(b""), zstd(&two)].concat()),
        (Format::Zstd, [b"\x50\x2a\x4d\x18\x01\0\0\0x".to_vec(), zstd(&whole)].concat()),
    ];
    for (format, stored) in files {
        put(&path, &stored);
        assert_eq!(open_text(&path, &KeyFile::default(), &[]).unwrap().format(), format);
        let (text, facts) = read(&path).unwrap();
        assert!(text == whole, "{format:?}");
        assert_eq!(facts.sha256, seal::sha256_hex(&stored));
        assert_eq!(facts.bytes, stored.len() as u64);
        assert_eq!(facts.text_bytes, whole.len() as u64);
        // The facts are the same when nobody read the text before.
        assert_eq!(open_text(&path, &KeyFile::default(), &[]).unwrap().finish().unwrap(), facts);
    }
    put(&path, b"");
    assert_eq!(read(&path).unwrap().1.bytes, 0);
}

#[test]
fn a_compressed_file_that_ends_too_early_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dump");
    let text = b"INSERT INTO `movie` VALUES (1);\n".repeat(3);
    for stored in [gzip(&text), zstd::encode_all(&text[..], 1).unwrap()] {
        // Of one part, and in the second of two.
        for front in [Vec::new(), stored.clone()] {
            for cut in 4..stored.len() {
                put(&path, &[&front[..], &stored[..cut]].concat());
                assert!(read(&path).is_err(), "cut at {cut} of {}", stored.len());
            }
            // Rubbish behind the end is not passed over.
            put(&path, &[&front[..], &stored[..], b"rubbish behind"].concat());
            assert!(read(&path).is_err());
        }
    }
}

#[test]
fn what_is_no_dump_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dump.sql");
    for stored in [&b"PK\x03\x04"[..], b"BZh91AY", b"-----BEGIN AGE ENCRYPTED FILE-----"] {
        put(&path, stored);
        let stop: Stop =
            open_text(&path, &KeyFile::default(), &[]).unwrap_err().downcast().unwrap();
        assert_eq!(stop.code, ExitCode::Store);
    }
    // UTF-16 is for the engine to turn into UTF-8.
    put(&path, b"\xff\xfe-\0-\0");
    assert_eq!(open_text(&path, &KeyFile::default(), &[]).unwrap().format(), Format::Plain);
    assert!(open_text(dir.path(), &KeyFile::default(), &[]).is_err());
    assert!(open_text(&dir.path().join("missing"), &KeyFile::default(), &[]).is_err());
}

/// The index is part of the format: other programs may cut a table out by it.
#[test]
fn the_index_says_where_a_section_is() {
    for compression in [Compression::None, Compression::Zstd] {
        let (_dir, store) = scratch();
        let entry = backup(&store, &label("20261122_101112"), compression).unwrap();
        let section = &entry.manifest().unwrap().sections[1];
        let stored = fs::read_bytes(&entry.data_path().unwrap()).unwrap();
        let (from, length) = (section.offset as usize, section.length as usize);
        let alone = &stored[from..from + length];
        let text = match compression {
            Compression::None => alone.to_owned(),
            Compression::Zstd => zstd::decode_all(alone).unwrap(),
        };
        assert_eq!(text, b"CREATE TABLE `movie` (id INT);\n");
        assert_eq!(text.len() as u64, section.text_length);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn zstdcat_reads_many_frames_as_one_file() {
    let Some(zstdcat) = proc::find("zstdcat") else {
        eprintln!("SKIPPED: there is no zstdcat to read the frames with");
        return;
    };
    let (_dir, store) = scratch();
    let lock = store.lock_within(std::time::Duration::ZERO).unwrap();
    let mut pending =
        store.begin(&lock, &label("20261122_101112"), Compression::Zstd, None).unwrap();
    let mut whole = String::new();
    for n in 0..3000 {
        let text = format!("-- table {n}\n");
        pending.section(SectionKind::Table, &format!("t{n}")).unwrap();
        pending.write_all(text.as_bytes()).unwrap();
        whole += &text;
    }
    let entry = pending.finish(|facts| Ok(manifest(facts))).unwrap();
    let path = entry.data_path().unwrap();
    let deadline = std::time::Duration::from_secs(60);
    let read = proc::Cmd::new(zstdcat).arg(path.clone()).read(deadline).unwrap();
    assert!(read == whole);
    assert!(self::read(&path).unwrap().0 == whole.as_bytes());
}

/// Kilobytes of memory this process has had at most.
#[cfg(target_os = "linux")]
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stdout, reason = "shows the rates with --nocapture")]
fn child_writes_and_reads_much() {
    let Some(dir) = super::super::testing::child_dir() else { return };
    let store = super::super::Store::open(&dir).unwrap();
    let lock = store.lock_within(std::time::Duration::ZERO).unwrap();
    let mib = sys::env::var("XTASK_TEST_MIB").map_or(128, |text| text.parse().unwrap());
    // Repeated after 16 MiB, which is far outside of the compressor's window.
    let mut rows = Vec::new();
    let mut state = 1_u64;
    while rows.len() < 16 << 20 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let (id, stars, minute) = (state >> 40, state >> 59, (state >> 33) % 60);
        let name = id % 977;
        writeln!(rows, "({id},'profile {name}','2026-11-22 10:{minute:02}:12',{stars}),").unwrap();
    }
    let before = peak_kib();
    for (n, compression) in [Compression::None, Compression::Zstd].into_iter().enumerate() {
        let stamp = format!("20261122_10111{n}");
        let start = std::time::Instant::now();
        let mut pending = store.begin(&lock, &label(&stamp), compression, None).unwrap();
        pending.section(SectionKind::Table, "watch_history").unwrap();
        let mut total = 0;
        while total < mib << 20 {
            // As the engine writes: some rows at a time.
            for part in rows.chunks(16 << 10) {
                pending.write_all(part).unwrap();
                total += part.len();
            }
        }
        let spooled = start.elapsed();
        let entry = pending.finish(|facts| Ok(manifest(facts))).unwrap();
        let written = start.elapsed();
        let start = std::time::Instant::now();
        let facts = open_text(&entry.data_path().unwrap(), &KeyFile::default(), &[])
            .unwrap()
            .finish()
            .unwrap();
        let rate = |time: std::time::Duration| total as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{compression:?}: wrote {:.0} MB/s ({:.0} MB/s without fsync), read {:.0} MB/s, \
             {} -> {} bytes",
            rate(written),
            rate(spooled),
            rate(start.elapsed()),
            facts.text_bytes,
            facts.bytes
        );
    }
    println!("grew by {} KiB", peak_kib() - before);
    assert!(peak_kib() - before < 32 << 10);
}

#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stdout, reason = "shows the rates with --nocapture")]
fn memory_stays_flat() {
    let dir = tempfile::tempdir().unwrap();
    let test = "codec::tests::child_writes_and_reads_much";
    let ended = super::super::testing::child(test, dir.path(), "none:");
    println!("{}", ended.stdout);
    assert!(ended.ok(), "{ended:?}");
}
