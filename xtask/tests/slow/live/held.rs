//! Runs that wait at a point, so that others do something just then.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use mysql::Conn;
use mysql::prelude::Queryable as _;
use sys::fault::VARIABLE;
use sys::proc::Finished;
use sys::{clock, fs, proc};

use super::writers::TABLES;
use crate::faults::demand_stop;
use crate::faults::live::Live;
use crate::faults::running::Running;
use crate::faults::world::put;
use crate::gate::world::World;
use crate::support::five::shape;
use crate::support::{Sandbox, Server};

pub const DEADLINE: Duration = Duration::from_secs(600);

/// The log is one for all schemas of a server, and a prepared transaction (XA) of one that ends
/// behind another's backup is refused there.
static FOLLOWERS: RwLock<()> = RwLock::new(());

/// A world whose log others of these tests read as well.
pub struct Beside {
    world: World,
    _lock: Either,
}

enum Either {
    Others { _lock: RwLockReadGuard<'static, ()> },
    Alone { _lock: RwLockWriteGuard<'static, ()> },
}

impl std::ops::Deref for Beside {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

/// A schema that others write to, and an account that reads the log.
pub fn world(kind: Server, name: &str) -> Option<Beside> {
    let lock = FOLLOWERS.read().unwrap_or_else(PoisonError::into_inner);
    made(kind, name, Either::Others { _lock: lock })
}

/// The same, and no other of these tests reads the log.
pub fn alone(kind: Server, name: &str) -> Option<Beside> {
    let lock = FOLLOWERS.write().unwrap_or_else(PoisonError::into_inner);
    made(kind, name, Either::Alone { _lock: lock })
}

fn made(kind: Server, name: &str, lock: Either) -> Option<Beside> {
    let world = World::shaped(kind, name)?;
    world.sandbox.with_log();
    world.sandbox.sql(TABLES);
    Some(Beside { world, _lock: lock })
}

/// The migration that keeps rows as they are.
pub fn migrate(world: &World, args: &[&str]) -> Finished {
    let all: Vec<&str> = ["migrate"].iter().chain(args).copied().collect();
    world.sandbox.in_checkout(shape(), &all).run(DEADLINE).unwrap()
}

/// A run that has to succeed, by a swap; gives its JSON.
#[track_caller]
pub fn demand_swapped(finished: &Finished) -> serde_json::Value {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(document["strategy"], "swap", "{document}");
    assert!(finished.stderr.contains("following what others write"), "{}", finished.stderr);
    document
}

/// A migration that waits at a point.
pub struct Held {
    run: Running,
    file: PathBuf,
}

impl Held {
    /// Starts one that others write beside (to a table whose rows count themselves), and waits
    /// until it is at the point. From then on nothing else writes.
    pub fn at(world: &World, point: &str, args: &[&str]) -> Self {
        let writer = world.writer();
        let held = Self::quiet(world, point, args);
        writer.end();
        held
    }

    /// The same, and nothing writes.
    pub fn quiet(world: &World, point: &str, args: &[&str]) -> Self {
        Self::of(&world.sandbox, point, args)
    }

    /// The same, in a project folder alone.
    pub fn of(sandbox: &Sandbox, point: &str, args: &[&str]) -> Self {
        let file = sandbox.path().join("hold");
        fs::remove_if_exists(&file.with_extension("reached")).unwrap();
        put(&file, b"");
        let all: Vec<&str> = ["migrate"].iter().chain(args).copied().collect();
        let command = sandbox
            .in_checkout(shape(), &all)
            .env(VARIABLE, format!("hold:{point}"))
            .env("XTASK_FAULT_FILE", file.to_str().unwrap());
        let run = Running::start_in(command, &sandbox.backups());
        let reached = file.with_extension("reached");
        let found = clock::poll(DEADLINE, || {
            let ended = !proc::alive(run.pid);
            Ok::<_, ()>((reached.exists() || ended).then_some(()))
        });
        assert_eq!(found, Ok(Some(())));
        if !reached.exists() {
            panic!("{point} was not reached: {}", run.join().stderr);
        }
        Self { run, file }
    }

    /// Lets it go on; it runs.
    pub fn release(self) -> Running {
        fs::remove_if_exists(&self.file).unwrap();
        self.run
    }

    /// Lets it go on, interrupted as by Ctrl-C.
    pub fn interrupt(self) -> Running {
        self.run.signal("INT");
        self.release()
    }

    /// Lets it go on, and waits for its end.
    pub fn go(self) -> Finished {
        self.release().join()
    }
}

/// It refused, and nothing of it is left: not on the live schema, and not beside it.
#[track_caller]
pub fn demand_refused(world: &World, finished: &Finished, words: &[&str], live: &Live) {
    demand_stop(finished, 20, words);
    demand_untouched(world, live);
}

/// Nothing is left of it.
#[track_caller]
pub fn demand_untouched(world: &World, live: &Live) {
    world.demand_live(live, "after a refusal");
    world.demand_clean();
    let old = world.companions("before");
    assert!(old.is_empty(), "left behind: {old:?}");
}

/// Columns of a table that hold data of their own, each as an expression that gives all of its
/// value.
fn columns(root: &mut Conn, schema: &str, table: &str) -> BTreeMap<String, String> {
    let sql = format!(
        "SELECT COLUMN_NAME, LOWER(DATA_TYPE) FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = '{schema}' AND TABLE_NAME = '{table}' \
         AND COALESCE(GENERATION_EXPRESSION, '') = ''"
    );
    let found: Vec<(String, String)> = root.query(sql).unwrap();
    let bytes = ["char", "text", "binary", "blob", "bit"];
    let value = |(name, kind): (String, String)| {
        let value = match bytes.iter().any(|it| kind.ends_with(it)) {
            true => format!("HEX(`{name}`)"),
            false => format!("HEX(CAST(`{name}` AS CHAR))"),
        };
        (name, format!("COALESCE({value}, 'NULL')"))
    };
    found.into_iter().map(value).collect()
}

/// The migrated tables hold what the old ones hold, in all columns that both have; gives how many
/// rows that were. `m5`.`v` is called `worth` there.
#[track_caller]
pub fn demand_equal(world: &World, old: &str) -> usize {
    let (mut root, live) = (world.sandbox.root(), &world.sandbox.schema);
    root.query_drop("SET time_zone = '+00:00'").unwrap();
    let sql = format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{old}' AND \
         TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME NOT IN ('_sqlx_migrations') \
         AND TABLE_NAME NOT LIKE '\\_\\_%'"
    );
    let tables: Vec<String> = root.query(sql).unwrap();
    assert!(tables.len() > 5, "{tables:?}");
    let mut count = 0;
    for table in tables {
        let mut before = columns(&mut root, old, &table);
        let now = columns(&mut root, live, &table);
        if table == "m5" {
            before = before
                .into_iter()
                .map(|(name, value)| (name.replace('v', "worth"), value))
                .collect();
        }
        let both: Vec<&String> = before.keys().filter(|name| now.contains_key(*name)).collect();
        assert!(both.len() + 1 >= before.len(), "{table}: {before:?}, now {now:?}");
        let mut rows = |schema: &str, of: &BTreeMap<String, String>| {
            let list: Vec<&str> = both.iter().map(|name| of[*name].as_str()).collect();
            let sql = format!(
                "SELECT CONCAT_WS(' ', {}) FROM `{schema}`.`{table}` ORDER BY 1",
                list.join(", ")
            );
            root.query::<String, _>(sql).unwrap()
        };
        let (were, are) = (rows(old, &before), rows(live, &now));
        let odd: Vec<_> = were.iter().filter(|row| !are.contains(row)).take(3).collect();
        let more: Vec<_> = are.iter().filter(|row| !were.contains(row)).take(3).collect();
        assert!(were == are, "{table}: missing {odd:?}, not there before {more:?}");
        count += were.len();
    }
    count
}
