//! `bench`

use clap::Args;

/// Measure dumps and restores of this tool against mysqldump, mydumper and only reading.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Without --scale the configured schema is measured as it is, and only read. The old guide's\ncommand locks its tables against writes for as long as it runs.\n\nExamples:\n  cargo xtask bench --scale 0.05 --rounds 1     a first look\n  cargo xtask bench --scale 1 --keep            about 3 million watch-history rows\n  cargo xtask bench --scales 1,4 --write        and write docs/benchmarks.md"
)]
pub struct Bench {
    /// Measure generated rows of this scale (see db-seed), in a schema of its own
    #[arg(long, value_name = "N", conflicts_with = "scales")]
    pub scale: Option<f64>,
    /// The same for several scales, and how the times grow between them
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    pub scales: Vec<f64>,
    /// How often each candidate runs
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub rounds: u32,
    /// Connections of the native engine and of the floor [default: what the engine takes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub threads: Option<u8>,
    /// Keep the schema with the generated rows for the next run
    #[arg(long)]
    pub keep: bool,
    /// Write the figures into docs/benchmarks.md and draw docs/benchmarks.svg
    #[arg(long)]
    pub write: bool,
    /// Replace a schema of that name although no benchmark made it
    #[arg(long)]
    pub yes: bool,
}
