//! `db-report`: the page is what a browser shows, whatever the database holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use model::visible::visible;
use mysql::prelude::Queryable as _;
use serde_json::Value;
use sys::proc::Finished;
use sys::{disk, env, fs};

use crate::support::{Browser, Sandbox, Server, require};

/// Names that a table can have.
const TABLES: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "</svg></style></title><b>",
    "' onload='alert(3)",
    "&lt;i&gt; &amp;",
    "\u{202e}fdp.exe\u{2066} שלום",
    "a_name_of_sixty_four_letters_that_is_as_long_as_a_name_can_be_xx",
];
const NOTE: &str = "</details><script>alert(4)</script> 🎬 'x' \"y\"";

/// What a page is made of, as the browser has it.
const INSPECT: &str = "(doc, win) => ({
  text: doc.body.textContent,
  headings: [...doc.querySelectorAll('h1,h2')].map(h => h.textContent),
  strange: [...doc.querySelectorAll('script,img,iframe,object,embed,form,b:not(.legend b)')].length,
  handlers: [...doc.querySelectorAll('*')].filter(
    e => [...e.attributes].some(a => a.name.startsWith('on'))).length,
  plots: [...doc.querySelectorAll('svg')].map(s => [
    s.getAttribute('role'), s.querySelector('title').textContent, s.getBoundingClientRect().height]),
  sections: doc.querySelectorAll('details.backup').length,
  wide: doc.documentElement.scrollWidth, room: win.innerWidth,
  ink: win.getComputedStyle(doc.body).color,
  line: [...doc.querySelectorAll('svg polyline')].map(p => win.getComputedStyle(p).stroke)[0],
})";

fn ok(sandbox: &Sandbox, args: &[&str]) -> Finished {
    let finished = sandbox.xtask(args);
    assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
    finished
}

fn json(finished: &Finished) -> Value {
    assert_eq!(finished.stdout.trim_end().lines().count(), 1, "{}", finished.stdout);
    serde_json::from_str(&finished.stdout).unwrap()
}

/// A sandbox whose tables have hostile names, with three backups and two proofs.
fn hostile(name: &str, server: Server) -> Option<Sandbox> {
    let sandbox = Sandbox::new(&require(server)?, name);
    let mut root = sandbox.root();
    for table in TABLES {
        let quoted = table.replace('`', "``");
        root.query_drop(format!("CREATE TABLE `{quoted}` (id INT PRIMARY KEY AUTO_INCREMENT)"))
            .unwrap();
        root.query_drop(format!("INSERT INTO `{quoted}` VALUES (1), (2)")).unwrap();
    }
    ok(&sandbox, &["db-backup", "--reason", NOTE]);
    ok(&sandbox, &["db-verify", "latest", "--level", "restore"]);
    root.query_drop("CREATE VIEW `<i>view</i>` AS SELECT 1 AS one").unwrap();
    ok(&sandbox, &["db-backup"]);
    ok(&sandbox, &["db-verify", "latest", "--level", "file"]);
    ok(&sandbox, &["db-backup"]);
    Some(sandbox)
}

fn page_of(sandbox: &Sandbox) -> (PathBuf, Value) {
    let document = json(&ok(sandbox, &["db-report", "--json"]));
    let file = PathBuf::from(document["file"].as_str().unwrap());
    assert_eq!(document["version"], 1);
    assert_eq!(document["bytes"], fs::read_bytes(&file).unwrap().len());
    assert_eq!(disk::mode(&file), Some(0o600));
    (file, document)
}

fn labels(sandbox: &Sandbox) -> Vec<String> {
    let list = json(&ok(sandbox, &["db-list", "--json"]));
    let backups = list["backups"].as_array().unwrap().iter();
    backups.map(|one| one["label"].as_str().unwrap().to_owned()).collect()
}

