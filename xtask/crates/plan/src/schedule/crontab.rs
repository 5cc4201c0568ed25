//! A few lines in someone's crontab, between marks; everything else stays as it is,
//! byte for byte.

use super::job::Job;
use super::when::{TICK_MINUTES, When};

fn begin(name: &str) -> String {
    format!("# BEGIN {name}")
}

fn end(name: &str) -> String {
    format!("# END {name}")
}

/// The lines. cron knows no run that was missed, so it asks often, and the tool looks
/// whether one is due.
pub fn lines(job: &Job, when: &When) -> String {
    let job = job.if_due();
    let mut words: Vec<String> =
        job.environment.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    words.push(quoted(&job.program.display().to_string()));
    words.extend(job.args.iter().map(|arg| quoted(arg)));
    let command = format!(
        "cd {} && umask 077 && {} >>{} 2>&1",
        quoted(&job.root.display().to_string()),
        words.join(" "),
        quoted(&job.log.display().to_string())
    );
    // An unescaped % is the end of the line to cron.
    let command = command.replace('%', "\\%");
    format!(
        "{}\n# Backups of StreamFlix ({when}); `cargo xtask schedule uninstall` removes these lines.\n\
         */{TICK_MINUTES} * * * * {command}\n{}\n",
        begin(&job.name),
        end(&job.name)
    )
}

/// A word for `sh`.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:@,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The block of `name` in a crontab, with its marks: where it begins, and where what
/// follows it begins. A mark without the other is not touched.
fn block(crontab: &str, name: &str) -> Result<Option<(usize, usize)>, String> {
    let (begin, end) = (begin(name), end(name));
    let mut at = 0;
    let mut first = None;
    for line in crontab.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        let start = at;
        at += line.len();
        if bare == begin {
            if first.is_some() {
                return Err(format!("the crontab has `{begin}` twice"));
            }
            first = Some(start);
        } else if bare == end {
            return match first {
                Some(first) => Ok(Some((first, at))),
                None => Err(format!("the crontab has `{end}` without its start")),
            };
        }
    }
    if first.is_some() {
        Err(format!("the crontab has `{begin}` without its end"))
    } else {
        Ok(None)
    }
}

/// The lines of `name` that are in a crontab.
pub fn found<'a>(crontab: &'a str, name: &str) -> Result<Option<&'a str>, String> {
    Ok(block(crontab, name)?.map(|(first, last)| &crontab[first..last]))
}

/// The crontab with these lines, in the place of older ones of the same name.
pub fn with(crontab: &str, name: &str, lines: &str) -> Result<String, String> {
    Ok(match block(crontab, name)? {
        Some((first, last)) => format!("{}{lines}{}", &crontab[..first], &crontab[last..]),
        None if crontab.is_empty() || crontab.ends_with('\n') => format!("{crontab}{lines}"),
        // cron does not take a last line without an end; then it was none before either.
        None => format!("{crontab}\n{lines}"),
    })
}

pub fn without(crontab: &str, name: &str) -> Result<String, String> {
    Ok(match block(crontab, name)? {
        Some((first, last)) => format!("{}{}", &crontab[..first], &crontab[last..]),
        None => crontab.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::when::parse;

    const NAME: &str = "streamflix-backup-12345678";

    #[test]
    fn foreign_lines_stay_as_they_are() {
        let job = Job {
            name: NAME.to_owned(),
            root: "/srv/it's 5%".into(),
            program: "/srv/xtask".into(),
            args: vec!["schedule".to_owned(), "run".to_owned()],
            environment: vec![("XTASK_ROOT".to_owned(), "/srv/it's 5%".to_owned())],
            log: "/srv/log".into(),
        };
        let own = lines(&job, &parse("6h").expect("an interval"));
        let call = "*/5 * * * * cd '/srv/it'\\''s 5\\%' && umask 077 && XTASK_ROOT='/srv/it'\\''s 5\\%' /srv/xtask schedule run --if-due >>/srv/log 2>&1\n";
        assert!(own.contains(call), "{own}");
        for foreign in ["", "# mine\n\n5 * * * * true %x\r\n", "MAILTO=\"\"\n"] {
            let with_it = with(foreign, NAME, &own).expect("sound");
            assert_eq!(found(&with_it, NAME).expect("sound"), Some(own.as_str()));
            assert_eq!(with(&with_it, NAME, &own).expect("sound"), with_it);
            assert_eq!(without(&with_it, NAME).expect("sound"), foreign);
            let after = format!("{with_it}0 0 * * * later\n");
            let other = own.replace("*/5", "*/7");
            let changed = with(&after, NAME, &other).expect("sound");
            assert_eq!(
                without(&changed, NAME).expect("sound"),
                format!("{foreign}0 0 * * * later\n")
            );
        }
        assert_eq!(without("other\n", NAME).expect("sound"), "other\n");
    }

    #[test]
    fn a_mark_alone_is_for_a_person() {
        for text in [
            format!("# BEGIN {NAME}\nx\n"),
            format!("# END {NAME}\n"),
            format!("# BEGIN {NAME}\n# BEGIN {NAME}\n# END {NAME}\n"),
        ] {
            assert!(with(&text, NAME, "x\n").is_err() && without(&text, NAME).is_err(), "{text}");
        }
    }
}
