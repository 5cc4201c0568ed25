//! The page as a whole: what a name holds never becomes part of its markup, and every
//! state of a backups folder has a page.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::html::visible;
use super::markup::{Token, tokens};
use super::{page, rpo};
use crate::model::check::Check;
use crate::model::copy::CopyOutcome;
use crate::model::facts::{Flavour, LogPosition, ServerFacts, Version};
use crate::model::gate::{GateTimes, Strategy};
use crate::model::history::{HeldBackup, History, Objectives};
use crate::model::inventory::ObjectKind;
use crate::model::label::Label;
use crate::model::manifest::{
    Compression, MANIFEST_VERSION, Manifest, ProgramEntry, Reason, Section, SectionKind, TableEntry,
};
use crate::model::receipt::{DeployOutcome, Event, GateOutcome, Level, RECEIPT_VERSION, Receipt};
use crate::model::status::{
    Answer, Copies, Disk, Facts, Finding, Flaw, LedgerFacts, Place, Rpo, Rto, ScheduleFacts,
    Severity, State, Status, Storage,
};

/// Names that somebody could give to a table, or write into a manifest.
const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</svg></title></style><b>",
    "' onload='alert(1)",
    "&lt;i&gt; &amp; &#60;",
    "\u{202e}gnp.exe\u{2066}",
    "<!-- ]]> --!>",
    "🎬 שלום \u{0}\u{1b}[31m",
    "javascript:alert(1)",
];

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap() + TimeDelta::minutes(minute)
}

fn label(minute: i64) -> Label {
    Label::next("mydb", at(minute).naive_utc(), None)
}

fn manifest(minute: i64, name: &dyn Fn(usize) -> String) -> Manifest {
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
        schema_fingerprint: String::new(),
        sections: tables.map(section).collect(),
        duration_ms: 300,
        manifest_sha256: String::new(),
    }
}

fn receipt(minute: i64, event: Event) -> Receipt {
    Receipt {
        version: RECEIPT_VERSION,
        sequence: 1,
        at_utc: at(minute),
        server_uuid: "unknown".to_owned(),
        schema: "mydb".to_owned(),
        tool_version: "1".to_owned(),
        event,
        previous: String::new(),
        hash: String::new(),
    }
}

fn made(minute: i64) -> Receipt {
    let event = Event::Backup {
        label: label(minute),
        sha256: String::new(),
        reason: "manual".to_owned(),
        rows: 28,
        duration_ms: 300,
    };
    receipt(minute, event)
}

fn proven(subject: i64, minute: i64, level: Level, passed: bool, detail: &str) -> Receipt {
    let event = Event::Verify {
        subject: label(subject).to_string(),
        sha256: String::new(),
        level,
        passed,
        checks: vec![Check::of(passed, "rows", detail)],
        duration_ms: 1500,
        own_gtids: None,
        kept: None,
    };
    receipt(minute, event)
}

