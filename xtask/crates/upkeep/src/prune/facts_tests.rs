//! Who needs which backup, by the ledger alone.

use super::*;
use model::entry::{ENTRY_VERSION, Entry, GateOutcome};
use model::gate::GateTimes;

fn at(day: u32) -> DateTime<Utc> {
    format!("2026-11-{day:02}T10:00:00Z").parse().unwrap()
}

fn label(day: u32) -> Label {
    format!("mydb_backup_202611{day:02}_100000").parse().unwrap()
}

fn ledger(events: Vec<(u32, Event)>) -> Ledger {
    let entries = events.into_iter().map(|(day, event)| Entry {
        version: ENTRY_VERSION,
        sequence: u64::from(day),
        at_utc: at(day),
        server_uuid: "here".to_owned(),
        schema: "mydb".to_owned(),
        tool_version: String::new(),
        event,
        previous: String::new(),
        signer: None,
        signature: None,
        hash: String::new(),
        trust: model::trust::Trust::Own,
    });
    Ledger { entries: entries.collect(), torn: false }
}

fn gate(day: u32, change: &str, outcome: GateOutcome) -> (u32, Event) {
    let event = Event::Gate {
        changes: vec![change.to_owned()],
        outcome,
        detail: String::new(),
        backup: Some(label(day)),
        strategy: None,
        previous_schema: Some(format!("mydb__before_202611{day:02}_100000")),
        statements: Vec::new(),
        times: GateTimes::default(),
        own_gtids: None,
    };
    (day, event)
}

fn changes(events: Vec<(u32, Event)>) -> Vec<(Label, &'static str)> {
    let mut found = of_changes(&ledger(events));
    found.sort();
    found
}

#[test]
fn the_newest_changes_keep_their_way_back() {
    use GateOutcome::{Applied, NotRestored, Refused};
    let migration = "the newest migration relies on it";
    assert_eq!(
        changes(vec![
            gate(1, "20260101_first", Applied),
            gate(2, "20260102_second", Applied),
            gate(3, "films.csv", Applied),
            gate(4, "20260103_third", Refused),
        ]),
        [(label(2), migration), (label(3), "the newest import relies on it")]
    );
    assert_eq!(
        changes(vec![gate(1, "1_a", Applied), gate(2, "2_b", NotRestored)]),
        [(label(1), migration), (label(2), "a change failed, and it restores the state before")]
    );
    // Settled since: the schema went on.
    assert_eq!(
        changes(vec![gate(1, "1_a", NotRestored), gate(2, "2_b", Applied)]),
        [(label(2), migration)]
    );
}

#[test]
fn a_backup_is_tied_to_the_old_tables_behind_it() {
    let schema = "mydb__before_20261101_100000";
    let policy = RetentionPolicy::default();
    let now = moment(at(10));
    let there = |uuid: &str, names: &[&str]| {
        Some((uuid.to_owned(), names.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>()))
    };
    let why = |ledger: &Ledger, there: Option<(String, BTreeSet<String>)>| {
        tie(ledger, schema, "here", there.as_ref(), &policy, now)
    };
    let gated = ledger(vec![gate(1, "1_a", GateOutcome::Applied)]);
    assert_eq!(schemas::origins(&gated)[0].schema, schema);
    assert!(why(&gated, there("here", &[schema])).is_some());
    assert!(why(&gated, None).is_some_and(|why| why.contains("cannot be asked")));
    assert_eq!(why(&gated, there("here", &[])), None, "somebody dropped them");
    let elsewhere = why(&gated, there("elsewhere", &[]));
    assert!(elsewhere.is_some_and(|why| why.contains("cannot be asked")));
    let dropped = |day: u32| {
        let (destination, subject) = (None, schema.to_owned());
        let event = Event::Prune { destination, subject, reason: String::new(), bytes: 0 };
        ledger(vec![(day, event)])
    };
    assert!(why(&dropped(9), there("here", &[])).is_some_and(|why| why.contains("was dropped")));
    assert!(why(&dropped(9), None).is_some());
    assert_eq!(why(&dropped(2), there("here", &[])), None);
    assert_eq!(why(&dropped(2), None), None);
}

#[test]
fn only_what_was_sent_from_here_is_ours() {
    use model::copy::{CopyNote, NOTE_VERSION};
    let copy = |day: u32, outcome: CopyOutcome, sha256: &str| {
        let event = Event::Copy {
            label: label(day),
            destination: "nas".to_owned(),
            outcome,
            bytes: 1,
            sha256: sha256.to_owned(),
            detail: String::new(),
            duration_ms: 0,
        };
        (day, event)
    };
    let pruned = Event::Prune {
        destination: Some("nas".to_owned()),
        subject: label(5).to_string(),
        reason: String::new(),
        bytes: 1,
    };
    let known = ledger(vec![
        copy(1, CopyOutcome::Copied, "a"),
        copy(2, CopyOutcome::Checked, "a"),
        copy(3, CopyOutcome::Copied, "b"),
        copy(4, CopyOutcome::Failed, ""),
        copy(5, CopyOutcome::Copied, "a"),
        (6, pruned),
    ]);
    let there = |day: u32| RemoteCopy {
        label: label(day),
        manifest: None,
        note: Some(CopyNote {
            version: NOTE_VERSION,
            label: label(day),
            object: format!("{}.sql", label(day)),
            bytes: 1,
            sha256: "a".to_owned(),
            manifest_sha256: String::new(),
            encryption: None,
            copied_utc: at(day),
        }),
        problem: None,
        bytes: 1,
        rewritten: None,
    };
    let keyring = Keyring::default();
    let mut all = Gathered::new(&known, &keyring, Timeline::of(&known.entries, clock::now()));
    all.remote("nas", (1..=6).map(there).collect());
    all.remote("cloud", vec![there(1)]);
    let backups = all.finish(&BTreeMap::new());
    let ours = |it: &Backup| it.copies.iter().map(|held| held.ours).collect::<Vec<_>>();
    assert_eq!(ours(&backups[0]), [true, false], "the other destination's is not");
    assert!(backups[1..].iter().all(|it| ours(it) == [false]), "{backups:?}");
    let shown =
        |it: &Backup| entry(it, it.copies.last().unwrap(), &Verdict::new(Fate::Go, ""), false);
    assert!(backups.iter().all(|it| shown(it).fate == "keep"));
}

#[test]
fn old_tables_of_a_clock_that_was_behind_are_not_old() {
    let made = |day| {
        let event = Event::Backup {
            label: label(day),
            sha256: String::new(),
            manifest_sha256: None,
            reason: "manual".to_owned(),
            rows: 0,
            duration_ms: 1,
            accepted_loss: None,
        };
        (day, event)
    };
    let swap = || gate(2, "20260101_first", GateOutcome::Applied);
    let latest = |said: &Ledger| {
        let timeline = Timeline::of(&said.entries, at(20));
        Ledger { entries: timeline.latest(said.entries.clone()), torn: false }
    };
    let right = ledger(vec![made(1), swap(), made(12)]);
    assert!(schemas::misdated(&right, &latest(&right)).is_empty());
    let behind = ledger(vec![made(10), made(11), swap(), made(12)]);
    let found = schemas::misdated(&behind, &latest(&behind));
    let expected = ("mydb__before_20261102_100000".to_owned(), clock::local(at(12)));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [expected]);
}