/// What has to be true of every page.
fn demand_sound(browser: &Browser, page: &Path) -> Value {
    for width in [360, 1200] {
        let seen = browser.inspect(page, width, INSPECT);
        let answer = &seen.answer;
        assert_eq!(seen.console, Vec::<String>::new());
        assert_eq!(seen.requests, Vec::<String>::new());
        assert_eq!((&answer["strange"], &answer["handlers"]), (&0.into(), &0.into()), "{answer}");
        let (wide, room) = (answer["wide"].as_u64().unwrap(), answer["room"].as_u64().unwrap());
        assert!(room <= u64::from(width) && wide <= room, "{wide} of {room} at {width}");
        for plot in answer["plots"].as_array().unwrap() {
            assert!(plot[0] == "img" && plot[2].as_f64().unwrap() > 40.0, "{plot}");
        }
        if width == 1200 {
            return seen.answer;
        }
    }
    unreachable!("the last width returns")
}

/// Without it, a browser that sees nothing would find every page sound.
#[test]
fn the_browser_tells_a_bad_page() {
    let Some(browser) = Browser::require() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("bad.html");
    let bad = "<!doctype html><h1>x</h1><svg role=img><title>t</title></svg>\
               <p style='width:700px'>wide</p><script>console.error('loud')</script>\
               <img src='http://stream.invalid/x.png' onerror='1'>";
    fs::write_durably(&page, bad.as_bytes()).unwrap();
    let seen = browser.inspect(&page, 360, INSPECT);
    assert!(seen.console.iter().any(|line| line.contains("loud")), "{:?}", seen.console);
    assert!(seen.requests.iter().any(|url| url.contains("stream.invalid")), "{:?}", seen.requests);
    assert_eq!((&seen.answer["strange"], &seen.answer["handlers"]), (&2.into(), &1.into()));
    assert!(seen.answer["wide"].as_u64() > seen.answer["room"].as_u64(), "{}", seen.answer);
}

#[test]
fn hostile_names_are_text_in_a_browser() {
    let Some(browser) = Browser::require() else { return };
    for server in Server::ALL {
        let Some(sandbox) = hostile("report_hostile", server) else { continue };
        let (page, document) = page_of(&sandbox);
        assert_eq!((&document["backups"], &document["unusable"]), (&3.into(), &0.into()));
        let seen = demand_sound(&browser, &page);
        let text = seen["text"].as_str().unwrap();
        for name in TABLES.into_iter().chain([NOTE, "<i>view</i>", &sandbox.schema]) {
            assert!(text.contains(&visible(name)), "{server}: {name:?} is not shown");
        }
        for label in labels(&sandbox) {
            assert!(text.contains(&label), "{label}");
        }
        assert_eq!(seen["sections"], 3);
        let titles: Vec<&str> =
            seen["headings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let wanted = [
            "State",
            "Timeline",
            "Size of the tables",
            "Time to back up and to restore",
            "Age of the newest verified backup",
            "Storage",
            "Backups",
        ];
        assert_eq!(titles[1..], wanted);
        assert!(seen["plots"].as_array().unwrap().len() >= 4, "{}", seen["plots"]);
        assert!(text.contains("restored and compared") && text.contains("its file was read"));
        demand_pictures(&browser, &page);
    }
}

/// Something is drawn, and it is another thing in the dark.
fn demand_pictures(browser: &Browser, page: &Path) {
    let size = (1000, 1400);
    let [light, dark] = [false, true].map(|dark| browser.picture(page, size, dark));
    for picture in [&light, &dark] {
        // Lines that repeat the one above are zeros: a blank page is little else.
        let drawn = picture.pixels.iter().filter(|byte| **byte > 4).count();
        let kinds: BTreeSet<u8> = picture.pixels.iter().copied().collect();
        assert!(drawn > 20_000 && kinds.len() > 100, "{drawn} bytes of {} kinds", kinds.len());
    }
    assert_ne!(light.pixels, dark.pixels, "the page has one theme only");
}

