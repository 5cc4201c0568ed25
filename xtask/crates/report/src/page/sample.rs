//! A history for the tests of the page, whose texts are theirs to choose.

use chrono::{DateTime, TimeDelta, Utc};

use model::check::Check;
use model::copy::CopyOutcome;
use model::entry::{DeployOutcome, ENTRY_VERSION, Entry, Event, GateOutcome, Level};
use model::facts::{Flavour, LogPosition, ServerFacts, Version};
use model::gate::{GateTimes, Strategy};
use model::history::{HeldBackup, History, Objectives};
use model::inventory::ObjectKind;
use model::label::Label;
use model::loss::{Loss, LostProgram, TableLoss};
use model::manifest::{
    Compression, MANIFEST_VERSION, Manifest, ProgramEntry, Reason, Section, SectionKind, TableEntry,
};
use model::status::{
    Answer, Copies, Disk, Facts, Finding, Flaw, LedgerFacts, Place, Rpo, Rto, ScheduleFacts,
    Severity, State, Status, Storage,
};
use model::trust::Trust;

pub(super) fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap() + TimeDelta::minutes(minute)
}

pub(super) fn label(minute: i64) -> Label {
    Label::next("mydb", at(minute).naive_utc(), &std::collections::BTreeSet::new())
}

pub(super) fn manifest(minute: i64, name: &dyn Fn(usize) -> String) -> Manifest {
    let tables = 0..8_usize;
    let entry = |n: usize| TableEntry {
        name: name(n),
        rows: n as u64,
        digest: "0123456789abcdef0123456789abcdef".to_owned(),
        columns: vec![name(90)],
        auto_increment: None,
        ddl_sha256: String::new(),
        exact_floats: Vec::new(),
        rounded_floats: 1,
        changed_texts: 2,
    };
    // Their sizes all differ: the order of tables does not hang on their names.
    let section = |n: usize| Section {
        kind: SectionKind::Table,
        name: name(n),
        offset: 0,
        length: 1,
        text_length: 1000 * (n as u64 + 1) + minute.unsigned_abs(),
    };
    Manifest {
        version: MANIFEST_VERSION,
        tool_version: name(10),
        git_commit: Some(name(11)),
        label: label(minute),
        created_utc: at(minute),
        reason: Reason::Manual,
        note: Some(name(12)),
        server: ServerFacts {
            flavour: Flavour::Mysql,
            version: Version(9, 7, 0),
            version_text: name(13),
            uuid: name(14),
            sql_mode: name(15),
            time_zone: name(16),
            max_allowed_packet: 1,
            lower_case_table_names: 0,
        },
        schema: "mydb".to_owned(),
        charset: name(17),
        collation: name(18),
        log_position: LogPosition::Unknown { reason: name(19) },
        migrations: Vec::new(),
        engine: name(20),
        engine_version: name(21),
        definer_policy: String::new(),
        compression: Compression::Zstd,
        encryption: None,
        file: name(22),
        bytes: 5000 + minute.unsigned_abs(),
        text_bytes: 9000,
        sha256: name(23),
        rows: 28,
        tables: tables.clone().map(entry).collect(),
        programs: vec![ProgramEntry {
            kind: ObjectKind::View,
            name: name(24),
            definer: name(25),
            ddl_sha256: String::new(),
        }],
        broken_views: Vec::new(),
        left_out: Vec::new(),
        schema_fingerprint: String::new(),
        sections: tables.map(section).collect(),
        duration_ms: 300,
        signer: None,
        signature: None,
        manifest_sha256: String::new(),
    }
}

pub(crate) fn entry(minute: i64, event: Event) -> Entry {
    Entry {
        version: ENTRY_VERSION,
        sequence: 1,
        at_utc: at(minute),
        server_uuid: "unknown".to_owned(),
        schema: "mydb".to_owned(),
        tool_version: "1".to_owned(),
        event,
        previous: String::new(),
        signer: None,
        signature: None,
        hash: String::new(),
        trust: model::trust::Trust::Own,
    }
}

pub(super) fn made(minute: i64) -> Entry {
    let event = Event::Backup {
        label: label(minute),
        sha256: String::new(),
        manifest_sha256: None,
        reason: "manual".to_owned(),
        rows: 28,
        duration_ms: 300,
        accepted_loss: None,
    };
    entry(minute, event)
}

pub(super) fn proven(subject: i64, minute: i64, level: Level, passed: bool, detail: &str) -> Entry {
    let event = Event::Verify {
        subject: label(subject).to_string(),
        sha256: String::new(),
        level,
        passed,
        checks: vec![Check::of(passed, "rows", detail)],
        duration_ms: 1500,
        own_gtids: None,
        kept: None,
        place: None,
    };
    entry(minute, event)
}

