//! What a benchmark found, as the document that `bench --json` prints.

use serde::{Deserialize, Serialize};

/// Version of [`Document`].
pub const BENCH_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// [`BENCH_VERSION`].
    pub version: u32,
    pub started_utc: chrono::DateTime<chrono::Utc>,
    pub tool_version: String,
    pub machine: Machine,
    /// The server: flavour, version, how it was reached.
    pub server: String,
    /// How often each candidate ran.
    pub rounds: u32,
    /// What was measured, in the order of the scales.
    pub subjects: Vec<Subject>,
    /// How the times grow from the smallest to the largest scale; empty for one scale.
    pub scaling: Vec<Ratio>,
}

/// The machine that everything ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name; null where the system does not tell.
    pub cpu: Option<String>,
    /// How many of them this process may use.
    pub cores: u64,
    /// Memory; null where the system does not tell.
    pub memory_bytes: Option<u64>,
    pub os: String,
}

/// A schema and what was measured on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    pub schema: String,
    /// The scale of its generated rows; null for a schema that was taken as it is.
    pub scale: Option<f64>,
    pub tables: u64,
    /// Rows, counted while they were read; null where no candidate that counts them ran.
    pub rows: Option<u64>,
    /// Size as uncompressed SQL text; null where no candidate that writes it ran.
    pub text_bytes: Option<u64>,
    /// Connections that the floor reads over: as many as the native engine.
    pub connections: u32,
    /// Each way to dump it.
    pub dump: Vec<Entry>,
    /// Each way to restore it.
    pub restore: Vec<Entry>,
    /// What the dumps do to a session that works meanwhile.
    pub load: Vec<LoadPhase>,
    /// Our own times and memory against the others'.
    pub ratios: Vec<Ratio>,
}

/// One candidate: its runs, or why there are none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in this document.
    pub id: String,
    /// What it is, for people.
    pub what: String,
    /// Program and version, and where it ran; null where that is this tool.
    pub program: Option<String>,
    /// The command, without passwords; null where nothing was started.
    pub command: Option<String>,
    /// Each run by wall clock.
    pub seconds: Vec<f64>,
    pub median_s: Option<f64>,
    /// What the command itself says it took, where it does.
    pub own_seconds: Vec<f64>,
    /// Bytes that it wrote.
    pub bytes: Option<u64>,
    /// The most memory that one of its processes on this machine ever held.
    pub peak_memory_bytes: Option<u64>,
    /// Whether it syncs what it wrote to the disk; null where it writes nothing here.
    pub fsync: Option<bool>,
    /// Why it did not run.
    pub not_run: Option<String>,
    /// What was found missing in what it wrote or loaded; null where nothing was.
    pub incomplete: Option<String>,
}

/// A session that reads and writes single rows, during something else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadPhase {
    pub during: String,
    /// How long the session was watched.
    pub seconds: f64,
    /// Reads and writes that it made.
    pub operations: u64,
    /// The same for each second.
    pub per_second: f64,
    /// 99 of 100 took at most this long, in milliseconds.
    pub p99_ms: f64,
    /// The longest, in milliseconds.
    pub worst_ms: f64,
    /// Why it was not measured.
    pub not_run: Option<String>,
}

/// A figure with a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// What is compared with what.
    pub what: String,
    /// The figure; null where one side did not run.
    pub value: Option<f64>,
    /// `times` or `MiB`.
    pub unit: String,
    /// At most this.
    pub target: f64,
    /// Whether it is; null where there is no figure.
    pub reached: Option<bool>,
    /// Why there is no figure.
    pub not_run: Option<String>,
    /// What makes the figure mean less.
    pub note: Option<String>,
}
