//! The one place that starts other programs. Each has a deadline or a guard, its
//! stderr is kept for the error message, and no argument ever passes a shell.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use super::stream::Stream;
use super::{fs, inherit, stream};
use model::secret::Secret;

#[derive(Debug, Clone)]
pub struct Cmd {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(String, Secret)>,
    pub(super) env_removed: Vec<String>,
    pub(super) dir: Option<PathBuf>,
    stdin: Input,
    own_group: bool,
}

/// What a program reads from standard input.
#[derive(Debug, Clone)]
enum Input {
    Nothing,
    Text(Secret),
    File(PathBuf),
    Given,
}

/// What a finished program left behind.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// How it ended, for an error message: the code and the last lines of stderr.
    pub fn why(&self) -> String {
        describe(self.code, &self.stderr)
    }
}

pub(super) fn describe(code: Option<i32>, stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(8)..].join("\n  ");
    let how =
        code.map_or_else(|| "was ended by a signal".to_owned(), |c| format!("ended with code {c}"));
    if tail.is_empty() { how } else { format!("{how}:\n  {tail}") }
}

impl Cmd {
    /// A program by name (looked up in PATH) or path.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            // Our secrets may stand in our environment; who needs one is given it.
            env_removed: inherit::kept(),
            dir: None,
            stdin: Input::Nothing,
            own_group: false,
        }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    #[must_use]
    pub fn args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable in the child's environment; never shown.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), Secret::new(value.into())));
        self
    }

    /// Keeps one of our own variables from the child.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Self {
        self.env_removed.push(name.to_owned());
        self
    }

    /// Runs it in a folder.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// Gives it this text on standard input; otherwise standard input is empty.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = Input::Text(Secret::new(text.into()));
        self
    }

    /// Gives it a file on standard input.
    #[must_use]
    pub fn stdin_from(mut self, path: &Path) -> Self {
        self.stdin = Input::File(path.to_owned());
        self
    }

    /// Leaves its standard input to the code that starts it: the right side of a pipe.
    #[must_use]
    pub(super) fn stdin_piped(mut self) -> Self {
        self.stdin = Input::Given;
        self
    }

    /// Keeps Ctrl-C in the terminal from it: for work that must not be broken off.
    #[must_use]
    pub fn undisturbed(mut self) -> Self {
        self.own_group = true;
        self
    }

    /// The command as the user would read it; it never holds a secret because
    /// secrets never are arguments.
    pub fn shown(&self) -> String {
        let mut words = vec![self.program.display().to_string()];
        words.extend(self.args.iter().map(|arg| arg.to_string_lossy().into_owned()));
        words.join(" ")
    }

    pub(super) fn expression(&self) -> duct::Expression {
        let mut expression = duct::cmd(self.program.as_os_str(), &self.args).unchecked();
        expression = match &self.stdin {
            Input::Text(text) => expression.stdin_bytes(text.reveal().as_bytes()),
            Input::File(path) => expression.stdin_path(path),
            Input::Nothing => expression.stdin_null(),
            Input::Given => expression,
        };
        for (name, value) in &self.env {
            expression = expression.env(name, value.reveal());
        }
        // What is set above stays: of two wishes for one name duct follows the first.
        for name in &self.env_removed {
            expression = expression.env_remove(name);
        }
        if let Some(dir) = &self.dir {
            expression = expression.dir(dir);
        }
        if self.own_group {
            expression = expression.before_spawn(|command| {
                own_group(command);
                Ok(())
            });
        }
        expression
    }

    /// Runs it to its end and captures what it says.
    ///
    /// # Errors
    /// It cannot be started, or it is still running at the deadline (it is
    /// killed then). A non-zero exit code is not an error here.
    pub fn run(&self, deadline: Duration) -> Result<Finished> {
        let handle = self
            .expression()
            .stdout_capture()
            .stderr_capture()
            .start()
            .with_context(|| format!("start `{}`", self.program.display()))?;
        let Some(output) = handle.wait_timeout(deadline)? else {
            handle.kill().ok();
            bail!(
                "`{}` was still running after {} s and was stopped",
                self.shown(),
                deadline.as_secs()
            );
        };
        Ok(Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it and demands exit code 0; gives its standard output.
    ///
    /// # Errors
    /// As [`Cmd::run`], and any other exit code.
    pub fn read(&self, deadline: Duration) -> Result<String> {
        let finished = self.run(deadline)?;
        if !finished.ok() {
            bail!("`{}` {}", self.shown(), finished.why());
        }
        Ok(finished.stdout)
    }

    /// Runs it with its output going straight to our standard error, as for
    /// long installs and builds.
    pub fn run_shown(&self, deadline: Duration) -> Result<()> {
        match self.run_shown_to_end(deadline)? {
            Some(0) => Ok(()),
            code => bail!("`{}` {}", self.shown(), describe(code, "")),
        }
    }

    /// As [`Cmd::run_shown`], where it is to be `shown`; else what it says is kept for its
    /// failure.
    pub fn run_shown_if(&self, shown: bool, deadline: Duration) -> Result<()> {
        if shown {
            return self.run_shown(deadline);
        }
        // Into a file: whatever it leaves running in the background would hold a pipe open.
        let path = stream::scratch_file();
        let ended = fs::create_private(&path).and_then(|file| {
            let expression = self.expression().stderr_to_stdout().stdout_file(file);
            self.wait(expression, deadline)
        });
        let said = std::fs::read(&path).unwrap_or_default();
        fs::remove_if_exists(&path).ok();
        match ended? {
            Some(0) => Ok(()),
            code => {
                bail!("`{}` {}", self.shown(), describe(code, &String::from_utf8_lossy(&said)))
            }
        }
    }

    /// As [`Cmd::run_shown`], and gives the exit code, whatever it is.
    pub fn run_shown_to_end(&self, deadline: Duration) -> Result<Option<i32>> {
        self.wait(self.expression().stdout_to_stderr(), deadline)
    }

    fn wait(&self, expression: duct::Expression, deadline: Duration) -> Result<Option<i32>> {
        let handle =
            expression.start().with_context(|| format!("start `{}`", self.program.display()))?;
        let Some(output) = handle.wait_timeout(deadline)? else {
            handle.kill().ok();
            bail!(
                "`{}` was still running after {} s and was stopped",
                self.shown(),
                deadline.as_secs()
            );
        };
        Ok(output.status.code())
    }

    /// Runs it in our place: with our terminal, our environment and no deadline. Gives its
    /// exit code; `None`: a signal ended it.
    pub fn hand_over(mut self) -> Result<Option<i32>> {
        self.stdin = Input::Given;
        self.env_removed.clear();
        let ended = self.expression().run();
        let ended = ended.with_context(|| format!("start `{}`", self.program.display()))?;
        Ok(ended.status.code())
    }

    /// Starts it and streams its standard output. It is ended when nothing came
    /// for `stall`, when it runs longer than `deadline`, and after Ctrl-C.
    pub fn stream(&self, stall: Duration, deadline: Duration) -> Result<Stream> {
        let reader = self
            .expression()
            .stderr_capture()
            .reader()
            .with_context(|| format!("start `{}`", self.program.display()))?;
        Ok(Stream::new(reader, self.shown(), stall, deadline))
    }

    /// Starts a server that outlives this process, in a process group of its own
    /// so that Ctrl-C here does not reach it, its output going to `log`.
    /// Gives its process id.
    pub fn daemon(&self, log: std::fs::File) -> Result<u32> {
        let copy = log.try_clone().context("open the server's log twice")?;
        let expression =
            self.expression().stdout_file(log).stderr_file(copy).before_spawn(|command| {
                own_group(command);
                Ok(())
            });
        let handle =
            expression.start().with_context(|| format!("start `{}`", self.program.display()))?;
        handle.pids().first().copied().context("the server has no process id")
    }
}

#[cfg(unix)]
pub(super) fn own_group(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(windows)]
pub(super) fn own_group(command: &mut std::process::Command) {
    use std::os::windows::process::CommandExt;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// Where a program is, by looking through PATH (and PATHEXT on Windows).
pub fn find(program: &str) -> Option<PathBuf> {
    let path = super::env::var_os("PATH")?;
    let mut endings = vec![String::new()];
    if cfg!(windows) {
        let list = super::env::var("PATHEXT").unwrap_or_else(|| ".EXE;.CMD;.BAT".to_owned());
        endings.extend(list.split(';').map(str::to_owned));
    }
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if cfg!(unix) {
        // Servers live where an ordinary user's PATH does not look.
        folders.extend(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    }
    folders
        .iter()
        .flat_map(|folder| endings.iter().map(move |end| folder.join(format!("{program}{end}"))))
        .find(|candidate| candidate.is_file())
}

/// Whether a process with this id exists and is not a zombie.
pub fn alive(pid: u32) -> bool {
    if cfg!(target_os = "linux") {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
            !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z')
        })
    } else if cfg!(unix) {
        Cmd::new("sh")
            .args(["-c", "kill -0 \"$1\"", "sh", &pid.to_string()])
            .run(Duration::from_secs(5))
            .is_ok_and(|f| f.ok())
    } else {
        let filter = format!("PID eq {pid}");
        Cmd::new("tasklist")
            .args(["/NH", "/FI", &filter])
            .run(Duration::from_secs(10))
            .is_ok_and(|f| f.stdout.contains(&pid.to_string()))
    }
}

/// How a process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is asked to, and may take its time. Windows has no such request for
    /// programs without a window: there it is forced.
    Asked,
    Forced,
}

