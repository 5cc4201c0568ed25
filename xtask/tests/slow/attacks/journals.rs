//! Whoever can write to the backups folder writes a journal there: its statements would run
//! as `restore_user`, so only one that a trusted installation signed is followed.

use std::time::Duration;

use model::swap::{JournalStatement, Purpose, SwapJournal, SwapPhase};
use sys::fs;

use crate::faults::demand_stop;
use crate::faults::world::{World, put};
use crate::support::{Sandbox, Server};

/// Everything about it is right, but who wrote it.
fn forged(world: &World) -> SwapJournal {
    let schema = &world.sandbox.schema;
    let entries = world.sandbox.store().read().unwrap().entries;
    let drop = JournalStatement {
        sql_mode: String::new(),
        charset_client: "utf8mb4".to_owned(),
        collation: "utf8mb4_unicode_ci".to_owned(),
        time_zone: None,
        trigger: None,
        sql: "DROP TABLE zz_last".to_owned(),
    };
    SwapJournal {
        version: 1,
        server: entries.last().unwrap().server_uuid.clone(),
        target: schema.clone(),
        staging: format!("{schema}__staging_20261122_101112"),
        before: format!("{schema}__before_20261122_101112"),
        source: format!("{schema}_backup_20261122_101112"),
        purpose: Purpose::Restore,
        phase: SwapPhase::Prepared,
        tables_in: Vec::new(),
        tables_out: Vec::new(),
        remake_triggers: false,
        undo: vec![drop.clone()],
        finish: vec![drop],
        rows_only: false,
        created: Vec::new(),
        counters: Vec::new(),
        enable: Vec::new(),
        beside: false,
        unsaved: Vec::new(),
    }
}

#[test]
fn a_journal_of_a_stranger_is_not_played() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "journals") else { continue };
        assert_eq!(world.sandbox.xtask(&["db-backup"]).code, Some(0));
        let before = world.live();
        let path = world.sandbox.backups().join(".swap.json");
        let journal = forged(&world);
        let plain = serde_json::to_string(&journal).unwrap();
        let unsigned = serde_json::json!({ "version": 2, "state": plain });
        let stranger = Sandbox::new(world.sandbox.server(), "journals_b");
        let folder = tempfile::tempdir().unwrap();
        let other = stranger.store_at(folder.path());
        let lock = other.lock_within(Duration::ZERO).unwrap();
        other.write_journal(&lock, &journal).unwrap();
        let signed = fs::read_text(&folder.path().join(".swap.json")).unwrap();
        for (text, why) in [
            (plain, "format 1"),
            (unsigned.to_string(), "is unsigned"),
            (signed.clone(), "origin unknown"),
            (signed.replace("zz_last", "tally"), "signature is wrong"),
        ] {
            put(&path, text.as_bytes());
            demand_stop(&world.sandbox.xtask(&["db-backup"]), 40, &[".swap.json", why]);
            assert_eq!(before, world.live(), "{kind}: {why}");
        }
        // The way on, whoever's it is; the doctor names the file.
        let doctor = world.sandbox.xtask(&["doctor"]);
        assert!(doctor.stdout.contains(".swap.json was tampered with"), "{}", doctor.stdout);
        let forgotten = world.sandbox.xtask(&["doctor", "--forget-restore"]);
        assert!(forgotten.stderr.contains(".swap.json.abandoned-"), "{}", forgotten.stderr);
        assert!(!fs::exists(&path).unwrap());
        assert_eq!(before, world.live(), "{kind}: forgotten");
        assert_eq!(world.sandbox.xtask(&["db-backup"]).code, Some(0));
    }
}
