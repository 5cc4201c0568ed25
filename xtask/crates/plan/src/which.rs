//! Which backup is meant: `latest`, `latest~1`, `before:2026-11-30T14:00`, or a name.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use model::exit::{ExitCode, Stop};
use model::label::Label;
use model::loss::Loss;

/// The word for the newest backup that can be used, lost nothing and is not a safety backup.
pub const LATEST: &str = "latest";
const BEFORE: &str = "before:";

/// What can be typed for a backup, besides its label.
pub const WORDS: &str = "`latest`, `latest~1` (the one before it), or `before:2026-11-30T14:00`";

/// A moment as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// By the wall clock of this machine.
    Local(NaiveDateTime),
    Utc(DateTime<Utc>),
}

/// The same, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until {
    pub utc: DateTime<Utc>,
    pub local: NaiveDateTime,
}

/// The newest, or one of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// Only those that were done before this; `None`: all.
    pub before: Option<Moment>,
    /// How many to go back from there.
    pub back: usize,
}

/// What a text asks for; `None`: it is a label, a file, or a mistake.
///
/// # Errors
/// It begins as one of the words and does not go on so ([`ExitCode::Usage`]).
pub fn parse(text: &str, now_local: NaiveDateTime) -> Result<Option<Newest>, Stop> {
    let (stem, back) = match text.rsplit_once('~') {
        Some((stem, count)) if stem == LATEST || stem.starts_with(BEFORE) => {
            let back = count.parse::<usize>().map_err(|_| {
                let message = format!("`{text}`: a number belongs after the `~`");
                Stop::new(ExitCode::Usage, message)
                    .hint("`latest~1` is the backup before the latest.")
            })?;
            (stem, back)
        }
        _ => (text, 0),
    };
    if stem == LATEST {
        return Ok(Some(Newest { before: None, back }));
    }
    let Some(time) = stem.strip_prefix(BEFORE) else { return Ok(None) };
    let before = moment(time, now_local).ok_or_else(|| {
        Stop::new(ExitCode::Usage, format!("`{text}`: `{time}` is not a time")).hint(TIMES)
    })?;
    Ok(Some(Newest { before: Some(before), back }))
}

/// Whether a text is one of the words, which mean another backup tomorrow.
pub fn is_word(text: &str) -> bool {
    let stem = text.split_once('~').map_or(text, |(stem, _)| stem);
    stem == LATEST || stem.starts_with(BEFORE)
}

/// How a time is written.
pub const TIMES: &str = "Write 2026-11-30T14:00, 2026-11-30 (its beginning), 14:00 (the last \
time the clock showed it), or an age such as 90min, 36h, 7d; with Z or +01:00 it is not local time.";

/// A time as people type it: local, unless it says otherwise.
pub fn moment(text: &str, now_local: NaiveDateTime) -> Option<Moment> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(Moment::Utc(at.to_utc()));
    }
    let zones = ["%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z"];
    let text_z = text.strip_suffix(['Z', 'z']).map(|it| format!("{it}+00"));
    let zoned = text_z.as_deref().unwrap_or(text);
    if let Some(at) = zones.iter().find_map(|it| DateTime::parse_from_str(zoned, it).ok()) {
        return Some(Moment::Utc(at.to_utc()));
    }
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let at = forms.iter().find_map(|it| NaiveDateTime::parse_from_str(text, it).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let at = at.or_else(day).or_else(|| today(text, now_local)).or_else(|| ago(text, now_local));
    at.map(Moment::Local)
}

/// The last time the clock showed this.
fn today(text: &str, now: NaiveDateTime) -> Option<NaiveDateTime> {
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
    let at = now.date().and_time(time);
    if at > now { at.checked_sub_signed(Duration::days(1)) } else { Some(at) }
}

fn ago(text: &str, now: NaiveDateTime) -> Option<NaiveDateTime> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let n: i64 = text[..digits].parse().ok()?;
    let passed = match &text[digits..] {
        "min" | "m" => Duration::try_minutes(n),
        "h" => Duration::try_hours(n),
        "d" => Duration::try_days(n),
        "w" => Duration::try_weeks(n),
        _ => None,
    };
    now.checked_sub_signed(passed?)
}

/// A backup or a copy that may be meant.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    pub label: &'a Label,
    /// When its dump ended, at the latest; `None`: its manifest does not say.
    pub taken_utc: Option<DateTime<Utc>>,
    /// Why it cannot be used at all, as in "is damaged: …".
    pub problem: Option<String>,
    /// Its time is still to come, and the ledger does not say when it was taken. Such
    /// candidates come last.
    pub undated: bool,
    /// It failed its last verification.
    pub failed: bool,
    /// It holds a part of the schema.
    pub partial: bool,
    /// It has the state that a restore replaced.
    pub safety: bool,
    /// What it lost, where it is suspect.
    pub loss: Option<&'a Loss>,
}

