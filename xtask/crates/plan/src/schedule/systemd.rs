//! Unit files for systemd.

use std::collections::BTreeSet;

use super::job::Job;
use super::when::{Calendar, TICK_MINUTES, When};

pub const SERVICE: &str = "service";
/// …
pub const TIMER: &str = "timer";

/// Whether systemd's own calendar says exactly this; else it asks often.
pub fn has_calendar(when: &When) -> bool {
    !calendar(when).is_empty()
}

/// The `.service`: what a run does, whatever starts it.
pub fn service(job: &Job, when: &When) -> String {
    let job = if has_calendar(when) { job.clone() } else { job.if_due() };
    let mut command = vec![word(&job.program.display().to_string())];
    command.extend(job.args.iter().map(|arg| word(arg)));
    let environment: String = job
        .environment
        .iter()
        .map(|(name, value)| format!("Environment={}\n", quoted(&format!("{name}={value}"))))
        .collect();
    format!(
        "[Unit]\n\
         Description=StreamFlix: a backup, proven and copied\n\
         Documentation=https://www.freedesktop.org/software/systemd/man/systemd.timer.html\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         WorkingDirectory={}\n\
         {environment}\
         ExecStart={}\n\
         # 12: another run holds the lock. Not a failure; the next run comes.\n\
         SuccessExitStatus=12\n\
         Nice=10\n\
         IOSchedulingClass=idle\n\
         UMask=0077\n\
         NoNewPrivileges=true\n",
        path(&job.root.display().to_string()),
        command.join(" "),
    )
}

/// The `.timer`. `Persistent` catches up on a run that was missed while the machine
/// was off.
pub fn timer(job: &Job, when: &When) -> String {
    let lines = calendar(when);
    let lines =
        if lines.is_empty() { vec![format!("*-*-* *:00/{TICK_MINUTES}:00")] } else { lines };
    let calendar: String = lines.iter().map(|line| format!("OnCalendar={line}\n")).collect();
    format!(
        "[Unit]\n\
         Description=StreamFlix: scheduled backups ({when})\n\
         \n\
         [Timer]\n\
         {calendar}\
         Persistent=true\n\
         AccuracySec=1min\n\
         Unit={}.{SERVICE}\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        job.name
    )
}

/// The lines of `OnCalendar=`; none where systemd cannot say it.
pub fn calendar(when: &When) -> Vec<String> {
    match when {
        When::Every(minutes) if *minutes < 60 && 60 % minutes == 0 => {
            vec![format!("*-*-* *:00/{minutes}:00")]
        }
        When::Every(minutes) if minutes % 60 == 0 && 1440 % minutes == 0 => match minutes / 60 {
            1 => vec!["*-*-* *:00:00".to_owned()],
            24 => vec!["*-*-* 00:00:00".to_owned()],
            hours => vec![format!("*-*-* 00/{hours}:00:00")],
        },
        When::Every(_) => Vec::new(),
        When::At(calendar) => of_cron(calendar),
    }
}

fn of_cron(calendar: &Calendar) -> Vec<String> {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let list = |numbers: &BTreeSet<u32>, all: usize, width: usize| {
        if numbers.len() == all {
            return "*".to_owned();
        }
        let texts: Vec<String> = numbers.iter().map(|n| format!("{n:0width$}")).collect();
        texts.join(",")
    };
    let time = format!("{}:{}:00", list(&calendar.hours, 24, 2), list(&calendar.minutes, 60, 2));
    let months = list(&calendar.months, 12, 2);
    let days = list(&calendar.days, 31, 2);
    let names: Vec<&str> =
        calendar.weekdays.iter().filter_map(|day| DAYS.get(*day as usize).copied()).collect();
    let names = if names.len() == 7 { String::new() } else { format!("{} ", names.join(",")) };
    if calendar.by_day && calendar.by_weekday {
        // cron: one or the other. systemd: both; so these are two lines.
        return vec![format!("*-{months}-{days} {time}"), format!("{names}*-{months}-* {time}")];
    }
    vec![format!("{names}*-{months}-{days} {time}")]
}

/// `%` begins a specifier everywhere in a unit.
fn path(text: &str) -> String {
    text.replace('%', "%%")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", path(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// A word of a command line, where `$` begins a variable besides.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:@,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    quoted(text).replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::when::parse;

    fn job() -> Job {
        Job {
            name: "streamflix-backup-12345678".to_owned(),
            root: "/srv/50% of it".into(),
            program: "/srv/50% of it/.local/bin/xtask".into(),
            args: vec!["schedule".to_owned(), "run".to_owned()],
            environment: vec![("XTASK_ROOT".to_owned(), "/srv/50% \"of\" it".to_owned())],
            log: "/srv/log".into(),
        }
    }

    #[test]
    fn calendars() {
        for (text, lines) in [
            ("30m", vec!["*-*-* *:00/30:00"]),
            ("60m", vec!["*-*-* *:00:00"]),
            ("6h", vec!["*-*-* 00/6:00:00"]),
            ("1d", vec!["*-*-* 00:00:00"]),
            ("7h", vec![]),
            ("2d", vec![]),
            ("15 3 * * *", vec!["*-*-* 03:15:00"]),
            ("*/20 * * * mon-fri", vec!["Mon,Tue,Wed,Thu,Fri *-*-* *:00,20,40:00"]),
            ("0 4 1 * 7", vec!["*-*-01 04:00:00", "Sun *-*-* 04:00:00"]),
            ("0 4 29 2 *", vec!["*-02-29 04:00:00"]),
        ] {
            assert_eq!(calendar(&parse(text).expect(text)), lines, "{text}");
        }
    }

    #[test]
    fn a_service_names_no_specifier_by_accident() {
        let text = service(&job(), &parse("6h").expect("an interval"));
        assert!(text.contains("WorkingDirectory=/srv/50%% of it\n"), "{text}");
        assert!(text.contains("ExecStart=\"/srv/50%% of it/.local/bin/xtask\" schedule run\n"));
        assert!(text.contains("Environment=\"XTASK_ROOT=/srv/50%% \\\"of\\\" it\"\n"));
        let text = service(&job(), &parse("7h").expect("an interval"));
        assert!(text.contains("schedule run --if-due\n"));
        assert!(timer(&job(), &parse("7h").expect("an interval")).contains("*:00/5:00"));
    }
}
