//! Every way to dump, in turn.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::tools::{Tools, short_address};
use super::{Attempt, Bench, Ran, Target, attempt, check, entry, floor};
use model::bench::{Entry, Subject};
use plan::bench::{DUMPS, PEER_THREADS, RESTORED, Way};
use plan::dump_client::{DumpClient, Place};
use report::json::BackupDocument;
use rows::dumper;
use sys::measure::Measured;
use sys::proc::Cmd;
use sys::{disk, fs, signal};

/// The dumps that the restores start from.
#[derive(Debug, Default)]
pub(super) struct Dumps {
    /// A plain backup of this tool: the folder, the label, the file.
    pub(super) backup: Option<(PathBuf, String, PathBuf)>,
    pub(super) mydumper: Option<PathBuf>,
    /// What is missing in that.
    pub(super) flaw: Option<String>,
}

const MYDUMPER: &str = "mydumper";

/// Runs every candidate, round by round, so that whatever else the machine does hits all alike.
pub(super) fn measure(
    bench: &mut Bench<'_>,
    target: &Target,
    tools: &Tools,
    subject: &mut Subject,
) -> Result<Dumps> {
    let mut entries: Vec<Entry> = DUMPS.iter().map(entry).collect();
    let mut dumps = Dumps::default();
    for round in 1..=bench.rounds {
        for (candidate, entry) in DUMPS.iter().zip(&mut entries) {
            if entry.not_run.is_some() {
                continue;
            }
            signal::check()?;
            let folder = bench.scratch.join(candidate.id);
            fs::remove_dir_if_exists(&folder)?;
            fs::create_private_dir(&folder)?;
            let mut run = Run { bench, target, tools, folder: &folder, entry, subject };
            let done = attempt(run.once(candidate.way))?;
            let ran = done.is_ok();
            bench.note(entry, round, done);
            if ran && candidate.id == MYDUMPER {
                dumps.mydumper = Some(folder);
            } else if !ran || !RESTORED.contains(&candidate.id) {
                fs::remove_dir_if_exists(&folder)?;
            }
        }
    }
    // Its compressed files are not looked into; it is the same program.
    let flaw = entries.iter().find(|it| it.id == MYDUMPER).and_then(|it| it.incomplete.clone());
    for entry in entries.iter_mut().filter(|it| it.id.starts_with(MYDUMPER)) {
        entry.incomplete = flaw.clone().filter(|_| entry.median_s.is_some());
    }
    dumps.flaw = flaw;
    subject.dump = entries;
    dumps.backup = backup_of(bench, subject)?;
    Ok(dumps)
}

/// The backup of the last round, by the best engine that ran.
fn backup_of(bench: &Bench<'_>, subject: &Subject) -> Result<Option<(PathBuf, String, PathBuf)>> {
    let ran = |id: &str| subject.dump.iter().any(|it| it.id == id && it.median_s.is_some());
    let Some(id) = RESTORED.into_iter().find(|id| ran(id)) else { return Ok(None) };
    let folder = bench.scratch.join(id);
    let file = fs::names(&folder)?.into_iter().find(|name| name.ends_with(".sql"));
    let file = file.context("the backup that was just made is not there")?;
    let label = file.trim_end_matches(".sql").to_owned();
    let path = folder.join(file);
    Ok(Some((folder, label, path)))
}

struct Run<'a, 'b> {
    bench: &'a Bench<'b>,
    target: &'a Target,
    tools: &'a Tools,
    folder: &'a Path,
    entry: &'a mut Entry,
    subject: &'a mut Subject,
}

impl Run<'_, '_> {
    fn once(&mut self, way: Way) -> Result<Attempt> {
        match way {
            Way::Guide => self.guide(),
            Way::Client { zstd } => self.client(zstd),
            Way::Mydumper { compress } => self.mydumper(compress),
            Way::Backup { engine, compress } => self.backup(engine, compress),
            Way::Floor => self.floor(),
            Way::Mysql | Way::Myloader | Way::Verify | Way::Restore => {
                Ok(Err("it does not dump".to_owned()))
            }
        }
    }

    fn guide(&mut self) -> Result<Attempt> {
        let client = match &self.tools.guide {
            Ok(client) => client,
            Err(why) => return Ok(Err(why.clone())),
        };
        let Place::Container(container) = &client.place else {
            return Ok(Err("the server is in no container".to_owned()));
        };
        let reader = &self.target.reader;
        let password = reader.password.as_ref().context("the account has no password")?;
        let cmd = Cmd::new("docker")
            .args(["exec", "-e", "MYSQL_PWD", container, &client.program, "--no-tablespaces"])
            .args(["-u", &reader.user, &self.target.schema])
            .env("MYSQL_PWD", password.reveal());
        self.entry.program = Some(client.to_string());
        let done = self.write_file(&cmd, None, "dump.sql")?;
        // What was seen is the memory of `docker`, not of the program in the container.
        Ok(done.map(|ran| Ran { peak_memory: None, ..ran }))
    }