#[test]
fn every_folder_has_its_page() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "report_states");
    sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY); INSERT INTO film VALUES (1), (2)");
    // Nothing was ever backed up.
    let (page, document) = page_of(&sandbox);
    assert_eq!((&document["backups"], &document["receipts"]), (&0.into(), &0.into()));
    assert!(fs::read_text(&page).unwrap().contains("There is no backup yet"));
    ok(&sandbox, &["db-backup"]);
    ok(&sandbox, &["db-verify", "latest", "--level", "restore"]);
    let (page, document) = page_of(&sandbox);
    assert_eq!((&document["backups"], &document["receipts"]), (&1.into(), &2.into()));
    let text = fs::read_text(&page).unwrap();
    assert!(text.contains("restored and compared") && text.contains("plot-rpo-title"));
    // A manifest that was changed, a dump made by hand, and a ledger that was changed.
    ok(&sandbox, &["db-backup"]);
    let newest = &labels(&sandbox)[0];
    let manifest = sandbox.backups().join(format!("{newest}.json"));
    let changed = fs::read_text(&manifest).unwrap().replace("\"rows\": 2", "\"rows\": 3");
    fs::write_durably(&manifest, changed.as_bytes()).unwrap();
    sandbox.write("backups/by_hand<b>.sql", "SELECT 1;\n");
    let (page, document) = page_of(&sandbox);
    assert_eq!((&document["backups"], &document["unusable"]), (&2.into(), &1.into()));
    let text = fs::read_text(&page).unwrap();
    assert!(text.contains("It is damaged:") && text.contains("by_hand&lt;b&gt;.sql"));
    let ledger = sandbox.backups().join("ledger.jsonl");
    let changed = fs::read_text(&ledger).unwrap().replacen("\"rows\":2", "\"rows\":9", 1);
    fs::write_durably(&ledger, changed.as_bytes()).unwrap();
    let (page, document) = page_of(&sandbox);
    assert_eq!(document["receipts"], 0);
    assert!(fs::read_text(&page).unwrap().contains("the ledger is unreliable"));
    if let Some(browser) = Browser::require() {
        demand_sound(&browser, &page);
    }
}

#[test]
fn the_page_goes_where_it_may() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "report_out");
    sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY)");
    ok(&sandbox, &["db-backup"]);
    let kept = fs::names(&sandbox.backups()).unwrap();
    for (out, words) in [
        ("backups/report.html", "is in the backups folder"),
        ("backups", "is a folder"),
        ("nowhere/report.html", "cannot be used"),
    ] {
        let refused = sandbox.xtask(&["db-report", "--out", out]);
        assert_eq!(refused.code, Some(2), "{out}: {}", refused.stderr);
        assert!(refused.stderr.contains(words), "{out}: {}", refused.stderr);
    }
    assert_eq!(fs::names(&sandbox.backups()).unwrap(), kept);
    // An older page is replaced, and becomes private.
    sandbox.write("status.html", "old");
    fs::write_shared(&sandbox.path().join("status.html"), b"old").unwrap();
    let written = ok(&sandbox, &["db-report", "--out", "status.html", "--offline"]);
    assert!(written.stdout.contains("status.html"), "{}", written.stdout);
    let page = sandbox.path().join("status.html");
    assert!(fs::read_text(&page).unwrap().starts_with("<!doctype html>"));
    assert_eq!(disk::mode(&page), Some(0o600));
}

/// The opener is a program of the test's own, which says what it was given.
#[cfg(target_os = "linux")]
#[test]
fn the_opener_is_given_the_page() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "report_open");
    for (ending, shown) in [("exit 0", true), ("exit 3", false)] {
        sandbox.write(
            "bin/xdg-open",
            &format!("#!/bin/sh\necho \"$#:$1\" > \"$0.given\"\n{ending}\n"),
        );
        let opener = sandbox.path().join("bin/xdg-open");
        std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o700)).unwrap();
        let path = format!("{}:{}", opener.parent().unwrap().display(), env::var("PATH").unwrap());
        let out = "a page; touch x & 'y'.html";
        let command = sandbox.command(&["db-report", "--open", "--json", "--out", out]);
        let finished = command.env("PATH", path).run(std::time::Duration::from_secs(60)).unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(json(&finished)["opened"], shown);
        assert_eq!(
            finished.stderr.contains("written but not shown"),
            !shown,
            "{}",
            finished.stderr
        );
        let given = fs::read_text(&opener.with_extension("given")).unwrap();
        let page = sandbox.path().canonicalize().unwrap().join(out);
        assert_eq!(given.trim_end(), format!("1:{}", page.display()));
        assert!(page.is_file());
    }
}

