//! The program behind `cargo xtask ci`, `bench`, `db-seed` and `docs`.

use std::process::ExitCode;

use cli::{Cli, Command, Global};
use ops::frame::{self, Copies, Flags};
use workshop::{bench, ci, docs, seed};

fn main() -> ExitCode {
    let Cli { global, command } = cli::parse();
    let Global { json, quiet, verbose, backups, server } = global;
    let flags = Flags { json, quiet, verbose, backups, server };
    let code = frame::run(&flags, false, |ctx, _| {
        match &command {
            Command::Bench(args) => bench::run(ctx, args),
            Command::Ci(args) => {
                ci::run(&ctx.settings.root, &ci::Options { stages: args.stage.clone() })
            }
            Command::Docs(args) => docs::run(ctx, args),
            Command::DbSeed(args) => seed::run(ctx, args),
            _ => anyhow::bail!("not a workshop command; run `cargo xtask` instead"),
        }?;
        Ok(Copies::Now)
    });
    ExitCode::from(code as u8)
}
