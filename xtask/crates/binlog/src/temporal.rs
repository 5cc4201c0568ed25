//! Dates and times as rows events hold them, to the text that SQL takes.

use crate::bytes::Bytes;
use crate::halt::Halt;

/// How many bytes a fraction of so many digits has.
pub(crate) fn fraction(digits: u8) -> usize {
    usize::from(digits.div_ceil(2))
}

/// `.25`, or nothing without digits. `raw` is in units of the last even digit.
fn tail(raw: u64, digits: u8) -> String {
    match usize::from(digits) {
        0 => String::new(),
        wanted => {
            let even = 2 * fraction(digits);
            let all = format!("{raw:0even$}");
            format!(".{}", all.get(..wanted).unwrap_or(&all))
        }
    }
}

pub(crate) fn date(bytes: &mut Bytes<'_>) -> Result<String, Halt> {
    let raw = bytes.low_first(3)?;
    Ok(format!("{:04}-{:02}-{:02}", raw >> 9, raw >> 5 & 15, raw & 31))
}

pub(crate) fn time(bytes: &mut Bytes<'_>, digits: u8) -> Result<String, Halt> {
    let more = fraction(digits);
    let raw = bytes.high_first(3 + more)?;
    let zero = 0x80_0000_u64 << (8 * more);
    let size = raw.abs_diff(zero);
    let (whole, part) = (size >> (8 * more), size & ((1 << (8 * more)) - 1));
    let sign = if raw < zero { "-" } else { "" };
    let (hours, minutes, seconds) = (whole >> 12 & 0x3ff, whole >> 6 & 63, whole & 63);
    Ok(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", tail(part, digits)))
}

pub(crate) fn datetime(bytes: &mut Bytes<'_>, digits: u8) -> Result<String, Halt> {
    let raw = bytes.high_first(5)?;
    let part = bytes.high_first(fraction(digits))?;
    let raw = raw
        .checked_sub(0x80_0000_0000)
        .ok_or_else(|| Halt::damaged("a DATETIME before all times"))?;
    let (days, clock) = (raw >> 17, raw & 0x1_ffff);
    let (months, day) = (days >> 5, days & 31);
    Ok(format!(
        "{:04}-{:02}-{day:02} {:02}:{:02}:{:02}{}",
        months / 13,
        months % 13,
        clock >> 12,
        clock >> 6 & 63,
        clock & 63,
        tail(part, digits)
    ))
}

/// A TIMESTAMP, in UTC.
pub(crate) fn timestamp(bytes: &mut Bytes<'_>, digits: u8) -> Result<String, Halt> {
    let seconds = bytes.high_first(4)?;
    let part = bytes.high_first(fraction(digits))?;
    if seconds == 0 {
        return Ok(format!("0000-00-00 00:00:00{}", tail(part, digits)));
    }
    let (year, month, day) = civil(seconds / 86_400);
    let clock = seconds % 86_400;
    Ok(format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}{}",
        clock / 3600,
        clock / 60 % 60,
        clock % 60,
        tail(part, digits)
    ))
}

/// Year, month and day of a number of days since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // Days since 1 March of the year 0, in eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + u64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(59), (1970, 3, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_787), (2026, 11, 30));
        assert_eq!(civil(49_710), (2106, 2, 7));
    }

    #[test]
    fn times_before_zero_count_backwards() {
        let read = |raw: &[u8], digits| time(&mut Bytes::new(raw), digits).unwrap();
        assert_eq!(read(&[0x80, 0, 0], 0), "00:00:00");
        assert_eq!(read(&[0x7f, 0xff, 0xff, 0xff], 2), "-00:00:00.01");
        assert_eq!(read(&[0x80, 0, 1, 0x00, 0x0a], 3), "00:00:01.001");
        assert_eq!(read(&[0x80, 0, 1, 0x01, 0xe2, 0x40], 6), "00:00:01.123456");
        assert_eq!(read(&[0x80, 0, 1, 0x01, 0xe2, 0x3a], 5), "00:00:01.12345");
    }
}