/// Rows of about a hundred bytes, from `first` on.
fn rows(table: &str, first: u32, count: u32) -> String {
    format!(
        "INSERT INTO {table} (id, note) WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL \
         SELECT i + 1 FROM n WHERE i < {first} + {count} - 1) SELECT i, SHA2(i, 256) FROM n"
    )
}

/// The page as docs/report.md shows it: of backups, drills and a restore that were made,
/// of a catalogue that grows. `XTASK_TEST_PICTURES` names a folder for the pictures.
#[test]
fn a_growing_catalogue_is_told() {
    let Some(browser) = Browser::require() else { return };
    let Some(server) = require(Server::Mysql) else { return };
    let sandbox = Sandbox::new(&server, "streamflix");
    let tables = [
        "account",
        "profile",
        "movie",
        "series",
        "episode",
        "genre",
        "subscription",
        "watch_history",
    ];
    let mut root = sandbox.root();
    root.query_drop("SET cte_max_recursion_depth = 1000000").unwrap();
    for (at, table) in tables.into_iter().enumerate() {
        let create = format!("CREATE TABLE {table} (id INT PRIMARY KEY, note VARCHAR(99))");
        root.query_drop(create).unwrap();
        root.query_drop(rows(table, 1, 300 * (at as u32 + 1))).unwrap();
    }
    for round in 0..5_u32 {
        root.query_drop(rows("watch_history", 10_001 + round * 3_000, 3_000)).unwrap();
        root.query_drop(rows("episode", 10_001 + round * 3_000, 450 * (round % 3 + 1))).unwrap();
        ok(&sandbox, &["db-backup"]);
        let level = if round % 2 == 0 { "restore" } else { "file" };
        ok(&sandbox, &["db-verify", "latest", "--level", level]);
    }
    // Nothing answers where the API should be: the live check fails, and the page says so.
    let live = sandbox.xtask(&["db-verify", "--live"]);
    assert_eq!(live.code, Some(21), "{}", live.stderr);
    let copy = format!("{}__copy", sandbox.schema);
    ok(&sandbox, &["db-restore", "latest", "--into", &copy, "--yes"]);
    let (page, _) = page_of(&sandbox);
    let seen = demand_sound(&browser, &page);
    let plots: Vec<&str> =
        seen["plots"].as_array().unwrap().iter().filter_map(|plot| plot[1].as_str()).collect();
    for plot in ["Size of the tables over time", "Age of the newest verified backup over time"] {
        assert!(plots.contains(&plot), "{plots:?}");
    }
    let text = seen["text"].as_str().unwrap();
    for words in ["watch_history", "the other 3 tables together", "drill", "live check", "failed"] {
        assert!(text.contains(words), "{words}");
    }
    demand_pictures(&browser, &page);
    let Some(folder) = env::var_os("XTASK_TEST_PICTURES").map(PathBuf::from) else { return };
    let phone = sandbox.path().join("phone.html");
    let frame = "<!doctype html><style>html { color-scheme: light dark } body { margin: 0 }\
                 iframe { border: 0; width: 390px; height: 1600px }</style>\
                 <iframe src='.local/report.html'></iframe>";
    fs::write_durably(&phone, frame.as_bytes()).unwrap();
    let light = browser.picture(&page, (1040, 2300), false);
    let dark = browser.picture(&phone, (500, 1600), true);
    fs::write_shared(&folder.join("report.png"), &light.file).unwrap();
    fs::write_shared(&folder.join("report-phone.png"), &dark.file).unwrap();
}
