//! What a dump does to a session that reads and writes single rows meanwhile.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Bench, Target};
use model::bench::LoadPhase;
use model::ident::{qualified, quote};
use plan::bench::percentile_99;
use server::{Session, inventory};
use sys::{clock, fs, signal};

/// Each phase is watched at least this long; a short dump is repeated.
const WATCHED: Duration = Duration::from_secs(3);
const ROWS: u32 = 5000;

/// What runs meanwhile: nothing, or `db-backup` with an engine.
const PHASES: [(&str, Option<&str>); 3] = [
    ("nothing else", None),
    ("db-backup --engine native", Some("native")),
    ("db-backup --engine mysqldump", Some("mysqldump")),
];
/// Between two phases; what is done then belongs to none.
const PAUSE: usize = usize::MAX;

pub(super) fn measure(bench: &mut Bench<'_>, target: &Target) -> Result<Vec<LoadPhase>> {
    let none = |why: String| {
        let phase = |(during, _): &(&str, _)| LoadPhase {
            during: (*during).to_owned(),
            not_run: Some(why.clone()),
            ..LoadPhase::default()
        };
        PHASES.iter().map(phase).collect::<Vec<_>>()
    };
    let work = Work::prepare(bench, target)?;
    let Some(work) = work else { return Ok(none("no table `watch_history` with rows".to_owned())) };
    let mut session = bench.worker(None)?;
    // A lock is to be seen as a long wait and not to end the session's work.
    session.run("SET lock_wait_timeout = 600, innodb_lock_wait_timeout = 600")?;
    let (phase, stop) = (AtomicUsize::new(PAUSE), AtomicBool::new(false));
    let (phases, times) = thread::scope(|scope| {
        let busy = scope.spawn(|| work.go(&mut session, &phase, &stop));
        let phases = phases(bench, target, &phase);
        stop.store(true, Ordering::SeqCst);
        (phases, busy.join())
    });
    let phases = phases?;
    let times = match times {
        Ok(Ok(times)) => times,
        Ok(Err(error)) => return Ok(none(bench.public(&format!("{error:#}")))),
        Err(_) => return Ok(none("the thread of the session died".to_owned())),
    };
    bench.sweep()?;
    Ok(phases.into_iter().zip(times).map(|(phase, times)| figures(phase, times)).collect())
}

fn figures(mut phase: LoadPhase, mut micros: Vec<u64>) -> LoadPhase {
    if phase.not_run.is_some() {
        return phase;
    }
    phase.operations = micros.len() as u64;
    phase.per_second = phase.operations as f64 / phase.seconds.max(f64::EPSILON);
    phase.p99_ms = percentile_99(&mut micros) as f64 / 1000.0;
    phase.worst_ms = micros.last().copied().unwrap_or(0) as f64 / 1000.0;
    phase
}

/// Goes through the phases while the session works.
fn phases(bench: &Bench<'_>, target: &Target, now: &AtomicUsize) -> Result<Vec<LoadPhase>> {
    let mut phases = Vec::new();
    for (number, (during, engine)) in PHASES.iter().enumerate() {
        let mut phase = LoadPhase { during: (*during).to_owned(), ..LoadPhase::default() };
        let start = Instant::now();
        match engine {
            None => {
                now.store(number, Ordering::SeqCst);
                clock::poll(WATCHED, || Ok::<Option<()>, anyhow::Error>(None))?;
                now.store(PAUSE, Ordering::SeqCst);
                phase.seconds = start.elapsed().as_secs_f64();
            }
            Some(engine) => {
                while phase.not_run.is_none() && phase.seconds < WATCHED.as_secs_f64() {
                    one_dump(bench, target, engine, (now, number), &mut phase)?;
                }
            }
        }
        signal::check()?;
        let outcome = phase.not_run.as_deref().unwrap_or("measured");
        bench.ctx.ui.say(format!("effect on a concurrent load, {during}: {outcome}"));
        phases.push(phase);
    }
    Ok(phases)
}

