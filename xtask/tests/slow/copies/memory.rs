//! Memory does not grow with the backup. `XTASK_COPY_MIB=1100` tries a large one; the
//! figures are printed.

use std::time::Duration;

use sys::env;
use sys::measure::Measured;

use super::world::{World, object};
use crate::support::object_store::{ObjectStore, require_s3};
use crate::support::{Server, TestServer, require};

const LONG: Duration = Duration::from_secs(1200);
const SMALL_MIB: u32 = 10;
const LARGE_MIB: u32 = 60;
/// What buffers may take that fill only with enough bytes.
const SLACK: u64 = 24 << 20;
/// Parts on their way, and what the TLS and HTTP libraries keep.
const CARRIER_MAX: u64 = 100 << 20;

/// The most memory of: copying, fetching, the carrier sending, the carrier fetching.
fn peaks(server: &TestServer, store: &ObjectStore, name: &str, mib: u32) -> [u64; 4] {
    let mut world = World::new(server, name);
    world.with_key();
    world.with_bucket(name, store.port, "");
    world.grow(mib);
    let label = world.backup();
    let tool = |args: &[&str]| peak(world.sandbox.command(args).measured(None, None, LONG));
    let copying = tool(&["db-copy"]);
    let object = object(store, name, &label);
    let bytes = std::fs::metadata(&object).unwrap().len();
    assert!(bytes > u64::from(mib) << 20, "{bytes} bytes are too few");
    let fetching = tool(&["db-verify", "--from", name, "--level", "file"]);
    let put = store.command(name, &["put", "twice", &bytes.to_string()]).stdin_from(&object);
    let sending = peak(put.measured(None, None, LONG));
    let twice = tempfile::tempfile().unwrap();
    let get = store.command(name, &["get", "twice"]);
    [copying, fetching, sending, peak(get.measured(None, Some(twice), LONG))]
}

fn peak(measured: anyhow::Result<Measured>) -> u64 {
    let measured = measured.unwrap();
    assert!(measured.ok(), "{}", measured.why());
    measured.peak_memory.unwrap_or(0)
}

#[test]
#[expect(clippy::print_stderr, reason = "figures for docs/benchmarks.md")]
fn memory_does_not_grow_with_the_backup() {
    let (Some(server), Some(store)) = (require(Server::Mariadb), require_s3()) else { return };
    let large = env::var("XTASK_COPY_MIB").map_or(LARGE_MIB, |text| text.parse().unwrap());
    let small = peaks(&server, &store, "copy_small", SMALL_MIB);
    let big = peaks(&server, &store, "copy_large", large);
    let names = ["copying", "fetching and reading", "carrier sending", "carrier fetching"];
    for ((name, small), big) in names.iter().zip(small).zip(big) {
        let mib = |bytes: u64| bytes >> 20;
        eprintln!(
            "{name}: peak {} MiB for {SMALL_MIB} MiB, {} MiB for {large} MiB",
            mib(small),
            mib(big)
        );
    }
    for at in [0, 1, 3] {
        assert!(big[at] < small[at] + SLACK, "{}: {small:?}, {big:?}", names[at]);
    }
    assert!(big[2] < CARRIER_MAX, "{big:?}");
}