impl Candidate<'_> {
    /// Why it is passed over, as in "is damaged: …".
    fn fault(&self) -> Option<String> {
        if let Some(problem) = &self.problem {
            return Some(problem.clone());
        }
        if self.undated {
            return Some("has a timestamp in the future".to_owned());
        }
        if self.partial {
            return Some("is a partial safety backup".to_owned());
        }
        self.failed.then(|| "failed its last verification".to_owned())
    }

    fn is_before(&self, until: &Until) -> bool {
        self.taken_utc.map_or(self.label.time() < until.local, |taken| taken < until.utc)
    }
}

/// What was chosen, and what the user should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// `None`: there is none.
    pub label: Option<Label>,
    /// Full sentences.
    pub notes: Vec<String>,
}

/// Chooses among backups of one schema, the newest first: of those before `until`, the one that
/// is `back` before the newest. A suspect backup is chosen only where there is no other, a
/// safety backup likewise.
pub fn choose(all: &[Candidate<'_>], until: Option<Until>, back: usize) -> Chosen {
    let all: Vec<&Candidate<'_>> =
        all.iter().filter(|it| until.as_ref().is_none_or(|until| it.is_before(until))).collect();
    let word = if until.is_some() { "`before:…`" } else { "`latest`" };
    let sound = |it: &&&Candidate<'_>| it.fault().is_none();
    let own = || all.iter().filter(|it| !it.safety);
    let good: Vec<&&Candidate<'_>> = own().filter(sound).filter(|it| it.loss.is_none()).collect();
    let wanted = if back > 0 {
        good.get(back).copied()
    } else {
        // One that failed can be verified again, and a restore compares before it replaces.
        let failed = || own().find(|it| it.problem.is_none() && !it.partial);
        let suspect = || own().find(sound);
        good.first().copied().or_else(suspect).or_else(failed).or_else(|| all.iter().find(sound))
    };
    let newer = || all.iter().take_while(|it| wanted.is_none_or(|wanted| it.label != wanted.label));
    let mut notes: Vec<String> = newer()
        .filter_map(|it| Some(format!("Skipped {}, which {}.", it.label, it.fault()?)))
        .collect();
    if let (Some(_), Some(safety)) = (wanted, newer().filter(sound).find(|it| it.safety)) {
        let label = safety.label;
        notes.push(format!(
            "{label} is newer, but {word} never picks a safety backup; to restore it, give its \
            label."
        ));
    }
    if let Some(why) = wanted.and_then(|wanted| wanted.fault()) {
        notes.push(format!("The backup that {word} means {why}, and there is no other backup."));
    }
    notes.extend(newer().filter(|it| !it.safety).filter_map(|it| {
        let (label, loss) = (it.label, it.loss?);
        Some(format!(
            "{label} is newer, but {word} never picks a suspect backup: {loss}. To restore it, \
            give its label."
        ))
    }));
    let undated = all.iter().filter(|it| it.undated);
    let passed_over = undated.filter(|it| wanted.is_none_or(|wanted| it.label != wanted.label));
    notes.extend(passed_over.map(|it| {
        let label = it.label;
        format!(
            "{label} has a timestamp in the future and is not in the ledger, so when it was taken \
            is unknown: {word} takes it for the oldest. To restore it, give its label."
        )
    }));
    if back > 0 && wanted.is_none() {
        let count = good.len();
        notes.push(format!("{word} counts {count} of the backups here; `~{back}` needs more."));
    }
    Chosen { label: wanted.map(|it| it.label.clone()), notes }
}

/// What may have been meant by a text that names nothing: at most three. `all`: the labels,
/// the newest first.
pub fn nearest(text: &str, all: &[Label]) -> Vec<String> {
    let mut labels: Vec<&Label> = all.iter().collect();
    let mut near = Vec::new();
    // The sort is stable: among equally near ones the newest stay in front.
    match text.parse::<Label>() {
        Ok(label) => labels.sort_by_key(|other| {
            (other.schema() != label.schema(), (other.time() - label.time()).abs())
        }),
        Err(_) => {
            let typed = text.to_lowercase();
            if strsim::levenshtein(&typed, LATEST) <= 2 {
                near.push(format!("`{LATEST}`"));
            }
            labels.sort_by_cached_key(|other| {
                let other = other.to_string();
                let alike = typed.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
                (strsim::levenshtein(&typed, &other), std::cmp::Reverse(alike))
            });
        }
    }
    near.extend(labels.iter().take(3).map(|label| format!("`{label}`")));
    near.truncate(3);
    near
}

#[cfg(test)]
#[path = "which_tests.rs"]
mod tests;
