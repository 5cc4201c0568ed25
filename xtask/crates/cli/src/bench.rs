//! `bench`

use clap::Args;

/// Benchmark dumps and restores against mysqldump, mydumper and a bare read.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Without --scale, it benchmarks the configured schema, read-only. The plain \
    mysqldump candidate\nlocks the tables against writes while it runs.\n\nExamples:\n  cargo \
    xtask bench --scale 0.05 --rounds 1     a first look\n  cargo xtask bench --scale 1 --keep    \
            about 3 million watch-history rows\n  cargo xtask bench --scales 1,4 --write        \
    and write docs/benchmarks.md"
)]
pub struct Bench {
    /// Benchmark generated rows of this scale (see db-seed) in a separate schema
    #[arg(long, value_name = "N", conflicts_with = "scales")]
    pub scale: Option<f64>,
    /// Benchmark several scales and show how the times grow between them
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    pub scales: Vec<f64>,
    /// Runs per candidate
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub rounds: u32,
    /// Connections for the native engine and the bare read [default: the engine's own choice]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub threads: Option<u8>,
    /// Keep the schema with the generated rows for the next run
    #[arg(long)]
    pub keep: bool,
    /// Write the figures into docs/benchmarks.md and draw docs/benchmarks.svg
    #[arg(long)]
    pub write: bool,
    /// Replace an existing schema of that name even if no benchmark created it
    #[arg(long)]
    pub yes: bool,
}
