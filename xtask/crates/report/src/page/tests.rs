//! The page as a whole: what a name holds never becomes part of its markup, and every
//! state of a backups folder has a page.

use model::wrong_clock::WrongClock;
use proptest::prelude::*;

use super::markup::{Token, tokens};
use super::sample::{at, history, label, made, manifest, proven};
use super::{page, rpo};
use model::check::Check;
use model::entry::{Event, Level};
use model::history::{HeldBackup, History};
use model::status::Answer;
use model::visible::visible;

/// Names that someone could give to a table, or write into a manifest.
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

fn empty() -> History {
    let mut history = history(&|_| String::new());
    history.backups.clear();
    history.entries.clear();
    history.strangers.clear();
    history.status = Answer::unknown("nobody looked");
    history.ledger = Check::not_run("ledger chain", "there are no entries yet");
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
    for words in ["unknown", "nobody looked", "There is no backup yet", "The ledger has no entries"]
    {
        assert!(nothing.contains(words), "{words}");
    }
    let mut one = history(&|n| format!("name{n}"));
    one.backups.truncate(1);
    one.entries.truncate(1);
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
    assert!(damaged.contains("There is no usable backup to measure."));
    assert!(!damaged.contains("NaN") && !damaged.contains("inf"));
}

#[test]
fn a_suspect_backup_is_marked_and_says_what_it_lost() {
    let mut history = history(&|n| format!("name{n}"));
    let text = page(&history);
    assert!(text.contains("<p class=\"bad\"><span class=\"w\">"), "{text}");
    let shown = texts(&text);
    let lost = format!(
        "Suspect: since {}, `name64` is gone (1,200 rows), view `name65` is gone.",
        label(100)
    );
    assert!(shown.contains(", SUSPECT") && shown.contains(&lost), "{shown}");
    for backup in &mut history.backups {
        backup.suspect = None;
    }
    assert!(!page(&history).to_lowercase().contains("suspect"));
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
            trust: model::trust::Trust::Own,
            suspect: None,
            wrong_clock: None,
        })
        .collect();
    history.entries = (0..2000)
        .flat_map(|n| [made(n * 360), proven(n * 360, n * 360 + 1, Level::Restore, true, "")])
        .collect();
    history.made_utc = at(2000 * 360);
    let text = page(&history);
    assert!(text.len() < 3 << 20, "{} bytes", text.len());
    let sections = text.matches("class=\"backup\"").count();
    assert!((10..=60).contains(&sections), "{sections}");
    // None is left out: those without a section are lines of the table.
    let shown = texts(&text);
    let lines: std::collections::BTreeSet<&str> = shown.lines().collect();
    assert!((0..2000).all(|n| lines.contains(label(n * 360).to_string().as_str())));
    assert!(shown.contains(&format!("The newest {sections} have their own section")));
}

#[test]
fn the_age_is_a_saw_tooth() {
    let mut history = empty();
    history.entries = vec![
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
    history.entries = vec![made(0), proven(0, 10, Level::File, true, "")];
    let Event::Backup { reason, .. } = &mut history.entries[0].event else { unreachable!() };
    *reason = "safety".to_owned();
    assert!(rpo::ages(&history).is_empty());
}

#[test]
fn a_wrong_clock_neither_flattens_a_plot_nor_is_kept_quiet() {
    let name = |n: usize| format!("name{n}");
    let mut history = history(&name);
    // As it is handed over: with its place on a time axis.
    let wrong =
        WrongClock { said_utc: at(2_000_000), from_utc: Some(at(150)), until_utc: Some(at(190)) };
    history.backups[1].content = Ok(Box::new(manifest(150, &name)));
    history.backups[1].wrong_clock = Some(wrong);
    let page = page(&history);
    assert!(page.contains(&format!("When it was made is unknown: {wrong}.")));
    let year = at(2_000_000).format("%Y-").to_string();
    assert_eq!(page.contains(&year), at(0).format("%Y-").to_string() == year);
}
