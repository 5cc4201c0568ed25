//! Tampering, tearing and crashing.

use std::time::Duration;

use super::super::testing::{child, child_dir, label, put, scratch, stop_of, utc};
use super::*;
use model::check::Outcome;
use model::entry::Level;
use sys::fault;

fn verified(level: Level, passed: bool, sha256: &str) -> Event {
    Event::Verify {
        subject: label("20261122_101112").to_string(),
        sha256: sha256.to_owned(),
        level,
        passed,
        checks: vec![Check::of(passed, "rows", "3 \"rows\" \"hash\":\"\"")],
        duration_ms: 1,
        own_gtids: None,
        kept: None,
        place: None,
    }
}

fn add(store: &Store, event: Event) -> Result<Entry> {
    let lock = store.lock_within(Duration::from_secs(5))?;
    store.append(&lock, "uuid", "mydb", event, utc("20261122_101112"))
}

fn filled(lines: usize) -> (tempfile::TempDir, Store) {
    let (dir, store) = scratch();
    for _ in 0..lines {
        add(&store, verified(Level::File, true, "a")).unwrap();
    }
    (dir, store)
}

fn demand_damage(store: &Store, what: &str) {
    assert_eq!(stop_of(store.read()).code, ExitCode::Store, "{what}");
    assert_eq!(
        stop_of(add(store, verified(Level::File, true, "a"))).code,
        ExitCode::Store,
        "{what}"
    );
    assert_eq!(store.verify_chain().unwrap().outcome, Outcome::Failed, "{what}");
}

#[test]
fn receipts_are_chained() {
    let (_dir, store) = scratch();
    assert_eq!(store.read().unwrap(), Ledger::default());
    assert_eq!(store.verify_chain().unwrap().outcome, Outcome::NotRun);
    let made: Vec<Entry> =
        (0..3).map(|_| add(&store, verified(Level::File, true, "a")).unwrap()).collect();
    assert_eq!(made[0].previous, NOTHING);
    assert_eq!(made[2].previous, made[1].hash);
    assert_eq!(store.read().unwrap(), Ledger { entries: made, torn: false });
    assert_eq!(store.verify_chain().unwrap(), Check::passed(CHAIN, "3 entries"));
}

#[test]
fn every_changed_byte_is_damage() {
    let (_dir, store) = filled(3);
    let path = store.path(names::LEDGER);
    let good = fs::read_bytes(&path).unwrap();
    let head = fs::read_bytes(&store.path(names::LEDGER_HEAD)).unwrap();
    for at in 0..good.len() {
        for mask in [1, 0x20, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= mask;
            assert!(examine(&bytes, Some(&head), &Keyring::default()).is_err(), "byte {at}");
        }
        assert!(examine(&good[..at], Some(&head), &Keyring::default()).is_err(), "cut at {at}");
    }
    let mut bytes = good.clone();
    bytes[10] ^= 1;
    put(&path, &bytes);
    demand_damage(&store, "first line changed");
}