fn entries(name: &dyn Fn(usize) -> String) -> Vec<Entry> {
    let label_a = label(100);
    let event = |minute, event| entry(minute, event);
    let mut entries: Vec<Entry> = (0..4).map(|n| made(n * 100)).collect();
    entries.push(proven(100, 310, Level::Restore, true, &name(30)));
    entries.push(proven(200, 320, Level::File, false, &name(31)));
    entries.push(event(
        330,
        Event::Copy {
            label: label_a.clone(),
            destination: name(32),
            outcome: CopyOutcome::Failed,
            bytes: 0,
            sha256: String::new(),
            detail: name(33),
            duration_ms: 1,
        },
    ));
    entries.push(event(
        340,
        Event::Gate {
            changes: vec![name(34)],
            outcome: GateOutcome::Applied,
            detail: name(35),
            backup: Some(label_a.clone()),
            strategy: Some(Strategy::Swap),
            previous_schema: None,
            statements: Vec::new(),
            times: GateTimes::default(),
            own_gtids: None,
        },
    ));
    entries.push(event(
        350,
        Event::Deploy {
            target: name(36),
            release: name(37),
            migrations: vec![name(38)],
            outcome: DeployOutcome::NeedsAPerson,
            backup: Some(label_a.clone()),
            duration_ms: 1,
        },
    ));
    entries.push(event(
        360,
        Event::Restore {
            subject: label_a.to_string(),
            sha256: String::new(),
            target: name(39),
            safety_backup: None,
            previous_schema: None,
            unsaved: Vec::new(),
            rows: 1,
            duration_ms: 700,
        },
    ));
    entries.push(event(370, Event::Pin { label: label_a, pinned: true, note: name(40) }));
    entries
}

/// A history in which every text that comes from outside is `name` of some number.
pub(super) fn history(name: &dyn Fn(usize) -> String) -> History {
    let held = |minute: i64| HeldBackup {
        label: label(minute),
        content: Ok(Box::new(manifest(minute, name))),
        verified: (minute == 100).then(|| (Level::Restore, at(310))),
        trust: Trust::Unknown(name(63)),
        suspect: (minute == 300).then(|| Loss {
            against: label(100),
            tables: vec![TableLoss { name: name(64), before: 1200, now: None }],
            programs: vec![LostProgram { kind: ObjectKind::View, name: name(65) }],
        }),
        wrong_clock: None,
    };
    let mut backups: Vec<HeldBackup> = (0..4).rev().map(|n| held(n * 100)).collect();
    backups[1].content = Err(name(41));
    History {
        schema: "mydb".to_owned(),
        made_utc: at(400),
        tool_version: "1".to_owned(),
        status: Answer::Known(status(name)),
        objectives: Objectives { rpo_s: 26 * 3600, rto_ms: 600_000 },
        backups,
        strangers: vec![name(42)],
        entries: entries(name),
        ledger: Check::passed("ledger chain", name(43)),
    }
}

pub(super) fn status(name: &dyn Fn(usize) -> String) -> Status {
    let place = Place {
        name: name(50),
        storage: Answer::Known(Storage::ObjectStore),
        off_site: true,
        usable: Answer::Known(2),
        bytes: Some(70_000),
        newest: None,
        has_newest_verified: Answer::unknown(name(51)),
        read_back: None,
        flaws: vec![Flaw { label: label(0), problem: name(52) }],
        insecure: Vec::new(),
    };
    let finding =
        Finding { id: name(53), severity: Severity::Broken, message: name(54), todo: name(55) };
    Status {
        version: 1,
        state: State::AtRisk,
        summary: name(56),
        findings: vec![finding],
        facts: Facts {
            schema: "mydb".to_owned(),
            at_utc: at(400),
            offline: false,
            last_backup: None,
            definitions: Answer::unknown("there is no backup to compare with"),
            rpo: Rpo {
                newest_verified: None,
                age_s: Answer::Known(90),
                objective_s: 100,
                written: Answer::unknown(name(57)),
            },
            rto: Rto { measured_ms: Answer::Known(5), objective_ms: 10, drills: Vec::new() },
            copies: Copies {
                places: vec![place],
                copies: 1,
                kinds: 1,
                off_site: false,
                complete: false,
                wanted: 3,
            },
            disk: Disk {
                free_bytes: Answer::Known(1),
                used_bytes: 2,
                newest_bytes: None,
                forecast: Answer::unknown(name(58)),
            },
            ledger: LedgerFacts {
                entries: Answer::Known(3),
                problem: Some(name(59)),
                unproven: Some(name(62)),
            },
            unproven: Vec::new(),
            suspects: Vec::new(),
            wrong_clocks: Vec::new(),
            schedule: ScheduleFacts {
                installed: Answer::Known(Some(name(60))),
                every: name(61),
                last: None,
                next_due_utc: None,
                prunes: false,
                pruned_utc: None,
            },
        },
    }
}
