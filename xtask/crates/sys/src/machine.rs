//! What kind of machine this is, for figures that mean nothing without it.

use super::fs;
use model::bench::Machine;

use std::path::Path;

/// Looks; what the system does not tell stays unknown.
pub fn read() -> Machine {
    let text = |path: &str| fs::read_text(Path::new(path)).unwrap_or_default();
    Machine {
        cpu: value(&text("/proc/cpuinfo"), "model name", ':'),
        cores: std::thread::available_parallelism().map_or(1, |n| n.get() as u64),
        memory_bytes: value(&text("/proc/meminfo"), "MemTotal", ':').and_then(|it| kib(&it)),
        os: value(&text("/etc/os-release"), "PRETTY_NAME", '=')
            .map_or_else(|| std::env::consts::OS.to_owned(), |it| it.trim_matches('"').to_owned()),
    }
}

/// The most memory that a process ever held. `None` when it has ended, and where the
/// system does not tell.
pub fn peak_memory(pid: u32) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let status = fs::read_text(Path::new(&format!("/proc/{pid}/status"))).ok()?;
    value(&status, "VmHWM", ':').and_then(|it| kib(&it))
}

/// The value of the first line `name<sep>value`.
fn value(text: &str, name: &str, separator: char) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// "24576 kB" in bytes.
fn kib(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_off_the_systems_lists() {
        let text = "MemTotal:       24576 kB\nMemFree: 1 kB\nPRETTY_NAME=\"Debian\"\nempty:\n";
        assert_eq!(value(text, "MemTotal", ':').and_then(|it| kib(&it)), Some(24576 << 10));
        assert_eq!(value(text, "PRETTY_NAME", '=').as_deref(), Some("\"Debian\""));
        assert_eq!((value(text, "empty", ':'), value(text, "other", ':')), (None, None));
        assert_eq!((kib("12 MB"), kib("x kB")), (None, None));
        assert!(read().cores > 0);
    }
}
