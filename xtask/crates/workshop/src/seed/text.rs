//! Values as SQL text: words with everything in them that a dump has to carry
//! unharmed, and dates of a fixed period, so that no run depends on the clock.

use super::random::Random;

pub(crate) const FIRST: [&str; 16] = [
    "Silent",
    "Last",
    "Crimson",
    "Endless",
    "Broken",
    "Hidden",
    "Golden",
    "Winter",
    "Distant",
    "Burning",
    "Little",
    "Midnight",
    "Electric",
    "Forgotten",
    "Wild",
    "Blue",
];
pub(crate) const SECOND: [&str; 16] = [
    "Harbour", "Garden", "Signal", "Empire", "Mirror", "River", "Machine", "Letter", "Kingdom",
    "Shadow", "Voyage", "Orchard", "Summer", "Café", "Straße", "Señor",
];
pub(crate) const GIVEN: [&str; 16] = [
    "Ana",
    "José",
    "Zoë",
    "Björn",
    "Chloé",
    "Dmitri",
    "Aoife",
    "Kenji",
    "Fatima",
    "Łukasz",
    "Nguyễn",
    "O'Neil",
    "Søren",
    "Priya",
    "李",
    "Олена",
];
pub(crate) const FAMILY: [&str; 16] = [
    "Silva",
    "García",
    "Müller",
    "Novák",
    "O'Brien",
    "Tanaka",
    "Rossi",
    "Ivanova",
    "D'Angelo",
    "Okafor",
    "Kowalski",
    "Åberg",
    "Nilsson",
    "Haddad",
    "小林",
    "Смирнова",
];
/// Sentences of descriptions. Quotes, line breaks, backslashes, emoji, four-byte
/// letters and what looks like SQL: a dump that mangles one of them is found out.
const SENTENCES: [&str; 14] = [
    "A retired lighthouse keeper finds a letter that was never meant to be sent. ",
    "\"You can't go back,\" she said; he went anyway. ",
    "It's a story about O'Hara's garden, where nothing grows as it should.\n",
    "Shot in 35 mm\ton the coast, with a budget of 100 % hope. ",
    "The path C:\\films\\reel\\new\\0 leads nowhere. ",
    "🎬🍿 Audience award at the festival of Åland; 👩‍🚀 returns in part two. ",
    "Four-byte letters such as 𝒜, 𠜎 and 𐍈 are in the credits. ",
    "They said: 'don't; drop -- the subject /* ever */ again'. ",
    "Line one.\r\nLine two, after a line break of another system.\n",
    "Ein Film über die Größe kleiner Dinge. Un été à Saint-Malo. ",
    "`backticks`, a trailing backslash \\\\ and a tab\t are all part of the plot. ",
    "日本語の字幕つき。Український дубляж. ",
    "Nobody remembers the 1980s as they were (and that is the point). ",
    "What follows is a chase through five cities, two of them imaginary. ",
];

/// Appends text as a string literal.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('\'');
    for letter in text.chars() {
        if matches!(letter, '\'' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('\'');
}

/// Appends a number's last `width` digits.
fn digits(out: &mut String, value: u64, width: u32) {
    for place in (0..width).rev() {
        out.push(char::from(b'0' + (value / 10_u64.pow(place) % 10) as u8));
    }
}

/// Milliseconds in the period that dates are taken from: 2024-01-01 to 2026-10-01.
pub(crate) const PERIOD_MS: u64 = 1004 * DAY_MS;
const DAY_MS: u64 = 86_400_000;
/// Days from 1970-01-01 to 2024-01-01.
const FIRST_DAY: u64 = 19_723;

/// Appends a moment, in milliseconds from the period's beginning, as DATETIME(3).
pub(crate) fn moment(out: &mut String, ms: u64) {
    let (year, month, day) = date(FIRST_DAY + ms / DAY_MS);
    let rest = ms % DAY_MS;
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    out.push('\'');
    for (value, width, after) in [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, ' '),
        (hour, 2, ':'),
        (minute, 2, ':'),
        (second, 2, '.'),
        (rest % 1000, 3, '\''),
    ] {
        digits(out, value, width);
        out.push(after);
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the odd day is the last one.
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let day = of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

/// A description of two to twelve sentences; one in a hundred is very long.
pub(crate) fn description(random: &mut Random) -> String {
    let sentences = if random.chance(1) { 250 } else { 2 + random.below(11) };
    (0..sentences).map(|_| random.pick(&SENTENCES)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn values_are_literals() {
        assert_eq!(written(|out| string(out, "it's \\ 🎬")), "'it\\'s \\\\ 🎬'");
        assert_eq!(written(|out| moment(out, 0)), "'2024-01-01 00:00:00.000'");
        assert_eq!(written(|out| moment(out, 60 * DAY_MS - 1)), "'2024-02-29 23:59:59.999'");
        assert_eq!(written(|out| moment(out, 366 * DAY_MS + 1)), "'2025-01-01 00:00:00.001'");
        assert_eq!(written(|out| moment(out, PERIOD_MS)), "'2026-10-01 00:00:00.000'");
    }
}