/// A history in which every text that comes from outside is `name` of some number.
fn history(name: &dyn Fn(usize) -> String) -> History {
    let label_a = label(100);
    let event = |minute, event| receipt(minute, event);
    let mut receipts: Vec<Receipt> = (0..4).map(|n| made(n * 100)).collect();
    receipts.push(proven(100, 310, Level::Restore, true, &name(30)));
    receipts.push(proven(200, 320, Level::File, false, &name(31)));
    receipts.push(event(
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
    receipts.push(event(
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
    receipts.push(event(
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
    receipts.push(event(
        360,
        Event::Restore {
            subject: label_a.to_string(),
            sha256: String::new(),
            target: name(39),
            safety_backup: None,
            previous_schema: None,
            rows: 1,
            duration_ms: 700,
        },
    ));
    receipts.push(event(370, Event::Pin { label: label_a, pinned: true, note: name(40) }));
    let held = |minute: i64| HeldBackup {
        label: label(minute),
        content: Ok(Box::new(manifest(minute, name))),
        verified: (minute == 100).then(|| (Level::Restore, at(310))),
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
        receipts,
        ledger: Check::passed("ledger chain", name(43)),
    }
}

fn status(name: &dyn Fn(usize) -> String) -> Status {
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
            ledger: LedgerFacts { receipts: Answer::Known(3), problem: Some(name(59)) },
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

fn empty() -> History {
    let mut history = history(&|_| String::new());
    history.backups.clear();
    history.receipts.clear();
    history.strangers.clear();
    history.status = Answer::unknown("nobody looked");
    history.ledger = Check::not_run("ledger chain", "there are no receipts yet");
    history
}

/// The tags and the names of their attributes: what a page is made of, without its texts.
fn skeleton(page: &str) -> Vec<String> {
    let tags = tokens(page).into_iter().filter_map(|token| match token {
        Token::Open(name, attributes) => {
            let names: Vec<_> = attributes.into_iter().map(|(name, _)| name).collect();
            Some(format!("{name} {}", names.join(" ")))
        }
        Token::Close(name) => Some(format!("/{name}")),
        Token::Text(_) => None,
    });
    tags.collect()
}

fn texts(page: &str) -> String {
    let texts = tokens(page).into_iter().filter_map(|token| match token {
        Token::Text(text) => Some(text),
        Token::Open(..) | Token::Close(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// The page with such names has the markup of the page with harmless ones, and shows them.
fn demand_inert(name: &dyn Fn(usize) -> String) {
    let plain = page(&history(&|n| format!("name{n}")));
    let hostile = page(&history(name));
    assert_eq!(skeleton(&hostile), skeleton(&plain));
    let texts = texts(&hostile);
    for shown in [0, 7, 12, 24, 32, 34, 41, 42, 50, 54, 56] {
        assert!(texts.contains(&visible(&name(shown))), "{:?} is not shown", name(shown));
    }
    for mark in ["\u{202e}", "\u{2066}", "\u{0}", "\u{1b}"] {
        assert!(!hostile.contains(mark), "{mark:?} is in the page");
    }
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    for shift in 0..HOSTILE.len() {
        // With its number, so that no two are the same.
        demand_inert(&|n| format!("{}{n}", HOSTILE[(n + shift) % HOSTILE.len()]));
    }
    demand_inert(&|n| format!("{n}{}", "w".repeat(62)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_name_is_text_and_nothing_else(
        names in prop::collection::vec(
            prop_oneof!["[ -~]{0,40}", "\\PC{0,30}", "[<>&\"'/=! a-zA-Z-]{1,30}"],
            1..12,
        ),
    ) {
        demand_inert(&|n| format!("{}{n}", names[n % names.len()]));
    }
}

#[test]
fn the_page_needs_nothing_and_is_in_order() {
    let text = page(&history(&|n| format!("name{n}")));
    let mut level = 0;
    let mut ids = std::collections::BTreeSet::new();
    let found = tokens(&text);
    for (at, token) in found.iter().enumerate() {
        let Token::Open(name, attributes) = token else { continue };
        assert!(!["script", "iframe", "img", "object", "embed", "form"].contains(&name.as_str()));
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on") && attribute != "src", "{attribute}");
            assert!(attribute != "href" || value.starts_with('#') || value == "data:,", "{value}");
            assert!(attribute != "id" || ids.insert(value.clone()), "{value} is there twice");
        }
        if let Some(depth) = name.strip_prefix('h').and_then(|n| n.parse::<u32>().ok()) {
            assert!(depth <= level + 1, "h{depth} follows h{level}");
            level = depth;
        }
        let next = found.get(at + 1);
        let begins = |with: &str| matches!(next, Some(Token::Open(name, _)) if name == with);
        assert!(name != "table" || begins("caption"), "a table without a caption");
        assert!(name != "svg" || begins("title"), "a plot without a title");
    }
    for section in ["state", "timeline", "sizes", "durations", "rpo", "storage", "backups"] {
        assert!(ids.contains(section), "{section}");
    }
    for mark in ["<html lang=\"en\">", "default-src &#39;none&#39;", "width=device-width"] {
        assert!(text.contains(mark), "{mark}");
    }
    assert!(!text.contains("url(") && !text.contains("@import"), "the style loads something");
}

#[test]
fn every_folder_has_a_page() {
    let nothing = texts(&page(&empty()));
    for words in
        ["unknown", "nobody looked", "There is no backup yet", "The ledger holds no receipt"]
    {
        assert!(nothing.contains(words), "{words}");
    }
    let mut one = history(&|n| format!("name{n}"));
    one.backups.truncate(1);
    one.receipts.truncate(1);
    let one = page(&one);
    assert!(one.contains("id=\"plot-sizes\"") || one.contains("plot-sizes-title"), "no plot");
    assert!(texts(&one).contains("No backup was verified yet"));
    let mut damaged = history(&|n| format!("name{n}"));
    for backup in &mut damaged.backups {
        backup.content = Err("is damaged: its manifest is not UTF-8 text".to_owned());
        backup.verified = None;
    }
    let damaged = texts(&page(&damaged));
    assert!(damaged.contains("It is damaged: its manifest is not UTF-8 text."));
    assert!(damaged.contains("There is no backup that could be measured."));
    assert!(!damaged.contains("NaN") && !damaged.contains("inf"));
}

#[test]
fn two_thousand_backups_are_a_page_that_opens() {
    let name = |n: usize| format!("{n}{}", "&".repeat(60));
    let mut history = history(&name);
    history.backups = (0..2000)
        .rev()
        .map(|n| HeldBackup {
            label: label(n * 360),
            content: Ok(Box::new(manifest(n * 360, &name))),
            verified: Some((Level::File, at(n * 360 + 1))),
        })
        .collect();
    history.receipts = (0..2000)
        .flat_map(|n| [made(n * 360), proven(n * 360, n * 360 + 1, Level::Restore, true, "")])
        .collect();
    history.made_utc = at(2000 * 360);
    let text = page(&history);
    assert!(text.len() < 3 << 20, "{} bytes", text.len());
    let sections = text.matches("class=\"backup\"").count();
    assert!((10..=60).contains(&sections), "{sections}");
    // None is left out: those without a section are lines of the table.
    assert!((0..2000).all(|n| text.contains(&label(n * 360).to_string())));
    assert!(texts(&text).contains(&format!("The newest {sections} have a section")));
}

#[test]
fn the_age_is_a_saw_tooth() {
    let mut history = empty();
    history.receipts = vec![
        made(0),
        proven(0, 10, Level::File, true, ""),
        made(60),
        proven(60, 70, Level::Restore, true, ""),
        // It is not good after all: the older one is the newest again.
        proven(60, 100, Level::File, false, ""),
        proven(0, 110, Level::File, false, ""),
        made(120),
        proven(120, 130, Level::File, true, ""),
    ];
    history.made_utc = at(150);
    let minutes = |age: f64| (age / 60.0).round() as i64;
    let pieces: Vec<Vec<(i64, i64)>> = rpo::ages(&history)
        .iter()
        .map(|piece| piece.iter().map(|(when, age)| ((*when - at(0)).num_minutes(), minutes(*age))))
        .map(Iterator::collect)
        .collect();
    let first = vec![(10, 10), (70, 70), (70, 10), (100, 40), (100, 100), (110, 110)];
    assert_eq!(pieces, [first, vec![(130, 10), (150, 30)]]);
    // A safety backup holds what a restore has just thrown away.
    history.receipts = vec![made(0), proven(0, 10, Level::File, true, "")];
    let Event::Backup { reason, .. } = &mut history.receipts[0].event else { unreachable!() };
    *reason = "safety".to_owned();
    assert!(rpo::ages(&history).is_empty());
}
