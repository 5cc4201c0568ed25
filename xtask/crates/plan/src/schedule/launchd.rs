//! A property list for launchd. It knows intervals; what was missed while the machine
//! slept is one call when it wakes, and the tool looks whether a run is due.

use super::job::Job;
use super::when::TICK_MINUTES;

pub fn plist(job: &Job) -> String {
    let job = job.if_due();
    let string = |text: &str| format!("<string>{}</string>", escaped(text));
    let mut arguments = vec![string(&job.program.display().to_string())];
    arguments.extend(job.args.iter().map(|arg| string(arg)));
    let environment: String = job
        .environment
        .iter()
        .map(|(name, value)| {
            format!("      <key>{}</key>\n      {}\n", escaped(name), string(value))
        })
        .collect();
    let log = string(&job.log.display().to_string());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         \x20 <dict>\n\
         \x20   <key>Label</key>\n    {}\n\
         \x20   <key>ProgramArguments</key>\n    <array>\n      {}\n    </array>\n\
         \x20   <key>WorkingDirectory</key>\n    {}\n\
         \x20   <key>EnvironmentVariables</key>\n    <dict>\n{environment}    </dict>\n\
         \x20   <key>StartInterval</key>\n    <integer>{}</integer>\n\
         \x20   <key>RunAtLoad</key>\n    <true/>\n\
         \x20   <key>ProcessType</key>\n    <string>Background</string>\n\
         \x20   <key>Umask</key>\n    <integer>63</integer>\n\
         \x20   <key>StandardOutPath</key>\n    {log}\n\
         \x20   <key>StandardErrorPath</key>\n    {log}\n\
         \x20 </dict>\n\
         </plist>\n",
        string(&job.name),
        arguments.join("\n      "),
        string(&job.root.display().to_string()),
        TICK_MINUTES * 60,
    )
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_everything_is_named() {
        let job = Job {
            name: "streamflix-backup-1".to_owned(),
            root: "/Users/a & b".into(),
            program: "/Users/a & b/.local/bin/xtask".into(),
            args: vec!["schedule".to_owned(), "run".to_owned()],
            environment: vec![("XTASK_ROOT".to_owned(), "<x>".to_owned())],
            log: "/log".into(),
        };
        let text = plist(&job);
        for part in [
            "<string>/Users/a &amp; b/.local/bin/xtask</string>\n      <string>schedule</string>",
            "<string>--if-due</string>\n    </array>",
            "<key>XTASK_ROOT</key>\n      <string>&lt;x&gt;</string>",
            "<key>StartInterval</key>\n    <integer>300</integer>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