fn one_dump(
    bench: &Bench<'_>,
    target: &Target,
    engine: &str,
    (now, number): (&AtomicUsize, usize),
    phase: &mut LoadPhase,
) -> Result<()> {
    let folder = bench.scratch.join("load");
    fs::remove_dir_if_exists(&folder)?;
    fs::create_private_dir(&folder)?;
    let cmd = bench.backup(target, &folder, engine, "none")?;
    now.store(number, Ordering::SeqCst);
    let measured = cmd.measured(None, None, bench.deadline());
    now.store(PAUSE, Ordering::SeqCst);
    signal::check()?;
    match measured {
        Ok(measured) if measured.ok() => phase.seconds += measured.elapsed.as_secs_f64(),
        Ok(measured) => phase.not_run = Some(bench.public(&measured.why())),
        Err(error) => phase.not_run = Some(bench.public(&format!("{error:#}"))),
    }
    fs::remove_dir_if_exists(&folder)
}

struct Work {
    /// The table that is read and its key.
    read: String,
    /// Sets one row, which is named by what is appended.
    update: String,
    ids: Vec<u64>,
    /// Rows that may be written; the ids themselves where the schema is the benchmark's.
    written: u64,
}

impl Work {
    /// In a schema of our own the rows that are dumped are also written. Someone's rows are
    /// only read; what is written then is a table of our own beside.
    fn prepare(bench: &mut Bench<'_>, target: &Target) -> Result<Option<Self>> {
        let table = qualified(&target.schema, "watch_history");
        let session = &mut bench.session;
        if !inventory::read(session, &target.schema)?.tables.contains_key("watch_history") {
            return Ok(None);
        }
        let highest: Option<u64> = session.value(&format!("SELECT MAX(id) FROM {table}"))?;
        let step = (highest.unwrap_or(0) / u64::from(ROWS)).max(1);
        let sql = format!("SELECT id FROM {table} WHERE MOD(id, {step}) = 0 LIMIT {ROWS}");
        let ids: Vec<u64> = session.rows(&sql)?;
        if ids.is_empty() {
            return Ok(None);
        }
        let read = format!("SELECT * FROM {table} WHERE id = ");
        if target.scale.is_some() {
            let set = "position_seconds = position_seconds ^ 1";
            return Ok(Some(Self {
                read,
                update: format!("UPDATE {table} SET {set} WHERE id = "),
                ids,
                written: 0,
            }));
        }
        let schema = bench.companion("traffic");
        let session = &mut bench.session;
        session.run(&format!("CREATE DATABASE {}", quote(&schema)))?;
        let counter = qualified(&schema, "counter");
        session.run(&format!("CREATE TABLE {counter} (id INT PRIMARY KEY, n INT NOT NULL)"))?;
        let written = 1000;
        let rows: Vec<String> = (0..written).map(|id| format!("({id}, 0)")).collect();
        session.run(&format!("INSERT INTO {counter} VALUES {}", rows.join(",")))?;
        let update = format!("UPDATE {counter} SET n = n + 1 WHERE id = ");
        Ok(Some(Self { read, update, ids, written }))
    }

    /// Reads and writes in turn until it is told to stop; gives the microseconds that each
    /// took, for each phase.
    fn go(
        &self,
        session: &mut Session,
        phase: &AtomicUsize,
        stop: &AtomicBool,
    ) -> Result<Vec<Vec<u64>>> {
        let mut times = vec![Vec::new(); PHASES.len()];
        for n in 0_usize.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let id = self.ids[n.wrapping_mul(7919) % self.ids.len()];
            let sql = match (n % 2, self.written) {
                (0, _) => format!("{}{id}", self.read),
                (_, 0) => format!("{}{id}", self.update),
                (_, rows) => format!("{}{}", self.update, id % rows),
            };
            let during = phase.load(Ordering::SeqCst);
            let start = Instant::now();
            session.run(&sql)?;
            if let Some(times) = times.get_mut(during) {
                times.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
        }
        Ok(times)
    }
}
