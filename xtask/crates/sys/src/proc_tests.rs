//! Output that is kept for a failure.

use super::*;

const LEFT: &str = "sleep 20 & echo said >&2";
/// Less than what stays in the background takes.
const DEADLINE: Duration = Duration::from_secs(10);

#[test]
fn what_stays_in_the_background_holds_nobody_up() {
    let sh = |script: &str| Cmd::new("sh").args(["-c", script]);
    sh(LEFT).run_shown_if(false, DEADLINE).unwrap();
    let failed = sh(&format!("{LEFT}; exit 3")).run_shown_if(false, DEADLINE);
    let said = failed.unwrap_err().to_string();
    assert!(said.contains("said") && said.contains('3'), "{said}");
}