/// Ends a process. The caller has made sure that the id is the one it means.
pub fn end(pid: u32, how: End) -> Result<()> {
    let pid = pid.to_string();
    let command = if cfg!(windows) {
        Cmd::new("taskkill").args(["/F", "/PID", &pid])
    } else {
        // The shell's own `kill`: minimal systems have no program of that name.
        let script = match how {
            End::Asked => "kill -TERM \"$1\"",
            End::Forced => "kill -KILL \"$1\"",
        };
        Cmd::new("sh").args(["-c", script, "sh", &pid])
    };
    command.read(Duration::from_secs(10)).map(drop)
}

/// The command line of a running process, words joined by spaces; `None` when
/// it is not running or the system does not tell.
pub fn command_line(pid: u32) -> Option<String> {
    let asked = |program: &str, args: &[&str]| {
        let finished = Cmd::new(program).args(args).run(Duration::from_secs(10)).ok()?;
        Some(finished.stdout.trim().to_owned()).filter(|line| finished.ok() && !line.is_empty())
    };
    if cfg!(target_os = "linux") {
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
        Some(line.trim().to_owned()).filter(|line| !line.is_empty())
    } else if cfg!(unix) {
        asked("ps", &["-ww", "-o", "command=", "-p", &pid.to_string()])
    } else {
        let query =
            format!("(Get-CimInstance Win32_Process -Filter 'ProcessId = {pid}').CommandLine");
        asked("powershell", &["-NoProfile", "-NonInteractive", "-Command", &query])
    }
}

#[cfg(all(test, unix))]
#[path = "proc_tests.rs"]
mod tests;
