//! The line at each width, and when the time left is said.

use super::*;

fn load() -> Work {
    Work {
        step: Some((3, 5)),
        what: "load".to_owned(),
        total: Total::About(93 << 20),
        bytes: 41 << 20,
        rows: 412_345,
        at: "watch_history".to_owned(),
        elapsed: Duration::from_secs(4),
        rate: Some(12 << 20),
        ..Work::default()
    }
}

#[test]
fn a_line_at_each_width() {
    let lines = [60, 80, 120].map(|width| load().line(width));
    assert_eq!(
        lines,
        [
            "  3/5 load  [==>     ]  41 MiB of ~93 MiB  eta 5 s",
            "  3/5 load  [===>      ]  41 MiB of ~93 MiB  12 MiB/s  eta 5 s  watch_history",
            "  3/5 load  [=========>              ]  41 MiB of ~93 MiB  12 MiB/s  eta 5 s  \
             412,345 rows  watch_history",
        ]
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let long = "目录_with_a_name_as_long_as_the_server_allows_it_to_be_and_a_bit_more";
    let totals = [Total::Unknown, Total::About(1 << 40), Total::Bytes(1), Total::Rows(1 << 40)];
    let numbers = [0, 1, 1_027_534, u64::from(u32::MAX)];
    for (total, n) in totals.into_iter().flat_map(|total| numbers.map(|n| (total, n))) {
        let work = Work { total, bytes: n, rows: n, at: long.to_owned(), ..load() };
        for width in 0..=140 {
            let line = work.line(width);
            assert!(line.width() < width.max(1), "{width}: {line}");
        }
        for width in [60, 80, 120] {
            assert!(work.line(width).starts_with("  3/5 load"), "{width}");
        }
    }
}

#[test]
fn what_cannot_be_measured_has_no_bar_and_no_empty_amounts() {
    let work = Work { total: Total::Unknown, bytes: 0, rows: 0, turn: 1, ..load() };
    assert_eq!(work.line(80), "  3/5 load  /  4 s  watch_history");
    let compare = Work { rows: 1_027_534, at: String::new(), ..work.clone() };
    assert_eq!(compare.line(80), "  3/5 load  /  1,027,534 rows  4 s");
    let begun = Work { total: Total::Bytes(9), elapsed: Duration::ZERO, at: String::new(), ..work };
    assert_eq!(begun.line(80), "  3/5 load  /");
}

#[test]
fn rows_are_a_measure_too() {
    let work = Work { total: Total::Rows(1_027_534), bytes: 0, rate: None, ..load() };
    let line = work.line(80);
    assert!(line.contains("412,345 of 1,027,534 rows  eta 5 s"), "{line}");
    assert!(line.contains("=>"), "{line}");
}

#[test]
fn the_time_left_is_said_once_it_means_something() {
    let eta = |work: Work| work.eta().map(|left| left.as_secs());
    assert_eq!(eta(load()), Some(5));
    let no = |work: Work| assert_eq!(eta(work.clone()), None, "{work:?}");
    no(Work { elapsed: Duration::from_millis(1900), ..load() });
    no(Work { bytes: 1 << 20, ..load() });
    no(Work { still: STALLED, ..load() });
    no(Work { total: Total::Unknown, ..load() });
    // Less than a second is left.
    no(Work { bytes: 90 << 20, ..load() });
}

#[test]
fn an_estimate_that_was_too_low_is_no_longer_shown() {
    for bytes in [(93 << 20) - 574, 93 << 20, 120 << 20] {
        let line = Work { bytes, ..load() }.line(80);
        assert!(!line.contains("of ~") && !line.contains("eta") && !line.contains('['), "{line}");
        assert!(line.contains("4 s"), "{line}");
    }
    // All rows are sent: what is done now is said.
    let at = "building keys of watch_history".to_owned();
    let work =
        Work { total: Total::Bytes(93 << 20), bytes: 93 << 20, at, still: STALLED, ..load() };
    assert_eq!(
        work.line(80),
        "  3/5 load  |  93 MiB  4 s  412,345 rows  building keys of watch_history"
    );
    assert_eq!(work.line(60), "  3/5 load  |  93 MiB  4 s  building keys of watch_history");
}

#[test]
fn without_a_terminal() {
    assert_eq!(load().said(), "  3/5 load: 41 MiB of ~93 MiB, 412,345 rows, 4 s so far");
    let work = Work { step: None, total: Total::Unknown, bytes: 0, rows: 0, ..load() };
    assert_eq!(work.said(), "  load: 4 s, watch_history so far");
}
