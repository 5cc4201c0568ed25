//! The tests that take longest, from the lines that the test program wrote.

/// How many are shown.
const SHOWN: usize = 10;

/// The slowest first, as lines to show. A line is seconds, a space and the test's name.
pub(super) fn lines(times: &str) -> Vec<String> {
    let parsed = times.lines().filter_map(|line| {
        let (seconds, name) = line.split_once(' ')?;
        Some((seconds.parse::<f64>().ok()?, name))
    });
    let mut all: Vec<(f64, &str)> = parsed.collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.iter().take(SHOWN).map(|(seconds, name)| format!("{seconds:>7.1} s  {name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_come_first() {
        let times: String = (1..=12)
            .map(|n| format!("{n}.5 gate::test_{n}\n"))
            .chain(["torn".to_owned()])
            .collect();
        let lines = lines(&times);
        assert_eq!(lines.len(), 10);
        assert_eq!(lines[0], "   12.5 s  gate::test_12");
    }
}
