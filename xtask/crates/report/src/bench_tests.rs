//! The page keeps what people wrote, and says each figure or why there is none.

use super::*;
use model::bench::{BENCH_VERSION, LoadPhase};

fn entry(id: &str, what: &str, seconds: &[f64]) -> Entry {
    Entry {
        id: id.to_owned(),
        what: what.to_owned(),
        command: Some(format!("{id} --flag a | b > dump.sql")),
        seconds: seconds.to_vec(),
        median_s: seconds.first().copied(),
        fsync: Some(false),
        incomplete: (id == "mysql").then(|| "lost a column".to_owned()),
        not_run: seconds.is_empty().then(|| "it is\n  not installed".to_owned()),
        ..Entry::default()
    }
}

fn ratio_of(value: Option<f64>) -> Ratio {
    Ratio {
        what: "plain dump / floor".to_owned(),
        value,
        unit: "times".to_owned(),
        target: 1.25,
        reached: value.map(|value| value <= 1.25),
        not_run: value.is_none().then(|| "floor did not run".to_owned()),
        note: value.map(|_| "it left half out".to_owned()),
    }
}

fn document() -> Document {
    let subject = Subject {
        schema: "mydb__bench".to_owned(),
        scale: Some(0.01),
        tables: 21,
        rows: Some(4_396_027),
        text_bytes: Some(3 << 20),
        connections: 2,
        dump: vec![
            entry("own-native", "db-backup, native", &[1.234, 1.1, 1.4]),
            entry("mydumper", "mydumper", &[]),
        ],
        restore: vec![entry("mysql", "mysql < file", &[103.4])],
        load: vec![
            LoadPhase {
                during: "nothing else".to_owned(),
                per_second: 1234.4,
                p99_ms: 1.25,
                worst_ms: 8.0,
                ..LoadPhase::default()
            },
            LoadPhase { not_run: Some("no".to_owned()), ..LoadPhase::default() },
        ],
        ratios: vec![ratio_of(Some(1.3)), ratio_of(Some(1.2)), ratio_of(None)],
    };
    Document {
        version: BENCH_VERSION,
        started_utc: chrono::DateTime::from_timestamp(1_795_342_272, 0).unwrap(),
        tool_version: "0.1.0".to_owned(),
        machine: Machine {
            cpu: None,
            cores: 2,
            memory_bytes: Some(24 << 30),
            os: "Linux".to_owned(),
        },
        server: "MySQL 9.7.4".to_owned(),
        rounds: 3,
        subjects: vec![subject],
        scaling: vec![ratio_of(Some(4.0))],
    }
}

#[test]
fn every_figure_or_its_reason_is_said() {
    for text in [text(&document()), markdown(&document())] {
        for said in [
            "1.23 s",
            "1.23, 1.10, 1.40",
            "103 s",
            "it is not installed",
            "1,234",
            "not reached",
            "not run: floor did not run",
            "it left half out",
            "lost a column",
            "an unknown processor",
            "4,396,027 rows",
            "3.0 MiB of SQL text",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
    let page = markdown(&document());
    assert!(page.contains("| `own-native --flag a \\| b > dump.sql` |"), "{page}");
    // One title a page, and that is not in here.
    assert!(page.lines().all(|line| !line.starts_with("# ") && !line.starts_with("## ")), "{page}");
    let plot = plot(&document());
    assert!(plot.contains("db-backup, native") && !plot.contains("mydumper"), "{plot}");
    assert!(plot.contains("mysql &lt; file"), "{plot}");
}

#[test]
fn what_people_wrote_stays() {
    let by_hand = "# Benchmarks\r\n\nBy hand, with  two blanks.\n\n";
    let after = "\n\n## How to measure\n\nBy hand, too.\n\n";
    let page = format!("{by_hand}{BEGIN}\nold\n{END}{after}");
    let new = into_page(&page, "\n\nnew\n\n").unwrap();
    assert_eq!(new, format!("{by_hand}{BEGIN}\nnew\n{END}{after}"));
    assert_eq!(into_page(&new, "new").unwrap(), new);
    // The longest section comes out again as it went in.
    let section = markdown(&document());
    let once = into_page(&page, &section).unwrap();
    assert_eq!(into_page(&once, &section).unwrap(), once);
}

#[test]
fn a_page_without_markers_gets_them_once() {
    let new = into_page("# Benchmarks\n\ntext\n", "new").unwrap();
    assert_eq!(new, format!("# Benchmarks\n\ntext\n\n{HEADING}\n\n{BEGIN}\nnew\n{END}\n"));
    assert_eq!(into_page(&new, "new").unwrap(), new);
    for broken in [
        format!("{BEGIN} only"),
        format!("{END} only"),
        format!("{END} {BEGIN}"),
        format!("{BEGIN} {BEGIN} {END}"),
    ] {
        assert!(into_page(&broken, "new").is_err(), "{broken}");
    }
}
