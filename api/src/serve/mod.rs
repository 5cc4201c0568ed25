//! Runs the service until it is told to stop, then lets open requests finish.
//!
//! A client has a limited time for a request, and the number of connections is capped;
//! `seats` says who goes when the cap is reached.

mod seats;
mod signal;

use std::{convert::Infallible, future::Future, io, net::IpAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{Router, body::Body, http::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::app::{App, router};

pub(crate) use seats::Seat;
use seats::Seats;
pub use signal::signal;

// Docker sends SIGKILL 10 s after SIGTERM; be gone by then.
const GRACE: Duration = Duration::from_secs(8);
// After `accept` failed, for instance because there are too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// How much of the service clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub connections: usize,
    /// How long a client may take to send a request's header, its body, or, between two
    /// requests, nothing at all.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // Well below 1024, the usual limit of open files; the database takes some, too.
        Self { connections: 512, patience: Duration::from_secs(15) }
    }
}

impl Limits {
    /// Requests at work at once. Fewer than connections, so that `/healthz`, which does
    /// not count, always finds a connection that can be closed for it.
    pub(crate) fn requests(&self) -> usize {
        (self.connections - self.connections.div_ceil(4)).max(1)
    }
}

/// The address a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Serves on `listener` until `stop` completes, then for at most 8 seconds more.
pub async fn serve(listener: TcpListener, app: App, stop: impl Future<Output = ()>) -> Result<()> {
    let address = listener.local_addr().context("the listener has no address")?;
    let pool = app.pool.clone();
    let limits = app.limits;
    let seats = Seats::new(limits.connections);
    let router = router(app);
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    // Without a timer, hyper waits for ever. The time also counts before the first byte of
    // a request, so it limits idle connections as well.
    http.timer(TokioTimer::new()).header_read_timeout(limits.patience);
    tracing::info!(%address, "listening");
    tokio::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            next = accept(&listener, &seats) => next,
        };
        let (seat, leave) = tokio::select! {
            () = &mut stop => break,
            taken = seats.take() => taken,
        };
        let service = answer(router.clone(), Peer(peer), seat.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // Freed only when the connection is closed, whatever happens to its requests.
            let _seat = seat;
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, %peer, "connection");
                },
                _ = leave => tracing::debug!(%peer, "closed for a new connection"),
            }
        });
    }
    tracing::info!("stopping; finishing open requests");
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("gave up waiting for open requests");
    }
    // Says goodbye to the database; a hung connection may not keep us.
    let _ = tokio::time::timeout(Duration::from_secs(1), pool.close()).await;
    tracing::info!("stopped");
    Ok(())
}

// What the routes get to know of a connection travels in each request's extensions.
fn answer(
    router: Router,
    peer: Peer,
    seat: Seat,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response,
    Error = Infallible,
    Future: Future<Output = Result<Response, Infallible>> + Send,
> {
    service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(seat.clone());
        router.clone().oneshot(request.map(Body::new))
    })
}

async fn accept(listener: &TcpListener, seats: &Arc<Seats>) -> (TcpStream, IpAddr) {
    let mut failed = false;
    loop {
        let error = match listener.accept().await {
            Ok((stream, address)) => {
                // Answers are small and go out at once.
                let _ = stream.set_nodelay(true);
                return (stream, address.ip().to_canonical());
            }
            Err(error) => error,
        };
        let the_clients = [
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::ConnectionRefused,
        ];
        if the_clients.contains(&error.kind()) {
            continue;
        }
        // Most likely there are no more file descriptors: get one back.
        if !failed {
            tracing::warn!(%error, "cannot accept connections");
        }
        failed = true;
        seats.free_one();
        tokio::time::sleep(PAUSE).await;
    }
}
