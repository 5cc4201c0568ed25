//! systemd's own judge of units and calendars, which needs no systemd that runs.

use chrono::{DateTime, TimeDelta, Utc};
use plan::schedule::job::Job;
use plan::schedule::{systemd, when};
use sys::fs;
use sys::proc::Cmd;

use super::{PATIENCE, is_there};

const EXPRESSIONS: [&str; 12] = [
    "15 3 * * *",
    "*/20 * * * *",
    "0 */6 * * *",
    "5-59/10 1,13 * * *",
    "0 4 * * sun",
    "0 4 * * mon-fri",
    "30 2 1,15 * *",
    "0 0 1 */3 *",
    "0 0 29 2 *",
    "0 12 31 * *",
    "59 23 31 12 *",
    "0 4 13 * fri",
];

#[test]
fn systemd_reads_an_expression_as_we_do() {
    if !is_there("systemd-analyze") {
        return;
    }
    let base: DateTime<Utc> = "2026-11-22T10:11:12Z".parse().unwrap();
    for text in EXPRESSIONS {
        let when = when::parse(text).unwrap();
        let lines = systemd::calendar(&when);
        assert!(!lines.is_empty(), "{text}");
        let mut ours = base;
        let mut theirs = base;
        for step in 0..4 {
            ours = when.next(ours).unwrap();
            theirs = lines.iter().map(|line| elapse(line, theirs)).min().unwrap();
            assert_eq!(ours, theirs, "{text}: {lines:?}, step {step}");
        }
    }
}

/// When systemd would start it after a moment.
fn elapse(line: &str, after: DateTime<Utc>) -> DateTime<Utc> {
    // It counts from the second that it is given, that one included.
    let base = (after + TimeDelta::seconds(1)).format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let told = Cmd::new("systemd-analyze")
        .args(["calendar", "--base-time", base.as_str(), line])
        .env("LC_ALL", "C")
        .read(PATIENCE)
        .unwrap_or_else(|error| panic!("{line}: {error:#}"));
    // In another zone than UTC it says both.
    let line = |start| told.lines().find_map(|it| it.trim().strip_prefix(start));
    let next = line("(in UTC): ").or_else(|| line("Next elapse: ")).unwrap();
    // "Sun 2026-11-22 10:20:00 UTC"
    let words: Vec<&str> = next.split(' ').collect();
    format!("{}T{}Z", words[1], words[2]).parse().unwrap()
}

#[test]
fn systemd_takes_the_units() {
    if !is_there("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("50% of it");
    fs::create_private_dir(&root).unwrap();
    let job = Job {
        name: "streamflix-backup-12345678".to_owned(),
        program: "/bin/true".into(),
        args: ["--backups", "/srv/my $HOME \"b\"", "schedule", "run"].map(str::to_owned).to_vec(),
        environment: vec![("XTASK_ROOT".to_owned(), root.display().to_string())],
        log: root.join("log"),
        root,
    };
    for text in ["6h", "7h", "30m", "15 3 * * *", "0 4 13 * fri"] {
        let when = when::parse(text).unwrap();
        let service = folder.path().join(format!("{}.service", job.name));
        let timer = folder.path().join(format!("{}.timer", job.name));
        fs::write_shared(&service, systemd::service(&job, &when).as_bytes()).unwrap();
        fs::write_shared(&timer, systemd::timer(&job, &when).as_bytes()).unwrap();
        let judged = Cmd::new("systemd-analyze")
            .args(["verify", "--man=no", "--generators=no"])
            .args([&service, &timer])
            .run(PATIENCE)
            .unwrap();
        let name = job.name.as_str();
        let about_us: Vec<&str> =
            judged.stderr.lines().filter(|line| line.contains(name)).collect();
        assert_eq!((judged.code, about_us.len()), (Some(0), 0), "{text}: {}", judged.stderr);
    }
}
