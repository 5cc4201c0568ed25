//! Runs the service until it is told to stop, then lets open requests finish.

use std::{future::Future, time::Duration};

use anyhow::{Context, Result};
use tokio::{net::TcpListener, sync::watch};

use crate::app::{App, router};

// Docker sends SIGKILL 10 s after SIGTERM; be gone by then.
const GRACE: Duration = Duration::from_secs(8);

/// Serves on `listener` until `stop` completes, then for at most 8 seconds more.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, app: App, stop: impl Future<Output = ()>) -> Result<()> {
    let address = listener.local_addr().context("the listener has no address")?;
    let pool = app.pool.clone();
    let (tell, mut told) = watch::channel(false);
    let stopping = async move {
        // An error means that the sender is gone, which also means stop.
        let _ = told.wait_for(|stop| *stop).await;
    };
    let server = axum::serve(listener, router(app)).with_graceful_shutdown(stopping).into_future();
    tokio::pin!(server);
    tracing::info!(%address, "listening");
    tokio::select! {
        ended = &mut server => return ended.context("the server failed"),
        () = stop => tracing::info!("stopping; open requests may finish"),
    }
    tell.send_replace(true);
    match tokio::time::timeout(GRACE, server).await {
        Ok(ended) => ended.context("the server failed")?,
        Err(_) => tracing::warn!("gave up waiting for open requests"),
    }
    // Says goodbye to the database; a hung connection may not keep us.
    let _ = tokio::time::timeout(Duration::from_secs(1), pool.close()).await;
    tracing::info!("stopped");
    Ok(())
}

/// Completes on ctrl-c and on what service managers send: SIGTERM, or on Windows
/// ctrl-break and shutdown.
///
/// # Errors
/// When a handler cannot be installed.
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
