//! Tests of expressions and of the moments that they name.

use chrono::FixedOffset;

use super::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// In UTC, so that no test depends on where it runs.
fn next(expression: &str, last: &str) -> Option<DateTime<Utc>> {
    parse(expression).expect(expression).next_in(utc(last), &FixedOffset::east_opt(0).expect("UTC"))
}

#[test]
fn intervals() {
    for (text, minutes, shown) in [
        ("6h", 360, "6h"),
        (" 30m ", 30, "30m"),
        ("1d", 1440, "1d"),
        ("120m", 120, "2h"),
        ("24h", 1440, "1d"),
        ("5m", 5, "5m"),
        ("31d", 44640, "31d"),
    ] {
        let when = parse(text).expect(text);
        assert_eq!((&when, when.to_string().as_str()), (&When::Every(minutes), shown));
    }
    for text in [
        "",
        "h",
        "6",
        "6 h x",
        "-6h",
        "+6h",
        "6H",
        "4m",
        "32d",
        "0h",
        "6.5h",
        "６h",
        "6s",
        "99999999999d",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert_eq!(next("6h", "2026-11-22T10:00:00Z"), Some(utc("2026-11-22T16:00:00Z")));
}

#[test]
fn what_is_no_expression_is_refused() {
    for text in [
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * 0 *",
        "* * * * 8",
        "*/0 * * * *",
        "*/60 * * * *",
        "5/15 * * * *",
        "5-1 * * * *",
        "1,,2 * * * *",
        "1- * * * *",
        "a * * * *",
        "jan * * * *",
        "* * * mon *",
        "007 * * * *",
        "+1 * * * *",
        "@daily x x x x",
        "0 0 30 2 *",
        "0 0 31 4,6 *",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(parse("@daily").is_err());
}

#[test]
fn moments() {
    for (text, last, expected) in [
        ("15 3 * * *", "2026-11-22T03:14:59Z", "2026-11-22T03:15:00Z"),
        ("15 3 * * *", "2026-11-22T03:15:00Z", "2026-11-23T03:15:00Z"),
        ("*/20 * * * *", "2026-11-22T23:41:00Z", "2026-11-23T00:00:00Z"),
        ("10-50/20 4 * * *", "2026-11-22T04:10:00Z", "2026-11-22T04:30:00Z"),
        // 2026-11-22 is a Sunday.
        ("0 5 * * mon", "2026-11-22T00:00:00Z", "2026-11-23T05:00:00Z"),
        ("0 5 * * 7", "2026-11-22T05:00:00Z", "2026-11-29T05:00:00Z"),
        ("0 5 * * 0", "2026-11-22T04:00:00Z", "2026-11-22T05:00:00Z"),
        ("0 5 * * MON-FRI", "2026-11-27T06:00:00Z", "2026-11-30T05:00:00Z"),
        // Either day counts when both are given.
        ("0 0 1 * mon", "2026-11-24T00:00:00Z", "2026-11-30T00:00:00Z"),
        ("0 0 1 * mon", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
        // A star with a step restricts no day by itself: both have to fit.
        ("0 0 */2 * mon", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("0 0 29 2 *", "2026-11-22T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 1 jan *", "2026-11-22T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"),
    ] {
        assert_eq!(next(text, last), Some(utc(expected)), "{text} after {last}");
    }
}

#[test]
fn a_run_that_never_was_is_due() {
    let since = Some(utc("2026-11-22T10:00:00Z"));
    let every = parse("6h").expect("an interval");
    assert_eq!(every.due(None, since), since);
    assert_eq!(every.due(since, since), Some(utc("2026-11-22T16:00:00Z")));
    assert_eq!(every.due(None, None), None);
    let at = parse("0 12 * * *").expect("an expression");
    assert!(at.due(None, since) > since);
    assert_eq!(at.due(None, None), None);
}
