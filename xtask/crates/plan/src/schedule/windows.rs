//! A task for the Windows Task Scheduler. A run that was missed is started when the
//! machine is there again, and the tool looks whether one is due.

use super::job::Job;
use super::launchd::escaped;
use super::when::TICK_MINUTES;

/// The task as XML. A task has no environment of its own: the workspace is its folder,
/// and the tool finds itself there.
pub fn task(job: &Job, from: chrono::NaiveDateTime) -> String {
    let job = job.if_due();
    let args: Vec<String> = job.args.iter().map(|arg| argument(arg)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n\
         <Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n\
         \x20 <RegistrationInfo>\n\
         \x20   <Description>Backups of StreamFlix. cargo xtask schedule uninstall removes it.</Description>\n\
         \x20 </RegistrationInfo>\n\
         \x20 <Triggers>\n\
         \x20   <TimeTrigger>\n\
         \x20     <Repetition>\n\
         \x20       <Interval>PT{TICK_MINUTES}M</Interval>\n\
         \x20       <StopAtDurationEnd>false</StopAtDurationEnd>\n\
         \x20     </Repetition>\n\
         \x20     <StartBoundary>{}</StartBoundary>\n\
         \x20     <Enabled>true</Enabled>\n\
         \x20   </TimeTrigger>\n\
         \x20 </Triggers>\n\
         \x20 <Settings>\n\
         \x20   <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n\
         \x20   <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n\
         \x20   <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n\
         \x20   <StartWhenAvailable>true</StartWhenAvailable>\n\
         \x20   <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\n\
         \x20   <Priority>7</Priority>\n\
         \x20 </Settings>\n\
         \x20 <Actions>\n\
         \x20   <Exec>\n\
         \x20     <Command>{}</Command>\n\
         \x20     <Arguments>{}</Arguments>\n\
         \x20     <WorkingDirectory>{}</WorkingDirectory>\n\
         \x20   </Exec>\n\
         \x20 </Actions>\n\
         </Task>\n",
        from.format("%Y-%m-%dT%H:%M:%S"),
        escaped(&job.program.display().to_string()),
        escaped(&args.join(" ")),
        escaped(&job.root.display().to_string()),
    )
}

/// A word of a command line, as programs on Windows take it apart.
fn argument(text: &str) -> String {
    if !text.is_empty() && !text.contains([' ', '\t', '"']) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    let mut slashes = 0;
    for c in text.chars() {
        match c {
            '\\' => slashes += 1,
            '"' => {
                out.push_str(&"\\".repeat(slashes * 2 + 1));
                slashes = 0;
                out.push('"');
                continue;
            }
            _ => {
                out.push_str(&"\\".repeat(slashes));
                slashes = 0;
                out.push(c);
                continue;
            }
        }
    }
    out.push_str(&"\\".repeat(slashes * 2));
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_started_when_it_was_missed() {
        let job = Job {
            name: "streamflix-backup-1".to_owned(),
            root: "C:\\My & Co".into(),
            program: "C:\\My & Co\\xtask.exe".into(),
            args: ["--backups", "D:\\my \"b\" \\", "schedule", "run"].map(str::to_owned).to_vec(),
            environment: Vec::new(),
            log: "C:\\log".into(),
        };
        let from = "2026-11-22T10:00:00".parse().expect("a time");
        let text = task(&job, from);
        for part in [
            "<StartWhenAvailable>true</StartWhenAvailable>",
            "<Interval>PT5M</Interval>",
            "<StartBoundary>2026-11-22T10:00:00</StartBoundary>",
            "<Command>C:\\My &amp; Co\\xtask.exe</Command>",
            "<Arguments>--backups &quot;D:\\my \\&quot;b\\&quot; \\\\&quot; schedule run --if-due</Arguments>",
            "<WorkingDirectory>C:\\My &amp; Co</WorkingDirectory>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
