//! What tells the service to stop.

use std::future::Future;

use anyhow::{Context, Result};

/// Completes on ctrl-c and on what service managers send: SIGTERM, or on Windows
/// ctrl-break and shutdown.
pub fn signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = terminate().context("cannot watch for signals")?;
    Ok(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminate.wait() => {}
        }
    })
}

#[cfg(unix)]
struct Terminate(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Terminate {
    async fn wait(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(unix)]
fn terminate() -> std::io::Result<Terminate> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(Terminate(signal(SignalKind::terminate())?))
}

#[cfg(windows)]
struct Terminate(tokio::signal::windows::CtrlBreak, tokio::signal::windows::CtrlShutdown);

#[cfg(windows)]
impl Terminate {
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

#[cfg(windows)]
fn terminate() -> std::io::Result<Terminate> {
    use tokio::signal::windows::{ctrl_break, ctrl_shutdown};
    Ok(Terminate(ctrl_break()?, ctrl_shutdown()?))
}
