//! Words and times as people type them, and the backup that each means.

use super::*;
use model::loss::TableLoss;

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time")
}

/// It is 3 in the morning.
fn now() -> NaiveDateTime {
    at("2026-12-01 03:00")
}

fn local(text: &str) -> Option<Moment> {
    Some(Moment::Local(at(text)))
}

fn label(hour: u32) -> Label {
    format!("mydb_backup_20261130_{hour:02}0000").parse().expect("a label")
}

fn sound(label: &Label) -> Candidate<'_> {
    Candidate {
        label,
        taken_utc: Some(label.time().and_utc()),
        problem: None,
        undated: false,
        failed: false,
        partial: false,
        safety: false,
        loss: None,
    }
}

fn chosen(all: &[Candidate<'_>], until: Option<u32>, back: usize) -> Option<String> {
    let until =
        until.map(|hour| Until { utc: label(hour).time().and_utc(), local: label(hour).time() });
    choose(all, until, back).label.map(|it| it.to_string())
}

#[test]
fn a_label_and_a_file_are_no_words() {
    for word in ["latest", "latest~1", "before:14:00", "before:36h~2"] {
        assert!(is_word(word), "{word}");
    }
    for other in ["mydb_backup_20261130_140000", "backups/latest.sql", "./latest", "latest.sql"] {
        assert!(!is_word(other), "{other}");
    }
}

#[test]
fn words_are_understood() {
    let of = |text| parse(text, now()).map(|it| it.map(|it| (it.before, it.back)));
    assert_eq!(of("latest"), Ok(Some((None, 0))));
    assert_eq!(of("latest~2"), Ok(Some((None, 2))));
    assert_eq!(of("before:2026-11-30T14:00"), Ok(Some((local("2026-11-30 14:00"), 0))));
    assert_eq!(of("before:2026-11-30~1"), Ok(Some((local("2026-11-30 00:00"), 1))));
    for other in ["lates", "mydb_backup_20261130_140000", "file~1.sql", "before", "latest.sql"] {
        assert_eq!(of(other), Ok(None), "{other}");
    }
    for bad in ["latest~", "latest~x", "latest~-1", "before:", "before:noon", "before:2026-13-01"] {
        assert_eq!(of(bad).map_err(|stop| stop.code), Err(ExitCode::Usage), "{bad}");
    }
}

#[test]
fn times_are_read_as_people_write_them() {
    for (text, expected) in [
        ("2026-11-30 14:00", local("2026-11-30 14:00")),
        ("2026-11-30T14:00:00", local("2026-11-30 14:00")),
        ("14:00", local("2026-11-30 14:00")),
        ("02:59", local("2026-12-01 02:59")),
        ("03:00", local("2026-12-01 03:00")),
        ("90min", local("2026-12-01 01:30")),
        ("36h", local("2026-11-29 15:00")),
        ("1w", local("2026-11-24 03:00")),
        ("d", None),
        ("7", None),
        ("7y", None),
        ("9223372036854775807d", None),
        ("2026-02-30", None),
        ("é:00", None),
    ] {
        assert_eq!(moment(text, now()), expected, "{text}");
    }
    let utc = Some(Moment::Utc(at("2026-11-30 13:00").and_utc()));
    for text in ["2026-11-30T13:00:00Z", "2026-11-30T13:00Z", "2026-11-30T14:00+01:00"] {
        assert_eq!(moment(text, now()), utc, "{text}");
    }
}

#[test]
fn latest_counts_back_over_what_it_could_mean() {
    let labels: Vec<Label> = (8..14).rev().map(label).collect();
    let loss = Loss {
        against: label(8),
        tables: vec![TableLoss { name: "credit".to_owned(), before: 2, now: None }],
        programs: Vec::new(),
    };
    // 13 is suspect, 12 a safety backup, 11 sound, 10 failed, 9 damaged, 8 sound.
    let all = [
        Candidate { loss: Some(&loss), ..sound(&labels[0]) },
        Candidate { safety: true, ..sound(&labels[1]) },
        sound(&labels[2]),
        Candidate { failed: true, ..sound(&labels[3]) },
        Candidate {
            problem: Some("is damaged: x".to_owned()),
            taken_utc: None,
            ..sound(&labels[4])
        },
        sound(&labels[5]),
    ];
    assert_eq!(chosen(&all, None, 0), Some(label(11).to_string()));
    assert_eq!(chosen(&all, None, 1), Some(label(8).to_string()));
    assert_eq!(chosen(&all, None, 2), None);
    let notes = choose(&all, None, 2).notes.join("\n");
    assert!(notes.contains("`latest` counts 2 of the backups here; `~2` needs more."), "{notes}");
    let notes = choose(&all, None, 0).notes.join("\n");
    for part in ["never picks a safety backup", "suspect backup: `credit` is gone"] {
        assert!(notes.contains(part), "{notes}");
    }
    // Before a moment, and what is later plays no part.
    assert_eq!(chosen(&all, Some(11), 0), Some(label(8).to_string()));
    assert_eq!(chosen(&all, Some(12), 0), Some(label(11).to_string()));
    assert_eq!(chosen(&all, Some(8), 0), None);
    let until = Until { utc: label(11).time().and_utc(), local: label(11).time() };
    let notes = choose(&all, Some(until), 0).notes;
    assert!(notes.iter().all(|it| it.starts_with("Skipped")) && notes.len() == 2, "{notes:?}");
    // What there is no better one for.
    assert_eq!(chosen(&all[..2], None, 0), Some(label(13).to_string()));
    assert_eq!(chosen(&all[1..2], None, 0), Some(label(12).to_string()));
    assert_eq!(chosen(&all[3..5], None, 0), Some(label(10).to_string()));
    assert_eq!(chosen(&all[4..5], None, 0), None);
}

#[test]
fn a_mistake_names_what_is_near() {
    let labels: Vec<Label> = (8..14).rev().map(label).collect();
    assert_eq!(nearest("lates", &labels)[0], "`latest`");
    assert_eq!(nearest("mydb_backup_20261130_100001", &labels)[0], format!("`{}`", label(10)));
    assert_eq!(nearest("mydb_backup_20261130_1000", &labels)[0], format!("`{}`", label(10)));
    assert_eq!(nearest("mydb_bakcup_20261130_090000", &labels)[0], format!("`{}`", label(9)));
    assert!(nearest("x", &[]).is_empty());
}