    fn client(&mut self, zstd: bool) -> Result<Attempt> {
        let client: &DumpClient = match &self.tools.dump {
            Ok(client) => client,
            Err(why) => return Ok(Err(why.clone())),
        };
        let limits =
            dumper::Limits { stall: self.bench.deadline(), deadline: self.bench.deadline() };
        let cmd = dumper::command(&dumper::Order {
            client,
            server: self.bench.server,
            account: &self.target.reader,
            schema: &self.target.schema,
            lock_all: false,
            left_out: &[],
            limits,
        })?;
        self.entry.program = Some(client.to_string());
        if !zstd {
            return self.write_file(&cmd, None, "dump.sql");
        }
        match &self.tools.zstd {
            Ok(program) => {
                self.entry.program = Some(format!("{client}; {}", program.version));
                let zstd = Cmd::new(&program.path).args(["-1", "-T1", "-q", "-c"]);
                self.write_file(&cmd, Some(&zstd), "dump.sql.zst")
            }
            Err(why) => Ok(Err(why.clone())),
        }
    }

    /// No shell: the last program's standard output is the file.
    fn write_file(&mut self, cmd: &Cmd, then: Option<&Cmd>, name: &str) -> Result<Attempt> {
        let path = self.folder.join(name);
        let pipe = then.map_or_else(String::new, |next| format!(" | {}", next.shown()));
        self.show(&format!("{}{pipe} > {name}", cmd.shown()));
        let file = fs::create_private(&path)?;
        let measured = cmd.measured(then, Some(file), self.bench.deadline())?;
        if measured.ok() && then.is_none() && !check::has_end_line(&path)? {
            return Ok(Err(format!("its end line is missing: {}", measured.stderr.trim())));
        }
        self.finished(&measured, &path)
    }

    fn finished(&self, measured: &Measured, path: &Path) -> Result<Attempt> {
        if !measured.ok() {
            return Ok(Err(measured.why()));
        }
        let bytes = disk::bytes_in(path)?;
        if bytes == 0 {
            return Ok(Err(format!("it wrote nothing: {}", measured.stderr.trim())));
        }
        Ok(Ok(Ran { bytes: Some(bytes), ..Ran::of(measured) }))
    }

    fn mydumper(&mut self, compress: bool) -> Result<Attempt> {
        let program = match &self.tools.mydumper {
            Ok(program) => program,
            Err(why) => return Ok(Err(why.clone())),
        };
        let reader = &self.target.reader;
        let password = reader.password.as_ref().context("the account has no password")?;
        let out = self.folder.join("dump");
        fs::create_private_dir(&out)?;
        // Its own lock is FLUSH TABLES WITH READ LOCK, for which no account here has the right.
        let mut cmd = Cmd::new(&program.path)
            .args(short_address(&self.bench.server.endpoint))
            .args(["-u", &reader.user, "-B", &self.target.schema, "--no-locks"])
            .args(["-t", &PEER_THREADS.to_string(), "-o"])
            .arg(&out)
            .env("MYSQL_PWD", password.reveal());
        if compress {
            cmd = cmd.arg("--compress");
        }
        self.entry.program = Some(program.version.clone());
        self.show(&cmd.shown());
        let measured = cmd.measured(None, None, self.bench.deadline())?;
        for name in fs::names(&out)? {
            disk::make_private_file(&out.join(name))?;
        }
        // It ends with 0 after some errors, too.
        match measured.stderr.lines().find(|line| line.contains("CRITICAL")) {
            Some(line) if measured.ok() => Ok(Err(line.trim().to_owned())),
            _ => {
                self.entry.incomplete = check::dumped(self.bench, self.target, &out)?;
                self.finished(&measured, &out)
            }
        }
    }

    fn backup(&mut self, engine: &str, compress: &str) -> Result<Attempt> {
        let cmd = self.bench.backup(self.target, self.folder, engine, compress)?;
        self.show(&format!("DB_NAME={} {}", self.target.schema, cmd.shown()));
        let measured = cmd.measured(None, None, self.bench.deadline())?;
        if !measured.ok() {
            return Ok(Err(measured.why()));
        }
        let made: BackupDocument =
            serde_json::from_str(&measured.stdout).context("read what db-backup says")?;
        self.subject.rows = Some(made.rows);
        if compress == "none" {
            self.subject.text_bytes = Some(made.bytes);
        }
        Ok(Ok(Ran {
            own_ms: Some(made.duration_ms),
            bytes: Some(made.bytes),
            ..Ran::of(&measured)
        }))
    }

    fn floor(&mut self) -> Result<Attempt> {
        let (elapsed, rows) = floor::read(self.bench, self.target, self.subject.connections)?;
        self.subject.rows = Some(rows);
        Ok(Ok(Ran { seconds: elapsed.as_secs_f64(), ..Ran::default() }))
    }

    fn show(&mut self, command: &str) {
        self.entry.command = Some(self.bench.public(command));
    }
}
