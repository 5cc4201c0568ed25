//! The commands of a page under docs/, so that a test runs what a tired person types.

use std::path::Path;

use sys::fs;

/// The blocks of a kind (`sh`, `sql`) in the section of a page whose heading begins so.
pub fn blocks(page: &str, section: &str, kind: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_text(&root.join("docs").join(page)).unwrap();
    let start = text.find(&format!("\n## {section}")).unwrap_or_else(|| panic!("no {section}"));
    let rest = &text[start + 1..];
    let section = rest.find("\n## ").map_or(rest, |end| &rest[..end]);
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in section.lines().map(str::trim) {
        match &mut block {
            Some(text) if line == "```" => {
                blocks.push(std::mem::take(text));
                block = None;
            }
            Some(text) => *text += &format!("{line}\n"),
            None => block = (line == format!("```{kind}")).then(String::new),
        }
    }
    blocks
}

/// Every `cargo xtask` command of a section, as arguments, with the backup's label.
pub fn commands(page: &str, section: &str, label: &str) -> Vec<Vec<String>> {
    let all = blocks(page, section, "sh").concat();
    let commands = all.lines().filter_map(|line| line.strip_prefix("cargo xtask "));
    commands
        .map(|line| line.split_whitespace().map(|word| word.replace("LABEL", label)).collect())
        .collect()
}