#[test]
fn lines_that_are_missing_doubled_or_swapped_are_damage() {
    let (_dir, store) = filled(4);
    let path = store.path(names::LEDGER);
    let text = fs::read_text(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (what, order) in [
        ("first missing", &[1, 2, 3][..]),
        ("middle missing", &[0, 1, 3]),
        ("last missing", &[0, 1, 2]),
        ("all missing", &[]),
        ("doubled", &[0, 1, 1, 2, 3]),
        ("last doubled", &[0, 1, 2, 3, 3, 3]),
        ("swapped", &[0, 2, 1, 3]),
    ] {
        let changed: String = order.iter().map(|line| lines[*line]).collect();
        put(&path, changed.as_bytes());
        demand_damage(&store, what);
    }
    fs::remove_if_exists(&path).unwrap();
    demand_damage(&store, "no ledger");
    put(&path, text.as_bytes());
    store.read().unwrap();
}

#[test]
fn a_head_that_does_not_fit_is_damage() {
    let (_dir, store) = filled(1);
    let head = store.path(names::LEDGER_HEAD);
    let first = fs::read_bytes(&head).unwrap();
    add(&store, verified(Level::File, true, "a")).unwrap();
    add(&store, verified(Level::File, true, "a")).unwrap();
    put(&head, &first);
    demand_damage(&store, "two behind");
    for rubbish in
        [&b""[..], b"{}", b"{\"sequence\":0,\"hash\":\"\"}", b"{\"sequence\":3,\"hash\":\"\"}"]
    {
        put(&head, rubbish);
        demand_damage(&store, "rubbish");
    }
    fs::remove_if_exists(&head).unwrap();
    demand_damage(&store, "missing");
}

#[test]
fn a_torn_line_is_kept_aside_and_cut_off() {
    let (_dir, store) = filled(2);
    let path = store.path(names::LEDGER);
    let good = fs::read_bytes(&path).unwrap();
    let third = {
        add(&store, verified(Level::Restore, true, "a")).unwrap();
        fs::read_bytes(&path).unwrap()[good.len()..].to_vec()
    };
    let head = store.path(names::LEDGER_HEAD);
    let (_dir, other) = filled(2);
    let second_head = fs::read_bytes(&other.path(names::LEDGER_HEAD)).unwrap();
    let zeros = vec![0; third.len() - 1];
    let holed = [&zeros[..], b"\n"].concat();
    for torn in [&third[..1], &third[..third.len() / 2], &third[..third.len() - 1], &zeros, &holed]
    {
        put(&path, &[&good[..], torn].concat());
        put(&head, &second_head);
        let ledger = store.read().unwrap();
        assert_eq!((ledger.entries.len(), ledger.torn), (2, true));
        assert!(store.verify_chain().unwrap().detail.contains("truncated by a crash"));
        let entry = add(&store, verified(Level::File, true, "b")).unwrap();
        assert_eq!(entry.sequence, 3);
        let ledger = store.read().unwrap();
        assert_eq!((ledger.entries.len(), ledger.torn), (3, false));
        let kept = fs::read_bytes(&store.path(names::LEDGER_TORN)).unwrap();
        let tail = if torn.ends_with(b"\n") { torn.to_vec() } else { [torn, b"\n"].concat() };
        assert!(kept.ends_with(&tail) || kept.ends_with(&[&tail[..], b"\n"].concat()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for name in [names::LEDGER, names::LEDGER_HEAD, names::LEDGER_TORN] {
            let mode = std::fs::metadata(store.path(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}

#[test]
fn a_newer_line_is_not_cut_off_as_torn() {
    let (_dir, store) = filled(1);
    let path = store.path(names::LEDGER);
    let mut bytes = fs::read_bytes(&path).unwrap();
    bytes.extend_from_slice(format!("{{\"version\":{}}}\n", ENTRY_VERSION + 1).as_bytes());
    put(&path, &bytes);
    assert!(stop_of(store.read()).message.contains("newer version"));
    assert!(add(&store, verified(Level::File, true, "a")).is_err());
    assert_eq!(fs::read_bytes(&path).unwrap(), bytes);
}

#[test]
fn stopped_or_killed_anywhere_the_next_append_goes_on() {
    for name in fault::POINTS.iter().filter(|name| name.starts_with("ledger.")) {
        for (kill, lines) in [(false, 0), (false, 2), (true, 0), (true, 2)] {
            let (dir, store) = filled(lines);
            // Something torn, so that every point is passed.
            let mut bytes = fs::read_bytes(&store.path(names::LEDGER)).unwrap_or_default();
            bytes.extend_from_slice(b"{\"version\":1,");
            put(&store.path(names::LEDGER), &bytes);
            if kill {
                let test = "ledger::tests::child_appends";
                assert!(!child(test, dir.path(), &format!("kill:{name}")).ok());
            } else {
                let _armed = fault::arm(format!("stop:{name}"));
                assert!(add(&store, verified(Level::File, true, "a")).is_err());
            }
            let before = store.read().unwrap().entries.len();
            assert!((lines..=lines + 1).contains(&before), "{name}");
            add(&store, verified(Level::File, true, "a")).unwrap();
            let after = store.read().unwrap();
            assert_eq!((after.entries.len(), after.torn), (before + 1, false), "{name}");
        }
    }
}

#[test]
fn child_appends() {
    let Some(dir) = child_dir() else { return };
    add(&Store::open(&dir).unwrap(), verified(Level::File, true, "a")).unwrap();
}

#[test]
fn only_what_passed_on_this_file_counts() {
    let (_dir, store) = scratch();
    let proven = || {
        let ledger = store.read().unwrap();
        ledger.highest_verification(&label("20261122_101112"), "a").map(|(level, _)| level)
    };
    assert_eq!(proven(), None);
    for (event, expected) in [
        (verified(Level::Restore, true, "b"), None),
        (verified(Level::File, true, "a"), Some(Level::File)),
        (verified(Level::Restore, true, "a"), Some(Level::Restore)),
        (verified(Level::File, true, "a"), Some(Level::Restore)),
        // It was read and found bad: nothing is proven any more.
        (verified(Level::File, false, "c"), None),
        (verified(Level::File, true, "a"), Some(Level::File)),
        // That it reads well does not make it restorable.
        (verified(Level::Restore, false, "a"), None),
        (verified(Level::File, true, "a"), None),
        (verified(Level::Restore, true, "a"), Some(Level::Restore)),
    ] {
        add(&store, event).unwrap();
        assert_eq!(proven(), expected);
        let failed = store.read().unwrap().last_failed(&label("20261122_101112"));
        assert!(expected.is_none() || !failed);
    }
    let ledger = store.read().unwrap();
    assert_eq!(ledger.highest_verification(&label("20261122_101113"), "a"), None);
    add(&store, verified(Level::Restore, false, "a")).unwrap();
    add(&store, verified(Level::File, true, "a")).unwrap();
    assert!(store.read().unwrap().last_failed(&label("20261122_101112")));
}

#[test]
fn what_was_read_elsewhere_does_not_count_here() {
    let elsewhere = |event: Event| match event {
        Event::Verify { subject, sha256, level, passed, checks, duration_ms, .. } => {
            let place = Some("drive".to_owned());
            let (own_gtids, kept) = (None, None);
            Event::Verify {
                subject,
                sha256,
                level,
                passed,
                checks,
                duration_ms,
                own_gtids,
                kept,
                place,
            }
        }
        other => other,
    };
    let (_dir, store) = scratch();
    let label = label("20261122_101112");
    let highest = || store.read().unwrap().highest_verification(&label, "a").map(|it| it.0);
    add(&store, elsewhere(verified(Level::Restore, true, "a"))).unwrap();
    assert_eq!(highest(), None);
    add(&store, verified(Level::File, true, "a")).unwrap();
    add(&store, elsewhere(verified(Level::Restore, false, "a"))).unwrap();
    assert_eq!(highest(), Some(Level::File));
    assert!(!store.read().unwrap().last_failed(&label));
    add(&store, verified(Level::Restore, false, "a")).unwrap();
    add(&store, elsewhere(verified(Level::Restore, true, "a"))).unwrap();
    assert_eq!(highest(), None);
    assert!(store.read().unwrap().last_failed(&label));
}

#[test]
fn labels_of_deleted_backups_are_not_used_again() {
    let (_dir, store) = scratch();
    let event = Event::Backup {
        label: label("20261122_101112"),
        sha256: "a".to_owned(),
        manifest_sha256: None,
        reason: "manual".to_owned(),
        rows: 0,
        duration_ms: 0,
        accepted_loss: None,
    };
    add(&store, event).unwrap();
    let now = label("20261122_101000").time();
    assert_eq!(store.next_label("mydb", now).unwrap(), label("20261122_101113"));
    // Nor those that only a copy or a deletion still tells of.
    let event = Event::Copy {
        label: label("20261122_101113"),
        destination: "nas".to_owned(),
        outcome: model::copy::CopyOutcome::Copied,
        bytes: 1,
        sha256: "a".to_owned(),
        detail: String::new(),
        duration_ms: 0,
    };
    add(&store, event).unwrap();
    assert_eq!(store.next_label("mydb", now).unwrap(), label("20261122_101114"));
    let (subject, reason) = (label("20261122_101114").to_string(), String::new());
    add(&store, Event::Prune { destination: None, subject, reason, bytes: 1 }).unwrap();
    assert_eq!(store.next_label("mydb", now).unwrap(), label("20261122_101115"));
}

#[test]
fn readers_see_a_whole_ledger_while_another_thread_appends() {
    let (_dir, store) = filled(1);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..40 {
                add(&store, verified(Level::File, true, "a")).unwrap();
            }
        });
        while !writer.is_finished() {
            store.read().unwrap();
        }
    });
    assert_eq!(store.read().unwrap().entries.len(), 41);
}

#[test]
fn crashes_in_a_row_do_not_add_up() {
    let (_dir, store) = filled(1);
    let armed = fault::arm("stop:ledger.written");
    for lines in 2..5 {
        assert!(add(&store, verified(Level::File, true, "a")).is_err());
        assert_eq!(store.read().unwrap().entries.len(), lines);
    }
    drop(armed);
    assert_eq!(add(&store, verified(Level::File, true, "a")).unwrap().sequence, 5);
}

#[test]
fn only_one_unconfirmed_line_can_come_from_a_crash() {
    let (_dir, store) = filled(1);
    let head = fs::read_bytes(&store.path(names::LEDGER_HEAD)).unwrap();
    add(&store, verified(Level::File, true, "a")).unwrap();
    put(&store.path(names::LEDGER_HEAD), &head);
    let path = store.path(names::LEDGER);
    let mut bytes = fs::read_bytes(&path).unwrap();
    bytes.extend_from_slice(b"rubbish\n");
    put(&path, &bytes);
    demand_damage(&store, "an unconfirmed line and rubbish");
}
